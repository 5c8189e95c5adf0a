"""The commands of `python -m verify`: what each campaign takes, and what it refuses."""

import os
import secrets
import sys
from pathlib import Path

import click

from weft_cli.paths import check_writable
from weft_sim import toolchain


@click.command()
@click.option("--minutes", type=float, default=10, show_default=True, help="How long, about.")
@click.option("--cases", type=int, metavar="N", help="End after so many cases as well.")
@click.option("--seed", type=int, help="Replays a soak, case by case; random when left out.")
@click.option("--processes", type=int, metavar="N", help="Side by side.  [default: the cores]")
@click.option(
    "--report", type=Path, metavar="FILE", help="Where to.  [default: build/soak/report.json]"
)
@click.option("--resume", is_flag=True, help="Go on where the soak of the report ended.")
@click.option(
    "--replay", "text", metavar="CASE", help="Check one case alone, as a soak printed it."
)
def soak(minutes, cases, seed, processes, report, resume, text) -> None:
    """Check random units, products, stalls and resets against numpy and the cycle model.

    A failure is made smaller until nothing can be left out, and printed as the command that
    replays it.
    """
    from verify.soak import command

    toolchain.require("verilator", cocotb=False)
    if text is not None:
        good = command.replay(text)
    else:
        processes = os.cpu_count() or 1 if processes is None else processes
        if not 0 < minutes < float("inf"):
            raise ValueError(f"minutes must be more than 0 and finite, not {minutes:g}")
        if seed is not None and seed < 0:
            raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
        for name, count in (("cases", cases), ("processes", processes)):
            if count is not None and count < 1:
                raise ValueError(f"{name} must be an integer of at least 1, not {count}")
        report = report or toolchain.build_root() / "soak" / "report.json"
        check_writable(report)
        if resume:
            tally = command.resumed(report)
            if seed not in (None, tally.seed):
                raise ValueError(f"the soak to go on with is of seed {tally.seed}, not {seed}")
        else:
            tally = command.Tally(secrets.randbelow(1 << 32) if seed is None else seed)
        good = command.soak(minutes, tally, processes, report, cases)
    if not good:
        sys.exit(1)


@click.command()
@click.argument("names", nargs=-1)
def formal(names) -> None:
    """Prove what is said of the hardware, all of it or the proofs named; needs Yosys.

    Each proof is tried on broken copies of the hardware too, and has to fail there.
    """
    from verify.formal.command import prove_all

    if not prove_all(names):
        sys.exit(1)


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--faults", "count", type=int, default=1000, show_default=True, help="In each class and unit."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Draws products and faults.")
def faults(names, count, seed) -> None:
    """Flip one stored bit of a unit at a time, and tell what it does to results; needs Yosys.

    NAMES are classes of registers, such as weights or control; all of them when left out. The
    report is build/faults/report.json.
    """
    from verify.faults.command import inject

    toolchain.require("verilator", cocotb=False)
    if count < 1:
        raise ValueError(f"faults must be an integer of at least 1, not {count}")
    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    inject(names, count, seed)


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the numbers.")
@click.option("--workers", type=int, default=2, show_default=True, help="Benches at a time.")
def coverage(seed, workers) -> None:
    """Count the lines, the toggles and the situations that the benches reach.

    What they do not reach must be waived by name and reason in
    tb/verify/coverage/waivers.toml; the waivers are those of seed 1. The report goes
    to build/coverage/report.json.
    """
    from verify.coverage.command import measure

    if seed < 0 or workers < 1:
        raise ValueError("a seed must be at least 0, and workers at least 1")
    if not measure(seed, workers):
        sys.exit(1)


@click.command()
@click.option("--seed", type=int, help="Replays a run; random when left out.")
def equivalence(seed) -> None:
    """Compare simulators cycle by cycle, and the Verilog of each Python byte by byte.

    Simulators perform the same drawn work, stalls, misuse and resets, and every port is compared in
    every cycle. Each Python from 3.11 to 3.13 in PATH writes several units under several hash
    seeds. What is not on this machine is reported as not run.
    """
    from verify.equivalence.command import run_equivalence

    seed = secrets.randbelow(1 << 31) if seed is None else seed
    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    if not run_equivalence(seed):
        sys.exit(1)


@click.command()
@click.option("--mutants", type=int, default=600, show_default=True, help="How many, in all.")
@click.option("--seed", type=int, default=1, show_default=True, help="Draws them.")
@click.option("--scheduler", metavar="ADDRESS", help="Of Dask.  [default: workers of this machine]")
@click.option("--workers", type=int, help="On this machine.  [default: one for each core]")
def mutation(mutants, seed, scheduler, workers) -> None:
    """Tell how many of small changes of the RTL the benches see; what is judged is kept.

    Those that no bench sees are proved to change nothing, or listed by their line of Python.
    """
    from verify.mutation.campaign import run_campaign, show

    show(run_campaign(mutants, seed, scheduler, workers))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def app() -> None:
    """Campaigns that tell how far the unit can be believed."""


for campaign in (soak, formal, faults, coverage, equivalence, mutation):
    app.add_command(campaign)
