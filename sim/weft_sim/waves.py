"""Readable waves: views of a trace for GTKWave and Surfer.

`make_views` reads a trace of an emitted unit and writes files for the viewers next to it;
`wave_groups` defines their contents. `make_demo` also makes the trace.
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weft import TINY
from weft.matrix.config import MatrixUnitConfig
from weft_model.operands import draw_operands

from .checked_run import run
from .toolchain import build_root
from .trace import Trace
from .wave_groups import groups
from .wave_rows import decoders_of
from .wave_views import write_gtkwave, write_mappings, write_surfer, write_translations

# A viewer that still runs after this time has found its display.
STARTUP_SECONDS = 1

NO_VIEWER = (
    "no wave viewer is installed: get GTKWave (apt install gtkwave; dnf install gtkwave) or "
    "Surfer (brew install surfer), or open the trace in a browser at app.surfer-project.org or "
    "in VS Code with the VaporView extension."
)


@dataclass(frozen=True)
class Views:
    """Files written by `make_views`.

    `switches`: times at which a new tile enters the array, in ticks of the trace. `translations`:
    the filter files that the save file names. `mappings`: the same for Surfer.
    """

    trace: Path
    gtkwave: Path
    surfer: Path
    translations: tuple[Path, ...]
    mappings: tuple[Path, ...]
    switches: tuple[int, ...]


def make_views(trace: Path, config: MatrixUnitConfig) -> Views:
    """Write a GTKWave save file and a Surfer command file next to a trace.

    Parameters
    ----------
    trace : Path
        FST or VCD, written by `checked_run.run` with this configuration and `waves`.

    Raises
    ------
    ValueError
        If the trace is not of a unit with this configuration.
    """
    trace = trace.resolve()
    source = Trace(trace)
    shown = groups(config)
    for row in (row for group in shown for row in group.rows):
        source.width(row.path)
    switches = source.switches()
    decoders = decoders_of(shown, source)
    translations = write_translations(trace.parent, decoders)
    mappings = write_mappings(trace.parent, decoders)
    save_file = trace.with_suffix(".gtkw")
    gtkwave = write_gtkwave(save_file, source, shown, switches, translations)
    surfer = write_surfer(trace.with_suffix(".sucl"), source, shown, switches, mappings)
    return Views(
        trace=trace,
        gtkwave=gtkwave,
        surfer=surfer,
        translations=tuple(translations.values()),
        mappings=tuple(mappings.values()),
        switches=tuple(switches),
    )


def make_demo(
    config: MatrixUnitConfig = TINY,
    directory: Path | None = None,
    simulator: str = "verilator",
    seed: int = 1,
    *,
    building: Callable[[], None] | None = None,
) -> Views:
    """Run a product that is small enough to follow by eye, and write its views.

    The product changes tiles once. `directory` is build/waves by default.
    """
    a, b = demo_operands(config, seed)
    outcome = run(
        config,
        [(a, b)],
        simulator=simulator,
        directory=directory or build_root() / "waves",
        waves=True,
        building=building,
    )
    assert outcome.trace is not None
    return make_views(outcome.trace, config)


def demo_operands(config: MatrixUnitConfig, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return A and B for two tiles, of small numbers; A has R + 1 rows if the accumulators do."""
    m, k = min(config.rows + 1, config.accumulator_depth), 2 * config.rows
    return draw_operands(config, m, k, config.columns, seed=seed, kind="digits")


def open_viewer(views: Views) -> subprocess.Popen:
    """Open Surfer, or GTKWave if there is no Surfer, and return at once.

    Raises
    ------
    RuntimeError
        If neither is installed, or the viewer ends at once (no display).
    """
    if shutil.which("surfer"):
        command = ["surfer", str(views.trace), "--command-file", str(views.surfer)]
    elif shutil.which("gtkwave"):
        command = ["gtkwave", str(views.gtkwave)]
    else:
        raise RuntimeError(NO_VIEWER)
    quiet = subprocess.DEVNULL
    # Surfer looks for mappings in its working folder.
    viewer = subprocess.Popen(
        command, cwd=views.trace.parent, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        code = viewer.wait(STARTUP_SECONDS)
    except subprocess.TimeoutExpired:
        return viewer
    # Without a display, GTKWave ends with code 0.
    raise RuntimeError(
        f"{command[0]} ended at once, with code {code}: is there a display? "
        f"`{' '.join(command)}` shows its messages."
    )
