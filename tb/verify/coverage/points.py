"""Points of coverage: read what runs have reached, and add it up for each bench and module.

A point is a place of the Verilog that a run can reach: a line, a branch of a condition, or a bit
of a signal that rises or falls. Verilator counts them for every instance and leaves them in a text
file; the instances of a module are one here, two benches never are.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"C '(.*)' (\d+)\n?")
KINDS = {"line": "line", "branch": "line", "toggle": "toggle"}
# Verilator's name of a character that a C++ name cannot hold.
HIDDEN_CHARACTER = re.compile(r"__0([0-9A-F]{2})")


@dataclass(frozen=True)
class Point:
    """One place that a run can reach.

    `kind`: line, toggle or functional. `bench`: the test that is to reach it. `module`: name of
    the Verilog module without that of the top, which is `top`; for a functional point, its group.
    `what`: bit and direction, or the branch and the text of its line, or the bin. `line`: number of
    the line in that bench's Verilog, 0 of a functional point.
    """

    kind: str
    bench: str
    module: str
    what: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.bench} {self.module} {self.what}"


def read_coverage(path: Path, bench: str, verilog: Path) -> Counter[Point]:
    """How often a run has reached each point, from the file that Verilator's simulation wrote.

    Parameters
    ----------
    path, verilog : Path
        The file, and the Verilog that it counts in, the top module first.

    Raises
    ------
    ValueError
        If the file is not what Verilator writes, or holds no point.
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
                raise ValueError(f"{path}, line {number}: no point of coverage") from error
    if not reached:
        raise ValueError(f"{path} holds no point of coverage")
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
    module = "top" if module == top else module.removeprefix(f"{top}_")
    if kind == "toggle":
        signal, edge = fields["o"].rsplit(":", 1)
        signal = HIDDEN_CHARACTER.sub(lambda match: chr(int(match[1], 16)), signal)
        return Point("toggle", bench, module, f"{signal} {edge}", line)
    text = " ".join(lines[line - 1].split())
    # Two branches of one line differ in their column only.
    return Point(KINDS[kind], bench, module, f"{fields['o']} at {fields['n']}: {text}", line)


def listed(points: Iterable[Point]) -> list[str]:
    """Points as lines of text, the bits of a signal in one; in the form that waivers have."""
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
    """Sorted indices, neighbours joined: `3..7,9`."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


@dataclass(frozen=True)
class Tally:
    """Points of one kind: how many there are, were reached, and need not be."""

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
        """Of the points that are to be reached, those that were; 1 if there is none."""
        wanted = self.total - self.waived
        return self.covered / wanted if wanted else 1.0
