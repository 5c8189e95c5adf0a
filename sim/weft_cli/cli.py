"""The command line of Weft; `weft --help` lists its commands."""

import functools
import io
import secrets
import sys
from pathlib import Path

import click
from click.core import ParameterSource

from weft.boards import BOARDS, board_named
from weft.checks import check
from weft.core.core_config import CORES
from weft_model.layers import NETWORKS, read_network, scale_sim_windows, whole_windows
from weft_sim import toolchain

from . import block_program, installation, programs
from .paths import check_writable, shown
from .running import run
from .unit_options import takes_configuration, takes_parts_of_configuration

SEED = click.IntRange(min=0)
# The placers hold their seed in an int of C++.
PLACEMENT_SEED = click.IntRange(0, (1 << 31) - 1)
COUNT = click.IntRange(min=1)

simulator_option = click.option(
    "--simulator", default="verilator", show_default=True, help="verilator, icarus or cxxrtl."
)


def takes_network(default: str | None = None):
    """Give a command the options of a topology file; its content becomes `network`."""

    def decorate(command):
        @click.option(
            "--layers",
            "given",
            metavar="FILE",
            default=default,
            show_default=True,
            help=f"Topology file, or a network that is part of Weft: {', '.join(NETWORKS)}.",
        )
        @click.option(
            "--scale-sim-rounding",
            is_flag=True,
            help="Round the output sizes of convolutions up, as SCALE-Sim does.  [default: down]",
        )
        @functools.wraps(command)
        def with_network(given, scale_sim_rounding, **arguments):
            windows = scale_sim_windows if scale_sim_rounding else whole_windows
            return command(network=read_network(given, windows), **arguments)

        return with_network

    return decorate


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@installation.version_option
def app() -> None:
    """Weft: an open TPU matrix unit, from a numpy array to a waveform."""


app.add_command(installation.compiler)
app.add_command(installation.cache)
for _command in (
    programs.assemble,
    programs.disassemble,
    programs.check,
    programs.execute,
    programs.trace,
    programs.digits_program,
    block_program.block_program,
):
    app.add_command(_command)


# Options of `weft sim` that a core understands as well.
_OF_CORES = {"core", "json"}


@app.command()
@click.option("-m", "--m", type=COUNT, help="Rows of A and Z.")
@click.option("-k", "--k", type=COUNT, help="Columns of A, rows of B.")
@click.option("-n", "--n", type=COUNT, help="Columns of B and Z.")
@click.option("--seed", type=SEED, help="Replay a run.  [default: random]")
@simulator_option
@click.option("--stalls", is_flag=True, help="Add random gaps and back-pressure to all streams.")
@click.option(
    "--float-model",
    is_flag=True,
    help="Compute cells of bfloat16 in C++ instead of their RTL: same results and cycles, faster.",
)
@click.option("--waves", is_flag=True, help="Write a trace of the run, and views of it.")
@click.option("--gui", is_flag=True, help="Write a trace, and open it in Surfer or GTKWave.")
@click.option("--json", type=Path, metavar="FILE", help="Also write the report as JSON.")
@click.option(
    "--core",
    type=click.Choice(list(CORES)),
    help="Run the digits as one program on this core.  [default: small, without other options]",
)
@takes_configuration()
def sim(config, m, k, n, seed, simulator, stalls, float_model, waves, gui, json, core) -> None:
    """Classify handwritten digits on the RTL, or multiply matrices; compare all with numpy.

    Without options, one program on a core classifies the digits. With options of a matrix unit, a
    bare unit computes the products of the same network, quantized or in floats. With -m, -k and -n,
    it multiplies a random M x K matrix by a random K x N matrix; one third of the elements are
    extreme values, or with bfloat16 ones, zeros and subnormal numbers.
    """
    if core is not None or _given_options() <= _OF_CORES:
        _sim_core(core or "small", json)
        return
    from . import report, simulate
    from .report_json import write_report
    from .totals import Totals

    seed = secrets.randbelow(1 << 32) if seed is None else seed
    traced = waves or gui
    toolchain.require(simulator, cocotb=simulator != "verilator" or traced, waves=traced)
    if json is not None:
        check_writable(json)
    options = simulate.Options(config, simulator, seed, traced, stalls, float_model)
    if m is None and k is None and n is None:
        run = simulate.run_digits(options)
        totals = Totals.of(config, run.results)
        report.print_digits(options, run, totals)
    elif m is None or k is None or n is None:
        raise ValueError("a product needs all three of M, K and N, or none for the digits")
    else:
        run = simulate.run_product(options, m, k, n)
        totals = Totals.of(config, run.results)
        report.print_product(options, run, totals)
    views = []
    if traced:
        from weft_sim.waves import make_views

        views = [make_views(result.trace, config) for result in run.results if result.trace]
    report.print_waves(views)
    if json is not None:
        write_report(json, options, run, totals)
    if gui:
        from weft_sim.waves import open_viewer

        for one in views:
            open_viewer(one)
    if totals.wrong_products or totals.errors or not report.model_holds(options, totals):
        sys.exit(1)


