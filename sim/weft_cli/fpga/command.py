"""`weft fpga`: build for one board with progress, and print the report."""

from pathlib import Path

from rich.table import Table

from ..console import console, step_line
from ..paths import check_writable
from .build import REPORT, BoardDesign, BuildFailed, Job, build, default_folder


def build_and_show(job: Job, folder: Path | None) -> None:
    """Build a job and print its report.

    Raises
    ------
    OSError
        If nothing can be written to the folder.
    BuildFailed
        If the unit does not fit, a tool fails, or the result cannot run at the clock.
    """
    folder = folder or default_folder(job)
    check_writable(folder / REPORT)
    board = job.board
    kind = "core" if job.core else "unit"
    console.print(f"{job.size} {kind} on {board.title}", highlight=False)
    with step_line() as step:
        step("Verilog")
        report = build(BoardDesign.of(job), folder, step)
    table = Table(box=None, show_header=False)
    for what, used, available in (
        ("LUTs", report["lut"], board.luts),
        ("flip-flops", report["ff"], board.flip_flops),
        ("multipliers", report["dsp"], board.multiplier_blocks),
        ("block memories", report["bram"], board.block_memories),
    ):
        table.add_row(what, f"{used:,} of {available:,}", f"{used / available:.0%}")
    if report["fmax_mhz"] is not None:
        clock = f"clock {report['clock_mhz']:g} MHz, seed {report['seed']}"
        table.add_row("highest frequency", f"{report['fmax_mhz']} MHz", clock)
        peak = f"{report['peak_gmac_per_second']} GMAC/s"
        table.add_row("peak at that frequency", peak, "multiply-accumulates")
    console.print(table)
    if report["fmax_mhz"] is None:
        console.print(f"Run `vivado -mode batch -source {report['result']}` in {folder}.")
        return
    console.print(f"critical path {report['critical_path']}", highlight=False)
    if not report["timing_met"]:
        raise BuildFailed(
            f"a clock of {report['clock_mhz']:g} MHz is too fast: the maximum is "
            f"{report['fmax_mhz']} MHz; lower --clock or try another --seed"
        )
    console.print(f"{folder / report['result']}, serial port at {report['baud']:,} baud")
