"""The command line of Weft; `weft --help` lists its commands."""

import functools
import os
import secrets
import sys
from pathlib import Path

import click

from weft.boards import BOARDS, board_named
from weft.config import MAX_DEPTH, MAX_SIDE, MatrixUnitConfig

from . import toolchain

CONFIGURATION_OPTIONS = (
    ("rows", int, f"Height of the array, 1 to {MAX_SIDE}: K done in one pass."),
    ("columns", int, f"Width of the array, 1 to {MAX_SIDE}: N done side by side."),
    ("activation", str, "Format of activations: int8, uint5, ..., 16 bits at most."),
    ("weight", str, "Format of weights, likewise."),
    ("accumulator_width", int, "Bits of a finished sum, 8 to 64; it wraps."),
    ("accumulator_depth", int, f"Rows of sums that a column holds, 1 to {MAX_DEPTH}."),
    ("multiplier_stages", int, "Registers behind the multiplier, 0 to 4."),
    ("adder_stages", int, "Parts that a sum is cut into, one cycle each, 1 to 4."),
    ("inner_product", str, "plain or fast: half of the multipliers, for an even height."),
    ("soft_columns", int, "Columns, the last ones, that multiply with adders."),
)
FIELDS = tuple(name for name, _, _ in CONFIGURATION_OPTIONS)
simulator_option = click.option(
    "--simulator", default="verilator", show_default=True, help="verilator, icarus or cxxrtl."
)


def takes_configuration(**defaults):
    """Give a command an option for every field of MatrixUnitConfig, and the result as `config`."""

    def decorate(command):
        @functools.wraps(command)
        def with_config(**arguments):
            fields = {name: arguments.pop(name) for name in FIELDS}
            return command(config=MatrixUnitConfig(**fields), **arguments)

        values = {name: defaults.get(name, getattr(MatrixUnitConfig(), name)) for name in FIELDS}
        return _with_options(with_config, values)

    return decorate


def takes_parts_of_configuration(command):
    """Give a command the same options, without defaults; those given come as the dict `given`."""

    @functools.wraps(command)
    def with_given(**arguments):
        fields = {name: arguments.pop(name) for name in FIELDS}
        given = {name: value for name, value in fields.items() if value is not None}
        return command(given=given, **arguments)

    return _with_options(with_given, dict.fromkeys(FIELDS))


