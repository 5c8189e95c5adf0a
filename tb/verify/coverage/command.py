"""`verify coverage`: run the benches so that they count, judge what they reached, and report it.

What is judged, and how. Three whole units, a plain, a fast and a small one (units.py),
run under the coroutines of the benches of whole units; beside them the benches of the single blocks
run, each on its first configuration. Every run is judged by itself: all points of its Verilog must
be reached in that run, or be waived. So a signal that toggles in the plain unit does not count for
the fast one, nor in the bench of a block for the unit that it is part of. The instances of a module
within a run are one: a bit must rise and fall in some cell, not in every one.

Lines and branches are those of the emitted Verilog. Verilator counts no toggles of signals whose
names begin with an underscore, which Yosys gives to results between two operators. Not judged: the
blocks of FPGAs, boards, and of the host link all but frames, beats and the serial line.
"""

import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from benches.repository import ROOT, TB
from weft.emit.files import write_whole
from weft_cli.benchmarks.results import machine
from weft_cli.console import console
from weft_sim import toolchain
from weft_sim.simulator import COVERAGE_FILE, COVERAGE_SOURCE

from .bins import BINS
from .points import Point, Tally, listed, read_coverage
from .waivers import Waiver, apply, read_waivers

UNITS = "verify/coverage/units.py"
# The bench of the fast array is slow to build, and all its modules are in the fast unit.
BLOCKS = (
    "hw/matrix/test_accumulators.py",
    "hw/matrix/test_admission.py",
    "hw/array/test_systolic_array.py",
    "hw/array/test_cell.py",
    "hw/matrix/test_checksum_column.py",
    "hw/matrix/test_counters.py",
    "hw/array/test_fast_cell.py",
    "hw/array/test_pairs_check.py",
    "hw/matrix/test_result_check.py",
    "hw/matrix/test_results.py",
    "hw/array/test_row.py",
    "hw/blocks/test_skew.py",
    "hw/primitives/test_soft_multiplier.py",
    "hw/matrix/test_weights.py",
    "hw/host_link/test_beats.py",
    "hw/host_link/test_framing.py",
    "hw/host_link/test_uart.py",
)
WAIVERS = Path(__file__).with_name("waivers.toml")
# Bins that the coroutines of a run have hit: group, name, count.
BINS_FILE = "bins.json"
KINDS = ("line", "toggle", "functional")
SHOWN = 40


@dataclass(frozen=True)
class CoverageResult:
    """What runs have reached: counts by point, waived points by waiver, and what is missing."""

    reached: Counter[Point]
    waived: dict[str, list[Point]]
    missing: list[Point]


def measure(seed: int, workers: int) -> bool:
    """Run the benches and report; True if every point is reached or waived.

    Raises
    ------
    ValueError
        If a waiver matches nothing.
    RuntimeError
        If a bench fails or leaves nothing to judge.
    """
    toolchain.require("verilator")
    waivers = read_waivers(WAIVERS)
    root = toolchain.build_root() / "coverage"
    began = time.perf_counter()
    run_benches(root, seed, workers)
    result = judge(read_runs(root / "tests"), waivers)
    seconds = time.perf_counter() - began
    report = make_report(result, waivers, seed, seconds)
    write_whole(root / "report.json", json.dumps(report, indent=2) + "\n")
    show(report)
    console.print(f"{root / 'report.json'}")
    return not result.missing


def run_benches(root: Path, seed: int, workers: int) -> None:
    """Run the benches on Verilator, counting, in a build folder of their own."""
    shutil.rmtree(root / "tests", ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("COCOTB_TEST_FILTER", "COCOTB_TESTCASE", "WEFT_WAVES", "PYTEST_ADDOPTS")
    }
    environment |= {
        "SEED": str(seed),
        "SIM": "verilator",
        "WEFT_BUILD": str(root),
        "WEFT_COVERAGE": "1",
    }
    files = [TB / name for name in (UNITS, *BLOCKS)]
    chosen = ["-n", str(workers), "-m", "not large", "-k", "verilator"]
    command = [sys.executable, "-m", "pytest", *chosen, *map(str, files)]
    console.print(f"{len(files)} files of benches, seed {seed}")
    log = root / "benches.log"
    with log.open("w") as output:
        benches = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    if benches.returncode:
        raise RuntimeError(f"the benches failed, so there is nothing to judge; see {log}")


