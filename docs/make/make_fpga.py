"""Write the measured parts of the pages on FPGAs from build/fpga/table: `make fpga-docs`.

A point that has no result of the current design keeps its figures, which are marked.
"""

import dataclasses
import sys
from dataclasses import dataclass
from functools import cache
from statistics import median

import measured
import plots
from canvas import save
from markdown_table import table
from tables import DOCS
from weft import MatrixUnitConfig
from weft.boards import BOARDS
from weft_cli.fpga.build import BoardDesign, Job, read_report
from weft_cli.fpga.cells import array_cost
from weft_cli.fpga.table import FAST, folder, jobs, result_path

UNITS_PAGE, CORES_PAGE = PAGES = DOCS / "fpga.md", DOCS / "core_on_a_board.md"
UNIT_PARTS = ("results", "formats", "paths")
# Arrays alone: board that determines family and formats, rows, columns, options.
ARRAYS = (
    ("ulx3s-85f", 8, 8, {}),
    ("ulx3s-85f", 16, 8, FAST),
    *[
        ("ulx3s-85f", 8, 8, {"activation": formats, "weight": formats, "accumulator_width": 0})
        for formats in (
            "int8,uint8",
            "int16",
            "float8_e4m3fn",
            "float8_e5m2",
            "float6_e3m2fn",
            "float4_e2m1fn",
            "bfloat16",
        )
    ],
    ("icebreaker", 4, 4, {}),
    ("icebreaker", 4, 4, {"activation": "int8,uint8", "weight": "int8,uint8"}),
    ("tang-nano-9k", 4, 4, {}),
)
HEADS = (
    *("Board", "Array", "LUT", "Flip-flops", "Multipliers", "Memories"),
    *("Target MHz", "MHz, median", "MHz, range", "Seeds", "GMAC/s"),
)
PATH_HEADS = ("Board", "Array", "Critical path")
# Keys of a report.
COUNTED = {"lut": "LUTs", "ff": "flip-flops", "dsp": "multipliers", "bram": "memories"}


@dataclass(frozen=True)
class Point:
    """One unit or core on one board, and the reports of the seeds with which it was built."""

    job: Job
    reports: list[dict]

    @property
    def name(self) -> str:
        return array_name(self.job.unit, formats=not self.job.core)

    @property
    def has_default_formats(self) -> bool:
        own, usual = self.job.unit, self.job.board.config
        return (own.activation, own.weight) == (usual.activation, usual.weight)


@cache
def points() -> list[Point]:
    """Every point of the table, smallest arrays first, with the results of the current designs."""
    found: dict[Job, list[dict]] = {}
    for job in jobs():
        seeds = found.setdefault(dataclasses.replace(job, seed=0), [])
        report = read_report(result_path(BoardDesign.of(job).key))
        if report is not None and "failed" not in report:
            seeds.append(report)
    if not any(found.values()):
        sys.exit(f"{folder()} has no result of the current designs: run `make fpga-table` first")
    boards = list(BOARDS.values())
    order = sorted(found, key=lambda j: (boards.index(j.board), j.unit.rows * j.unit.columns))
    return [Point(job, found[job]) for job in order]


def units() -> list[Point]:
    return [point for point in points() if not point.job.core]


def built() -> list[Point]:
    return [point for point in points() if point.reports]


def array_name(config: MatrixUnitConfig, *, formats: bool = True) -> str:
    """The size of an array and its options; `formats`: name its operands, unless they are int8."""
    kind = "" if config.inner_product == "plain" else f", {config.inner_product}"
    soft = f", {config.soft_columns} soft" if config.soft_columns else ""
    checksum = ", checksum" if config.checksum else ""
    operands = f", {config.activation}" if formats and str(config.activation) != "int8" else ""
    return f"{config.rows} x {config.columns}{operands}{kind}{soft}{checksum}"


def results() -> str:
    """Resources, frequency over the seeds, and peak of every point of int8."""
    return _results("results", [point for point in units() if point.has_default_formats])


def formats() -> str:
    """The same of every point of other formats."""
    return _results("formats", [point for point in units() if not point.has_default_formats])


def cores() -> str:
    """The same of every core."""
    return _results("cores", [point for point in points() if point.job.core])


