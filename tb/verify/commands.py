"""The commands of `python -m verify`, with their options and the checks of these options."""

import os
import secrets
import sys
from pathlib import Path

import click

from weft_cli.options import COUNT, SEED
from weft_cli.paths import check_writable
from weft_sim import toolchain


@click.command()
@click.option("--minutes", type=float, default=10, show_default=True, help="Approximate duration.")
@click.option("--cases", type=COUNT, metavar="N", help="Stop after N cases.")
@click.option("--seed", type=SEED, help="Replay a soak, case by case.  [default: random]")
@click.option(
    "--processes", type=COUNT, metavar="N", help="Parallel processes.  [default: one per core]"
)
@click.option(
    "--report", type=Path, metavar="FILE", help="Report file.  [default: build/soak/report.json]"
)
@click.option("--resume", is_flag=True, help="Continue the soak of the report.")
@click.option("--replay", "text", metavar="CASE", help="Check one case, as printed by a soak.")
def soak(minutes, cases, seed, processes, report, resume, text) -> None:
    """Check random units, products, stalls and resets against numpy and the cycle model.

    A failing case is shrunk until nothing more can be removed, and printed as the command that
    replays it.
    """
    from verify.soak import command

    toolchain.require("verilator", cocotb=False)
    if text is not None:
        good = command.replay(text)
    else:
        processes, report = _checked(minutes, processes, report, "soak")
        if resume:
            tally = command.resumed(report)
            if seed not in (None, tally.seed):
                raise ValueError(f"the soak to resume has seed {tally.seed}, not {seed}")
        else:
            tally = command.Tally(secrets.randbelow(1 << 32) if seed is None else seed)
        good = command.soak(minutes, tally, processes, report, cases)
    if not good:
        sys.exit(1)


def _checked(
    minutes: float, processes: int | None, report: Path | None, name: str
) -> tuple[int, Path]:
    """Check the options of a soak, and return the number of processes and the report's file."""
    if not 0 < minutes < float("inf"):
        raise ValueError(f"minutes must be more than 0 and finite, not {minutes:g}")
    report = report or toolchain.build_root() / name / "report.json"
    check_writable(report)
    return os.cpu_count() or 1 if processes is None else processes, report


@click.command("core-soak")
@click.option("--minutes", type=float, default=10, show_default=True, help="Approximate duration.")
@click.option("--cases", type=COUNT, metavar="N", help="Stop after N cases of 20 programs.")
@click.option("--seed", type=SEED, help="Replay a soak, case by case.  [default: random]")
@click.option(
    "--processes", type=COUNT, metavar="N", help="Parallel processes.  [default: one per core]"
)
@click.option(
    "--report",
    type=Path,
    metavar="FILE",
    help="Report file.  [default: build/core-soak/report.json]",
)
@click.option("--replay", "text", metavar="CASE", help="Check one case, as printed by a soak.")
def core_soak(minutes, cases, seed, processes, report, text) -> None:
    """Run random programs on the RTL of cores, and compare each with the machine in numpy.

    Some are aborted, damaged, or run on a memory that fails; then the next one must be right.
    """
    from verify.core_soak import command

    toolchain.require("verilator", cocotb=False)
    if text is not None:
        good = command.replay(text)
    else:
        processes, report = _checked(minutes, processes, report, "core-soak")
        tally = command.Tally(secrets.randbelow(1 << 32) if seed is None else seed)
        good = command.core_soak(minutes, tally, processes, report, cases)
    if not good:
        sys.exit(1)


@click.command()
@click.argument("names", nargs=-1)
def formal(names) -> None:
    """Prove properties of the hardware: all of them, or the proofs NAMES; needs Yosys.

    Each proof is also tried on broken copies of the hardware, where it must fail.
    """
    from verify.formal.command import prove_all

    if not prove_all(names):
        sys.exit(1)


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--faults",
    "count",
    type=COUNT,
    default=1000,
    show_default=True,
    help="Number of faults per class and unit.",
)
@click.option(
    "--seed", type=SEED, default=1, show_default=True, help="Seed of products and faults."
)
def faults(names, count, seed) -> None:
    """Flip one stored bit of a unit at a time, and report the effect on results; needs Yosys.

    NAMES are classes of registers, such as weights or control; by default all classes. The report
    is build/faults/report.json.
    """
    from verify.faults.command import inject

    toolchain.require("verilator", cocotb=False)
    inject(names, count, seed)


@click.command()
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the random data.")
@click.option("--workers", type=COUNT, default=2, show_default=True, help="Parallel benches.")
def coverage(seed, workers) -> None:
    """Measure line, toggle and functional coverage of the benches.

    Every point that they do not reach must be waived, with a name and a reason, in
    tb/verify/coverage/waivers.toml. The waivers match seed 1. The report is
    build/coverage/report.json.
    """
    from verify.coverage.command import measure

    if not measure(seed, workers):
        sys.exit(1)


@click.command()
@click.option("--seed", type=SEED, help="Replay a run.  [default: random]")
def equivalence(seed) -> None:
    """Compare simulators cycle by cycle, and the Verilog of each Python byte by byte.

    All simulators run the same random work, stalls, misuse and resets, and every port is compared
    in every cycle. Each Python from 3.11 to 3.13 in PATH emits several units with several hash
    seeds. Simulators and Pythons that this machine does not have are reported as not run.
    """
    from verify.equivalence.command import run_equivalence

    seed = secrets.randbelow(1 << 31) if seed is None else seed
    if not run_equivalence(seed):
        sys.exit(1)


@click.command()
@click.option(
    "--mutants", type=COUNT, default=600, show_default=True, help="Total number of mutants."
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the mutants.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler.  [default: local workers]")
@click.option("--workers", type=COUNT, help="Local workers.  [default: one per core]")
def mutation(mutants, seed, scheduler, workers) -> None:
    """Measure how many small changes of the RTL (mutants) the benches detect.

    Undetected mutants are proved equivalent, or listed by their line of Python. Judged mutants are
    kept for the next run.
    """
    from verify.mutation.campaign import run_campaign, show

    show(run_campaign(mutants, seed, scheduler, workers))


@click.command()
@click.option(
    "--vectors", type=COUNT, default=10_000_000, show_default=True, help="Sums to compare."
)
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the numbers.")
def floats(vectors, seed) -> None:
    """Compare sums of products of floats in the RTL with numpy: in each format, as many.

    For bfloat16, those are fused multiply-adds of a cell and of its model in C++; many nearly
    cancel, are ties, subnormal or infinite. For other floats, they are sums of whole units.
    """
    from verify.floats.chained import compare_chained
    from verify.floats.exact import compare_exact

    toolchain.require("verilator", cocotb=False)
    if not all([compare_chained(vectors, seed), compare_exact(vectors, seed)]):
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def app() -> None:
    """Campaigns that measure how far the unit can be trusted."""


for campaign in (soak, core_soak, formal, faults, floats, coverage, equivalence, mutation):
    app.add_command(campaign)