def _given_options() -> set[str]:
    """Return the names of the options of this command that were given."""
    context = click.get_current_context()
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return {name for name in context.params if context.get_parameter_source(name) not in default}


def _refuse_others(done: str, options: set[str]) -> None:
    """Refuse options that a core does not have."""
    others = sorted(_given_options() - options)
    listed = ", ".join(f"--{name.replace('_', '-')}" for name in others)
    check(not others, f"a core is {done} without the options of a matrix unit, such as {listed}")


def _sim_core(core: str, json: Path | None) -> None:
    """Classify the digits with one program on a core."""
    from .core_digits import run_core_digits
    from .core_report import print_core_digits, write_core_report

    _refuse_others("simulated", _OF_CORES)
    toolchain.require("verilator", cocotb=False)
    if json is not None:
        check_writable(json)
    run = run_core_digits(core, CORES[core])
    print_core_digits(run)
    if json is not None:
        write_core_report(json, run)
    if not run.right:
        sys.exit(1)


@app.command("sim-formats")
@click.option(
    "--sizes",
    default="1x1,3x5,16x16,64x64",
    show_default=True,
    metavar="RxC,...",
    help="Arrays to run on, each ROWSxCOLUMNS.",
)
@click.option("--float-model", is_flag=True, help="Compute cells of bfloat16 in C++.")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the numbers.")
def sim_formats(sizes, float_model, seed) -> None:
    """Run a product of every number format on arrays of several sizes.

    Every element is compared with numpy, and the cycles with the cycle model.
    """
    from .format_runs import run_formats, sizes_of

    arrays = sizes_of(sizes)
    toolchain.require("verilator", cocotb=False)
    if not run_formats(arrays, float_model, seed):
        sys.exit(1)


@app.command()
@click.option("--name", help="Name of the module and the file.  [default: weft_<rows>x<columns>]")
@click.option("--directory", type=Path, help="Folder to write to.  [default: build/verilog]")
@click.option("--testbench", is_flag=True, help="Also write a testbench in plain Verilog.")
@click.option("--core", type=click.Choice(list(CORES)), help="Write a core instead of a unit.")
@takes_configuration()
def verilog(config, name, directory, testbench, core) -> None:
    """Write Verilog, and a JSON file that describes it.

    A matrix unit has AXI4-Stream ports. A core has AXI4-Lite for its registers and AXI4 for its
    memory.
    """
    from weft.emit.core_export import emit_core
    from weft.emit.export import emit, write

    if core is not None:
        _refuse_others("written", {"core", "name", "directory"})
    directory = directory or toolchain.build_root() / "verilog"
    check_writable(directory / "verilog")
    emission = emit(config, name) if core is None else emit_core(CORES[core], name)
    path = write(emission, directory)
    facts = emission.description
    print(f"{shown(path)}: {facts['bytes']:,} bytes, {facts['modules']} modules")
    print(f"{shown(path.with_suffix('.json'))}: parameters, ports, latency, sha256")
    if testbench:
        from weft_sim.testbench import write_testbench

        path = write_testbench(config, emission.name, directory)
        print(f"{shown(path)}: its header has the commands to run it")


@app.command()
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the numbers.")
@simulator_option
@click.option("--gui", is_flag=True, help="Open the trace in Surfer or GTKWave.")
@takes_configuration(rows=4, columns=4, accumulator_depth=16)
def waves(config, seed, simulator, gui) -> None:
    """Run a product with one change of tiles, and write its trace with views of it.

    GTKWave and Surfer open the views: signals are grouped and named, and controls are text.
    """
    toolchain.require(simulator, waves=True)
    from weft_sim.waves import make_demo, open_viewer

    from .console import progress_bar
    from .durations import simulation_build

    directory = toolchain.build_root() / "waves" / f"{config.rows}x{config.columns}"
    what = f"a product on {config.rows} x {config.columns} cells"
    with progress_bar(what, simulation_build(config)) as (building, _):
        views = make_demo(config, directory, simulator, seed, building=building)
    for path in vars(views).values():
        if isinstance(path, Path):
            print(shown(path))
    if gui:
        open_viewer(views)


