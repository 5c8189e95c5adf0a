"""`verify coverage`: run the benches with coverage enabled, judge the coverage, and report it.

Five whole units (units.py) run the coroutines of the benches of whole units. The benches of single
modules run alongside, each on its first configuration. Each run is judged on its own: it must reach
every point of its Verilog, or the point must be waived. A toggle in the plain unit does not count
for the fast unit, and a toggle in the bench of a module does not count for the unit that contains
the module. All instances of a module in a run count together: a bit must rise and fall in some
cell, not in every cell.

Lines and branches are those of the emitted Verilog. Verilator counts no toggles of signals whose
names begin with an underscore, such as the intermediate results that Yosys names. Not judged: FPGA
primitives, boards, and the host link except for frames, beats and the UART.
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
# Without the bench of the fast array: it is slow to build, and the fast unit has all its modules.
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
    # Formats: edges, cells, sums and results.
    "hw/array/test_float_cell.py",
    "hw/array/test_float_edge.py",
    "hw/array/test_magnitude_cell.py",
    "hw/array/test_normalizing_edge.py",
    "hw/array/test_operand_edge.py",
    "hw/array/test_packed_array.py",
    "hw/array/test_packed_cell.py",
    "hw/blocks/test_float_adder.py",
    "hw/blocks/test_narrow_float.py",
    "hw/blocks/test_to_float.py",
    "hw/matrix/test_float_accumulators.py",
    "hw/matrix/test_float_results.py",
    "hw/matrix/test_row_spacing.py",
    "hw/matrix/test_sum_shift.py",
    "hw/host_link/test_beats.py",
    "hw/host_link/test_framing.py",
    "hw/host_link/test_uart.py",
)
WAIVERS = Path(__file__).with_name("waivers.toml")
# File of the bins that the coroutines of a run have hit: group, name, count.
BINS_FILE = "bins.json"
KINDS = ("line", "toggle", "functional")
SHOWN = 40


@dataclass(frozen=True)
class CoverageResult:
    """Coverage of all runs: counts by point, waived points by waiver, and missing points."""

    reached: Counter[Point]
    waived: dict[str, list[Point]]
    missing: list[Point]


def measure(seed: int, workers: int) -> bool:
    """Run the benches and report; return whether every point is reached or waived.

    Raises
    ------
    ValueError
        If a waiver matches nothing.
    RuntimeError
        If a bench fails or writes no coverage.
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
    """Run the benches on Verilator with coverage, in a separate build folder."""
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
    console.print(f"{len(files)} bench files, seed {seed}")
    log = root / "benches.log"
    with log.open("w") as output:
        benches = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    if benches.returncode:
        raise RuntimeError(f"the benches failed, so there is no coverage to judge; see {log}")


def read_runs(tests: Path) -> Counter[Point]:
    """Count how often the runs below a folder reached each point; RuntimeError if a run is missing.

    The bench of a run has the name of its test: `unit-plain`, `admission-depth-4`.
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
        raise RuntimeError(f"benches that wrote no coverage: {', '.join(sorted(lost))}")
    return reached


def read_bins(path: Path, bench: str) -> Counter[Point]:
    """Count the hits of every bin, including bins without a hit."""
    hits = {(group, name): count for group, name, count in json.loads(path.read_text())}
    return Counter(
        {
            Point("functional", bench, group, name): hits.get((group, name), 0)
            for group, names in BINS.items()
            for name in names
        }
    )


def judge(reached: Counter[Point], waivers: Iterable[Waiver]) -> CoverageResult:
    """Find the missing points; raise ValueError if a waiver matches no unreached point."""
    unreached = [point for point, count in reached.items() if not count]
    waived = apply(waivers, unreached)
    excused = {point for points in waived.values() for point in points}
    missing = [point for point in unreached if point not in excused]
    return CoverageResult(reached, waived, missing)


def make_report(result: CoverageResult, waivers: list[Waiver], seed: int, seconds: float) -> dict:
    """Return the report: totals, modules, bins and waivers."""
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
    """Print the totals as a table, and the missing points."""
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
        console.print(f"and {len(missing) - SHOWN} more in the report", style="red")
    if missing:
        console.print(
            f"line numbers refer to tests/*/{COVERAGE_SOURCE} in the folder of the report"
        )