def _results(part: str, listed: list[Point]) -> str:
    rows, earlier = [], _rows_of(part)
    for point in listed:
        config, clock = point.job.unit, f"{point.job.clock_mhz:g}"
        if not point.reports:
            empty = (point.job.board.name, point.name, *[""] * 4, clock, "", "", "", "")
            rows.append(_earlier(earlier.get(empty[:2])) or empty)
            continue
        first = point.reports[0]
        fmax = [r["fmax_mhz"] for r in point.reports]
        middle = median(fmax)
        rows.append(
            (
                point.job.board.name,
                point.name,
                f"{first['lut']:,}",
                f"{first['ff']:,}",
                first["dsp"],
                first["bram"],
                clock,
                f"**{middle:.0f}**",
                f"{min(fmax):.0f} to {max(fmax):.0f}",
                ", ".join(str(r["seed"]) for r in point.reports),
                f"{config.rows * config.columns * middle / 1000:.2f}",
            )
        )
    return table(HEADS, rows)


def _rows_of(part: str) -> dict[tuple[str, str], dict[str, str]]:
    """The rows of a table of the pages, by board and array."""
    page = UNITS_PAGE if part in UNIT_PARTS else CORES_PAGE
    return {(row["Board"], row["Array"]): row for row in measured.read_table(page.stem, part)}


def _earlier(row: dict[str, str] | None) -> tuple[str, ...] | None:
    """A row of figures of an earlier version, marked as such; None if there is none."""
    if row is None or not row["Seeds"]:
        return None
    marks = {"MHz, median": f"**{row['MHz, median']}**", "Seeds": f"{row['Seeds']} *"}
    return tuple((row | marks)[head] for head in HEADS)


def checksum() -> str | None:
    """What checksums add to each point, compared with the same point without, if both are built."""
    without = {point.job: point for point in units()}
    lines = []
    for point in units():
        config = point.job.unit
        if not config.checksum:
            continue
        twin = without[
            dataclasses.replace(point.job, config=dataclasses.replace(config, checksum=False))
        ]
        if point.reports and twin.reports:
            lines.append(f"- {point.job.board.name}, {point.name}: {compared(point, twin)}.")
    return "\n".join(lines) or None


def compared(point: Point, twin: Point) -> str:
    """The counts and the median frequency of a point, as changes from those of another."""
    own, other = point.reports[0], twin.reports[0]
    changes = [
        f"{own[key] - other[key]:+,} {what} ({own[key] / other[key] - 1:+.0%})"
        for key, what in COUNTED.items()
    ]
    old, new = (median(r["fmax_mhz"] for r in p.reports) for p in (twin, point))
    return f"{', '.join(changes)}; {new:.0f} MHz instead of {old:.0f} MHz ({new / old - 1:+.0%})"


def paths() -> str:
    """The critical path of the first seed of each unit."""
    return _paths("paths", units())


def core_paths() -> str:
    """The same of each core."""
    return _paths("core_paths", [point for point in points() if point.job.core])


def _paths(part: str, listed: list[Point]) -> str:
    rows, earlier = [], _rows_of(part)
    for point in listed:
        place = point.job.board.name, point.name
        if point.reports:
            rows.append((*place, point.reports[0]["critical_path"]))
        elif place in earlier:
            rows.append((*place, earlier[place]["Critical path"]))
    return table(PATH_HEADS, rows)


def cells() -> str:
    """What the array alone takes for each multiply-accumulate per cycle."""
    rows = []
    for board, height, columns, options in ARRAYS:
        config = dataclasses.replace(BOARDS[board].config, rows=height, columns=columns, **options)
        cost = array_cost(config, BOARDS[board].family)
        numbers = f"{cost['lut']:.1f}", f"{cost['ff']:.1f}", f"{cost['dsp']:.2f}"
        rows.append((BOARDS[board].family, array_name(config), *numbers))
    return table(("Family", "Array", "LUT", "Flip-flops", "Multipliers"), rows)


def tools() -> str:
    """Versions of the tools that built the table."""
    versions = {tool: v for p in built() for tool, v in p.reports[0]["tools"].items()}
    return ", ".join(f"{tool} {versions[tool]}" for tool in sorted(versions)) + "."


PARTS = {
    "results": results,
    "formats": formats,
    "cores": cores,
    "checksum": checksum,
    "paths": paths,
    "core_paths": core_paths,
    "tools": tools,
    "cells": cells,
}


def main() -> None:
    """Write the pages and the plot."""
    for page in PAGES:
        measured.rewrite(page, lambda name: PARTS[name]())
        print(page)
    print(save(plots.fpga(), "fpga"))


if __name__ == "__main__":
    main()