def read_runs(tests: Path) -> Counter[Point]:
    """How often each point was reached, of all runs below a folder; RuntimeError if one is missing.

    A run's bench is named as its test: `unit-plain`, `admission-depth-4`.
    """
    reached: Counter[Point] = Counter()
    known = set()
    for path in sorted(tests.glob(f"*/{COVERAGE_FILE}")):
        folder = path.parent
        file, test = re.findall(r"^([\w-]+\.py)-test_(.+?)-+verilator$", folder.name)[0]
        known.add(file)
        reached.update(read_coverage(path, test, folder / COVERAGE_SOURCE))
        if (folder / BINS_FILE).is_file():
            reached.update(read_bins(folder / BINS_FILE, test))
    if lost := {name.replace("/", "-") for name in (UNITS, *BLOCKS)} - known:
        raise RuntimeError(f"benches that left no coverage: {', '.join(sorted(lost))}")
    return reached


def read_bins(path: Path, bench: str) -> Counter[Point]:
    """How often each bin was hit, those that never were included."""
    hits = {(group, name): count for group, name, count in json.loads(path.read_text())}
    return Counter(
        {
            Point("functional", bench, group, name): hits.get((group, name), 0)
            for group, names in BINS.items()
            for name in names
        }
    )


def judge(reached: Counter[Point], waivers: Iterable[Waiver]) -> CoverageResult:
    """Which points are missing; ValueError if a waiver matches no point that was not reached."""
    unreached = [point for point, count in reached.items() if not count]
    waived = apply(waivers, unreached)
    excused = {point for points in waived.values() for point in points}
    missing = [point for point in unreached if point not in excused]
    return CoverageResult(reached, waived, missing)


def make_report(result: CoverageResult, waivers: list[Waiver], seed: int, seconds: float) -> dict:
    """The report as it is written: totals, each module, each bin, and the waivers."""
    excused = {point for points in result.waived.values() for point in points}

    def tally(points: Iterable[Point]) -> dict:
        counted = Tally.of(points, result.reached, excused)
        return asdict(counted) | {"percent": math.floor(10000 * counted.fraction) / 100}

    modules: dict[str, dict[str, list[Point]]] = {}
    for point in result.reached:
        if point.kind != "functional":
            kinds = modules.setdefault(f"{point.bench} {point.module}", {})
            kinds.setdefault(point.kind, []).append(point)
    bins = [point for point in result.reached if point.kind == "functional"]
    return {
        **{kind: tally(point for point in result.reached if point.kind == kind) for kind in KINDS},
        "bins": {
            bench: {
                group: {
                    point.what: result.reached[point]
                    for point in bins
                    if (point.bench, point.module) == (bench, group)
                }
                for group in BINS
            }
            for bench in sorted({point.bench for point in bins})
        },
        "modules": {
            name: {kind: tally(points) for kind, points in kinds.items()}
            for name, kinds in sorted(modules.items())
        },
        "waivers": [
            {
                "name": waiver.name,
                "reason": waiver.reason,
                "points": len(set(result.waived[waiver.name])),
            }
            for waiver in waivers
        ],
        "missing": listed(result.missing),
        "seed": seed,
        "seconds": round(seconds),
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
    }


def show(report: dict) -> None:
    """The totals as a table, and the points that are missing."""
    table = Table("coverage", "points", "reached", "waived", "%", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for kind in KINDS:
        row = report[kind]
        numbers = (f"{row[name]:,}" for name in ("total", "covered", "waived"))
        table.add_row(kind, *numbers, f"{row['percent']:.2f}")
    console.print(table)
    missing = report["missing"]
    for text in missing[:SHOWN]:
        console.print(f"not reached: {text}", style="red", markup=False)
    if len(missing) > SHOWN:
        console.print(f"and {len(missing) - SHOWN} more, in the report", style="red")
    if missing:
        console.print(f"lines are those of tests/*/{COVERAGE_SOURCE} beside the report")
