"""Coverage points: read the counts of runs, and add them up for each bench and module.

A point is something in the Verilog that a run can reach: a line, a branch of a condition, or a rise
or fall of one bit of a signal. Verilator counts points per instance and writes them to a text file.
Here, all instances of a module count together; different benches count separately.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from weft.hierarchy import SEPARATOR

LINE = re.compile(r"C '(.*)' (\d+)\n?")
KINDS = {"line": "line", "branch": "line", "toggle": "toggle"}
# Verilator's encoding of a character that is illegal in C++ names.
HIDDEN_CHARACTER = re.compile(r"__0([0-9A-F]{2})")


@dataclass(frozen=True)
class Point:
    """One coverage point.

    `kind`: line, toggle or functional. `bench`: the test that must reach it. `module`: name of the
    Verilog module without the prefix of the top module, or `top`; for a functional point, its
    group. `what`: bit and direction, or branch and text of its line, or bin. `line`: line number in
    the Verilog of the bench; 0 for a functional point.
    """

    kind: str
    bench: str
    module: str
    what: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.bench} {self.module} {self.what}"


def read_coverage(path: Path, bench: str, verilog: Path) -> Counter[Point]:
    """Count how often a run reached each point, from the coverage file of Verilator.

    Parameters
    ----------
    path, verilog : Path
        The coverage file and the Verilog of the run, top module first.

    Raises
    ------
    ValueError
        If the file does not have Verilator's format, or contains no points.
    """
    lines = verilog.read_text().splitlines()
    top = next(words[1] for words in map(str.split, lines) if words[:1] == ["module"])
    reached: Counter[Point] = Counter()
    with path.open(encoding="latin-1") as file:
        for number, text in enumerate(file, 1):
            if text.startswith("#"):
                continue
            try:
                fields, count = _fields_of(text)
                reached[_point_of(fields, bench, lines, top)] += count
            except (KeyError, IndexError, ValueError) as error:
                raise ValueError(f"{path}, line {number}: not a coverage point") from error
    if not reached:
        raise ValueError(f"{path} contains no coverage points")
    return reached


def _fields_of(text: str) -> tuple[dict[str, str], int]:
    match = LINE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    fields = (field.split("\2", 1) for field in match[1].split("\1") if field)
    return dict(fields), int(match[2])


def _point_of(fields: dict[str, str], bench: str, lines: list[str], top: str) -> Point:
    kind = fields["t"]
    line = int(fields["l"])
    module = fields["page"].split("/", 1)[1]
    module = "top" if module == top else module.removeprefix(f"{top}{SEPARATOR}")
    if kind == "toggle":
        signal, edge = fields["o"].rsplit(":", 1)
        signal = HIDDEN_CHARACTER.sub(lambda match: chr(int(match[1], 16)), signal)
        return Point("toggle", bench, module, f"{signal} {edge}", line)
    text = " ".join(lines[line - 1].split())
    # Two branches on one line differ only in their column.
    return Point(KINDS[kind], bench, module, f"{fields['o']} at {fields['n']}: {text}", line)


def listed(points: Iterable[Point]) -> list[str]:
    """Return points as lines of text in the format of waivers, with all bits of a signal on one."""
    bits: dict[tuple[str, int], list[int]] = {}
    lines: dict[str, None] = {}
    for point in points:
        match = re.fullmatch(r"(.*)\[(\d+)\]( \S+)", str(point))
        if point.kind == "toggle" and match:
            bits.setdefault((f"{match[1]}[]{match[3]}", point.line), []).append(int(match[2]))
        else:
            lines[_placed(str(point), point.line)] = None
    for (text, line), indices in bits.items():
        lines[_placed(text.replace("[]", f"[{_spans(sorted(indices))}]"), line)] = None
    return list(lines)


def _placed(text: str, line: int) -> str:
    return f"{text} (line {line})" if line else text


def _spans(indices: list[int]) -> str:
    """Format sorted indices as ranges: `3..7,9`."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


@dataclass(frozen=True)
class Tally:
    """Numbers of points of one kind: total, covered and waived."""

    total: int
    covered: int
    waived: int

    @classmethod
    def of(cls, points: Iterable[Point], reached: Counter[Point], waived: Iterable[Point]):
        points = set(points)
        covered = sum(reached[point] > 0 for point in points)
        return cls(len(points), covered, len(points.intersection(waived)))

    @property
    def fraction(self) -> float:
        """Fraction covered of the points that are not waived; 1 if there are none."""
        wanted = self.total - self.waived
        return self.covered / wanted if wanted else 1.0