def _with_options(command, defaults: dict):
    for name, kind, text in reversed(CONFIGURATION_OPTIONS):
        default = defaults[name]
        command = click.option(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=default if default is None or kind is int else str(default),
            show_default=True,
            help=text,
        )(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def app() -> None:
    """Weft: an open TPU matrix unit, from a numpy array to a waveform."""


@app.command()
@click.option("-m", "--m", type=int, help="Rows of A and Z.")
@click.option("-k", "--k", type=int, help="Columns of A, rows of B.")
@click.option("-n", "--n", type=int, help="Columns of B and Z.")
@click.option("--seed", type=int, help="Replays a run; random when left out.")
@simulator_option
@click.option("--stalls", is_flag=True, help="Random gaps and back-pressure on all streams.")
@click.option("--waves", is_flag=True, help="Write a trace of the run, and views of it.")
@click.option("--gui", is_flag=True, help="The same, and open it in Surfer or GTKWave.")
@click.option("--json", type=Path, metavar="FILE", help="Write the report there as JSON too.")
@takes_configuration()
def sim(config, m, k, n, seed, simulator, stalls, waves, gui, json) -> None:
    """Run work on the RTL and compare every number with numpy.

    Without -m, -k and -n the work is the classification of handwritten digits by a quantized
    network; with them it is one product of random matrices, a third of it extreme values.
    """
    from . import report

    seed = secrets.randbelow(1 << 32) if seed is None else seed
    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    traced = waves or gui
    toolchain.require(simulator, cocotb=simulator != "verilator" or traced, waves=traced)
    if json is not None:
        check_writable(json)
    options = report.Options(config, simulator, seed, traced, gui, stalls, json)
    sizes = (m, k, n)
    if all(size is None for size in sizes):
        good = report.run_digits(options)
    elif any(size is None for size in sizes):
        raise ValueError("a product needs all three of M, K and N, or none for the digits")
    else:
        good = report.run_product(options, *sizes)
    if not good:
        sys.exit(1)


@app.command()
@click.option("--name", help="Name of the module and the file.  [default: weft_<rows>x<columns>]")
@click.option("--directory", type=Path, help="Where to write.  [default: build/verilog]")
@takes_configuration()
def verilog(config, name, directory) -> None:
    """Write the Verilog of a unit, with AXI4-Stream ports, and a JSON that describes it."""
    from weft.export import emit, write

    directory = directory or toolchain.build_root() / "verilog"
    check_writable(directory / "verilog")
    emission = emit(config, name)
    path = write(emission, directory)
    described = emission.description
    print(f"{shown(path)}: {described['bytes']:,} bytes, {described['modules']} modules")
    print(f"{shown(path.with_suffix('.json'))}: parameters, ports, latency, sha256")


@app.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the numbers.")
@simulator_option
@click.option("--gui", is_flag=True, help="Open it in Surfer or GTKWave.")
@takes_configuration(rows=4, columns=4, accumulator_depth=16)
def waves(config, seed, simulator, gui) -> None:
    """Run a product with one tile change and make its trace readable in GTKWave and Surfer."""
    from .waves import make_demo, open_viewer

    toolchain.require(simulator, waves=True)
    directory = toolchain.build_root() / "waves" / f"{config.rows}x{config.columns}"
    views = make_demo(config, directory, simulator, seed)
    for path in vars(views).values():
        if isinstance(path, Path):
            print(shown(path))
    if gui:
        open_viewer(views)


@app.command()
def lint() -> None:
    """Lint the Verilog of several units with all of Verilator's warnings."""
    from .lint import lint_all

    lint_all()


@app.command()
@click.option("--layers", type=Path, metavar="FILE", help="Topology file.  [default: ResNet-50]")
@click.option("--whole", is_flag=True, help="Every layer; each distinct shape once when left out.")
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the numbers.")
@takes_configuration(rows=256, columns=256, accumulator_depth=4096)
def sim_full(config, layers, whole, seed) -> None:
    """Run the matrix products of a network on a full-size array, compared with numpy."""
    from .full_run import run_network

    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    if not run_network(config, layers, whole, seed):
        sys.exit(1)


@app.command()
@click.option("--minutes", type=float, default=10, show_default=True, help="How long, about.")
@click.option("--cases", type=int, metavar="N", help="End after so many cases as well.")
@click.option("--seed", type=int, help="Replays a soak, case by case; random when left out.")
@click.option("--processes", type=int, metavar="N", help="Side by side.  [default: the cores]")
@click.option(
    "--report", type=Path, metavar="FILE", help="Where to.  [default: build/soak/report.json]"
)
@click.option(
    "--replay", "text", metavar="CASE", help="Check one case alone, as a soak printed it."
)
def soak(minutes, cases, seed, processes, report, text) -> None:
    """Check random units, products, stalls and resets against numpy and the cycle model.

    A failure is made smaller until nothing can be left out, and printed as the command that
    replays it.
    """
    from .soak import command

    toolchain.require("verilator", cocotb=False)
    if text is not None:
        good = command.replay(text)
    else:
        seed = secrets.randbelow(1 << 32) if seed is None else seed
        processes = os.cpu_count() or 1 if processes is None else processes
        if not 0 < minutes < float("inf"):
            raise ValueError(f"minutes must be more than 0 and finite, not {minutes:g}")
        if seed < 0:
            raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
        for name, count in (("cases", cases), ("processes", processes)):
            if count is not None and count < 1:
                raise ValueError(f"{name} must be an integer of at least 1, not {count}")
        report = report or toolchain.build_root() / "soak" / "report.json"
        check_writable(report)
        good = command.soak(minutes, seed, processes, report, cases)
    if not good:
        sys.exit(1)


@app.command()
@click.option("--layers", type=Path, metavar="FILE", required=True, help="Topology file, CSV.")
@click.option("--format", "kind", type=click.Choice(["csv", "json"]), default="csv")
@click.option(
    "--output", type=Path, metavar="FILE", help="Where to write.  [default: standard output]"
)
@takes_configuration()
def cycles(config, layers, kind, output) -> None:
    """Tell the cycles and the utilization of layers, exactly, without a simulation.

    FILE is one of SCALE-Sim's topology files, of the GEMM kind (Layer, M, N, K) or of the
    convolution kind (Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels,
    Num Filter, Strides). Networks come with Weft, in the folder workloads of the package weft_sim.
    """
    import io

    from weft.export import write_whole

    from .cycles import layer_row, total_row, write_csv, write_json
    from .layers import read_layers

    if output is not None:
        check_writable(output)
    rows = [layer_row(config, layer) for layer in read_layers(layers)]
    out = io.StringIO()
    if kind == "json":
        write_json(out, rows, total_row(config, rows))
    else:
        write_csv(out, rows)
    if output is None:
        print(out.getvalue(), end="")
    else:
        write_whole(output, out.getvalue())
        print(f"{shown(output)}: {len(rows):,} layers")


@app.command()
@click.option(
    "--board",
    "name",
    metavar="NAME",
    default=next(iter(BOARDS)),
    show_default=True,
    help=f"One of {', '.join(BOARDS)}.",
)
@click.option("--clock", type=float, metavar="MHZ", help="Clock.  [default: the board's]")
@click.option("--baud", type=int, help="Of the serial line.  [default: the board's]")
@click.option("--seed", type=int, default=1, show_default=True, help="Of place and route.")
@click.option("--directory", type=Path, help="Where to write.  [default: build/fpga/...]")
@takes_parts_of_configuration
def fpga(name, clock, baud, seed, directory, given) -> None:
    """Build the bitstream of a matrix unit for an FPGA board, or a project for Vivado.

    What comes of it is in build/fpga/<board>-<rows>x<columns>. What is not
    given of the unit is as the board has it.
    """
    import dataclasses

    from .fpga.build import Job
    from .fpga.command import build_and_show

    board = board_named(name)
    job = Job(
        board=board,
        config=dataclasses.replace(board.config, **given),
        clock_mhz=board.clock_mhz if clock is None else clock,
        baud=board.baud if baud is None else baud,
        seed=seed,
    )
    build_and_show(job, directory)


@app.command("fpga-table")
@click.option("--scheduler", metavar="ADDRESS", help="Of Dask.  [default: workers of this machine]")
def fpga_table(scheduler) -> None:
    """Build sizes x boards x seeds, in parallel; what is built already is not built again."""
    from .fpga.table import make_table

    if any("failed" in report for report in make_table(scheduler)):
        sys.exit(1)


@app.command()
@click.argument("names", nargs=-1)
def formal(names) -> None:
    """Prove what is said of the hardware, all of it or the proofs named; needs Yosys.

    Each proof is tried on broken copies of the hardware too, and has to fail there.
    """
    from .formal.command import prove_all

    if not prove_all(names):
        sys.exit(1)


@app.command()
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
    from .faults.command import inject

    toolchain.require("verilator", cocotb=False)
    if count < 1:
        raise ValueError(f"faults must be an integer of at least 1, not {count}")
    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    inject(names, count, seed)


@app.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the numbers.")
@click.option("--workers", type=int, default=2, show_default=True, help="Benches at a time.")
def coverage(seed, workers) -> None:
    """Count the lines, the toggles and the situations that the benches reach.

    What they do not reach must be waived by name and reason in
    tb/coverage_waivers.toml; the waivers are those of seed 1. The report goes
    to build/coverage/report.json.
    """
    from .coverage.command import measure

    if seed < 0 or workers < 1:
        raise ValueError("a seed must be at least 0, and workers at least 1")
    if not measure(seed, workers):
        sys.exit(1)


@app.command()
@click.option("--seed", type=int, help="Replays a run; random when left out.")
def equivalence(seed) -> None:
    """Compare simulators cycle by cycle, and the Verilog of each Python byte by byte.

    Simulators perform the same drawn work, stalls, misuse and resets, and every port is compared in
    every cycle. Each Python from 3.11 to 3.13 in PATH writes several units under several hash
    seeds. What is not on this machine is reported as not run.
    """
    from .equivalence.command import run_equivalence

    seed = secrets.randbelow(1 << 31) if seed is None else seed
    if seed < 0:
        raise ValueError(f"a seed must be an integer of at least 0, not {seed}")
    if not run_equivalence(seed):
        sys.exit(1)


@app.command()
@click.option("--mutants", type=int, default=600, show_default=True, help="How many, in all.")
@click.option("--seed", type=int, default=1, show_default=True, help="Draws them.")
@click.option("--scheduler", metavar="ADDRESS", help="Of Dask.  [default: workers of this machine]")
@click.option("--workers", type=int, help="On this machine.  [default: one for each core]")
def mutation(mutants, seed, scheduler, workers) -> None:
    """Tell how many of small changes of the RTL the benches see; what is judged is kept.

    Those that no bench sees are proved to change nothing, or listed by their line of Python.
    """
    from .mutation.campaign import run_campaign, show

    show(run_campaign(mutants, seed, scheduler, workers))


BENCHMARKS = ("export", "speed", "utilization")


@app.command()
@click.argument("names", nargs=-1, type=click.Choice(BENCHMARKS))
def bench(names) -> None:
    """Measure emission, simulation speed and utilization; results go to build/bench as JSON.

    NAMES are some of export, speed and utilization; all of them when left out.
    """
    import importlib

    for name in names or BENCHMARKS:
        importlib.import_module(f".bench_{name}", __package__).measure()


def check_writable(path: Path) -> None:
    """Raise OSError, before any work, unless a file can be written at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise PermissionError(f"{path} cannot be written")


def shown(path: Path) -> Path:
    """A path as short as it can be said from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def main() -> None:
    """Run a command; a mistake is one sentence on standard error and a non-zero exit."""
    try:
        app(standalone_mode=False)
    except click.ClickException as error:
        fail(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        fail("interrupted; nothing half-done counts as done", 130)
    except MemoryError:
        fail("this machine has not the memory for that; use a smaller product", 2)
    except toolchain.ToolMissing as error:
        fail(str(error), 3)
    except (ValueError, TypeError, RuntimeError) as error:
        fail(str(error), 2)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2)


def fail(sentence: str, code: int) -> None:
    print(f"weft: {sentence}", file=sys.stderr)
    sys.exit(code)