@app.command()
def lint() -> None:
    """Lint the Verilog of several units with Verilator, warnings of style included."""
    from .lint import lint_all

    lint_all()


@app.command()
@takes_network(default="resnet50")
@click.option("--whole", is_flag=True, help="Run every layer.  [default: each shape once]")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the numbers.")
@takes_configuration(rows=256, columns=256, accumulator_depth=4096)
def sim_full(config, network, whole, seed) -> None:
    """Run the matrix products of a network on a full-size array and compare them with numpy."""
    from .full_run import run_network

    if not run_network(config, network, whole, seed):
        sys.exit(1)


@app.command()
@takes_network()
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="Format of the report.",
)
@click.option(
    "--output", type=Path, metavar="FILE", help="File to write.  [default: standard output]"
)
@takes_configuration()
def cycles(config, network, kind, output) -> None:
    """Report the exact cycles and utilization of layers, without a simulation.

    A topology file is a CSV file of SCALE-Sim: its heading names the columns, and each line is a
    layer, a matrix product or a convolution. docs/topology.md lists the columns.
    """
    from weft.emit.files import write_whole
    from weft_model.layer_cycles import layer_row, total_row, write_csv, write_json

    if output is not None:
        check_writable(output)
    rows = [layer_row(config, layer) for layer in network.layers]
    out = io.StringIO()
    if kind == "json":
        write_json(out, rows, total_row(config, rows))
    else:
        write_csv(out, rows)
    if output is None:
        # As UTF-8 in any locale, like the file.
        click.echo(out.getvalue().encode(), nl=False)
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
@click.option(
    "--core",
    type=click.Choice(list(CORES)),
    help="Build this core around the matrix unit, with its memory.  [default: the unit alone]",
)
@click.option("--clock", type=float, metavar="MHZ", help="Clock.  [default: the board's]")
@click.option("--baud", type=int, help="Baud rate of the serial line.  [default: the board's]")
@click.option(
    "--seed",
    type=PLACEMENT_SEED,
    default=1,
    show_default=True,
    help="Seed of place and route.",
)
@click.option(
    "--directory",
    type=Path,
    help="Folder to write to.  [default: build/fpga/<board>-<rows>x<columns>]",
)
@takes_parts_of_configuration("the board's or the core's")
def fpga(name, core, clock, baud, seed, directory, given) -> None:
    """Build the bitstream of a matrix unit or a core for an FPGA board, or a project for Vivado.

    Each board has its own defaults of the parameters of the unit; a core has those of its own.
    """
    import dataclasses

    from .fpga.build import Job
    from .fpga.command import build_and_show

    board = board_named(name)
    config = board.config if core is None else CORES[core].matrix
    config = dataclasses.replace(config, **given)
    if core is not None:
        config = dataclasses.replace(CORES[core], matrix=config)
    job = Job(
        board=board,
        config=config,
        clock_mhz=board.clock_mhz if clock is None else clock,
        baud=board.baud if baud is None else baud,
        seed=seed,
    )
    build_and_show(job, directory)


@app.command("fpga-table")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler.  [default: local workers]")
def fpga_table(scheduler) -> None:
    """Build each size for each board with each seed, in parallel; skip builds that are done."""
    from .fpga.table import make_table

    if any("failed" in report for report in make_table(scheduler)):
        sys.exit(1)


BENCHMARKS = ("export", "speed", "formats", "utilization")
CORE_FIGURES = ("convolution", "resnet", "attention", "applications", "speed")
CORE_BENCHMARKS = ("core", *(f"core-{figure}" for figure in CORE_FIGURES))


@app.command()
@click.argument("names", nargs=-1, type=click.Choice(BENCHMARKS + CORE_BENCHMARKS))
def benchmark(names) -> None:
    """Measure emission, simulation speed and utilization; write JSON to build/benchmark.

    NAMES selects benchmarks; by default, all but those of a core run.
    """
    import importlib

    for name in names or BENCHMARKS:
        module, _, figure = name.partition("-")
        measure = importlib.import_module(f".benchmarks.{module}", __package__).measure
        measure(*filter(None, (figure,)))


@app.command()
def goals() -> None:
    """Measure every goal of docs/performance.md; name those that are lost."""
    from .benchmarks.goals import measure

    if not measure():
        sys.exit(1)


def main() -> None:
    """Run a command; a mistake is one sentence on standard error and a non-zero exit code."""
    # The name of a layer may have letters that this locale cannot print.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    run(app)
