"""Write files for wave viewers: a save file for GTKWave and a command file for Surfer.

Each has files beside it that turn values into text: GTKWave's translations, Surfer's mappings.
"""

import io
import math
from pathlib import Path

from vcd.gtkw import GTKWSave, make_translation_filter

from weft.emit.files import write_whole

from .trace import Trace
from .wave_rows import Decoder, Group, Row

# Number of cycles that fit on one screen next to the names, and the size of the window.
SCREEN_CYCLES = 64
WINDOW = (1600, 1000)
NAMES_WIDTH, WAVES_WIDTH = 240, 1150

# GTKWave's named markers are the letters a to z; its zoom is the number of ticks on these pixels.
MARKERS = "abcdefghijklmnopqrstuvwxyz"
ZOOM_PIXELS = 200

# First part of the file names in a save file. GTKWave looks for such files in its working folder.
# Because [savefile] begins with it too, GTKWave also looks in the current folder of the save file.
# GTKWave compares the folders of both names, and ignores folders of a single character.
HERE = "././"


def write_translations(folder: Path, decoders: list[Decoder]) -> dict[str, Path]:
    """Write a GTKWave filter file for each decoder; return their paths by decoder name."""
    return {
        decoder.name: _write(folder / "translate" / f"{decoder.file}.txt", _filter(decoder))
        for decoder in decoders
    }


def write_mappings(folder: Path, decoders: list[Decoder]) -> dict[str, Path]:
    """Write a Surfer mapping for each decoder, where Surfer looks when started in the folder.

    Return their paths by decoder name.
    """
    return {
        decoder.name: _write(folder / ".surfer" / "mappings" / decoder.file, _mapping(decoder))
        for decoder in decoders
    }


def write_gtkwave(
    path: Path,
    source: Trace,
    shown: list[Group],
    switches: list[int],
    translations: dict[str, Path],
) -> Path:
    """Write a save file of the groups, with a marker at each of the first 26 switches."""
    text = io.StringIO()
    _save(GTKWSave(text), source, shown, switches, translations)
    return _write(path, text.getvalue())


def write_surfer(
    path: Path,
    source: Trace,
    shown: list[Group],
    switches: list[int],
    mappings: dict[str, Path],
) -> Path:
    """Write a command file of the same contents."""
    return _write(path, _commands(source, shown, switches, mappings))


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
    return path


def _filter(decoder: Decoder) -> str:
    """Return a GTKWave filter file; its numbers are hexadecimal, like the rows that use it."""
    return make_translation_filter(list(decoder.texts.items()), "hex", decoder.width)


def _mapping(decoder: Decoder) -> str:
    """Return a mapping translator of Surfer."""
    lines = [f"Name = {decoder.file}", f"Bits = {decoder.width}"]
    lines += [f"0b{value:0{decoder.width}b} {text}" for value, text in decoder.texts.items()]
    return "\n".join(lines) + "\n"


def _save(
    save: GTKWSave,
    source: Trace,
    shown: list[Group],
    switches: list[int],
    translations: dict[str, Path],
) -> None:
    save.dumpfile(_here(source.path, source), abspath=False)
    save.savefile(_here(source.path.with_suffix(".gtkw"), source), abspath=False)
    save.timestart(0)
    save.size(*WINDOW)
    named = dict(zip(MARKERS, switches, strict=False))
    save.zoom_markers(_zoom(source), -1, **named)  # pyright: ignore[reportArgumentType]
    save.sst_expanded(False)
    save.signals_width(NAMES_WIDTH)
    for group in shown:
        with save.group(group.name, closed=group.closed):
            for row in group.rows:
                _save_row(save, source, row, translations)


def _here(path: Path, source: Trace) -> str:
    """Return the name, in the save file, of a file in or below the folder of the trace."""
    return f"{HERE}{path.relative_to(source.path.parent)}"


def _zoom(source: Trace) -> float:
    """Return the GTKWave zoom that shows the trace, or its first SCREEN_CYCLES."""
    last = source.cycles[:SCREEN_CYCLES][-1]
    return -math.log2(max(1, last) * ZOOM_PIXELS / WAVES_WIDTH)


def _save_row(save: GTKWSave, source: Trace, row: Row, translations: dict[str, Path]) -> None:
    formats = {"wave": "bin", "signed": "signed", "unsigned": "dec", "binary": "bin"}
    width = source.width(row.path)
    name = f"{source.top}.{row.path}" + (f"[{width - 1}:0]" if width > 1 else "")
    look = {
        "color": row.color,
        "datafmt": formats.get(row.look, "hex"),
        "translate_filter_file": (
            _here(translations[row.look], source) if row.look in translations else None
        ),
    }
    if row.low is None or row.width == width:
        save.trace(name, row.name, **look)
    elif row.width == 1:
        save.trace(f"({width - 1 - row.low}){name}", row.name, **look)
    else:
        # A part of a vector is a vector of its bits, which GTKWave counts from the top.
        high = width - row.low - row.width
        bits = " ".join(f"({bit}){name}" for bit in range(high, high + row.width))
        save.trace(f"#{{{row.name}}} {bits}", **look)


def _commands(
    source: Trace, shown: list[Group], switches: list[int], mappings: dict[str, Path]
) -> str:
    """Return commands for Surfer; each row is focused by its position before it is formatted.

    Surfer shows no parts of vectors: such a row becomes the whole signal, once.
    """
    formats = {"signed": "Signed", "unsigned": "Unsigned", "binary": "Binary"}
    formats |= {name: path.name for name, path in mappings.items()}
    lines: list[str] = []
    count = 0

    def add(command: str, *dress: str) -> None:
        nonlocal count
        lines.extend([command, f"item_focus {_surfer_place(count)}", *dress])
        count += 1

    for number, group in enumerate(shown):
        add(f"divider_add group_{number}", f"item_rename {group.name}", "item_set_color Yellow")
        whole: set[str] = set()
        for row in group.rows:
            variable = f"variable_add {source.top}.{row.path}"
            if row.low is None:
                dress = [f"item_rename {row.name}"]
                if row.look != "wave":
                    dress.insert(0, f"item_set_format {formats.get(row.look, row.look)}")
                add(variable, *dress)
            elif row.path not in whole:
                whole.add(row.path)
                look = "Binary" if row.path.endswith("tuser") else "Hexadecimal"
                add(variable, f"item_set_format {look}")
    for number, time in enumerate(switches[: len(MARKERS)]):
        lines.append(f"marker_set tile_{number} {time}")
    return "\n".join([*lines, "item_unfocus", "zoom_fit"]) + "\n"


def _surfer_place(index: int) -> str:
    """Return Surfer's name of a position in its list: hexadecimal with a to p as digits."""
    return "".join("abcdefghijklmnop"[int(digit, 16)] for digit in f"{index:x}")
