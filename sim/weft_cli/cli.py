"""The command line of Weft; `weft --help` lists its commands."""

import io
import sys
from pathlib import Path

import click

from weft.boards import BOARDS, board_named
from weft.core.core_config import CORES
from weft_sim import toolchain

from . import block_program, installation, programs, simulations
from .options import PLACEMENT_SEED, refuse_others, takes_network
from .paths import check_writable, shown
from .running import run
from .unit_options import takes_configuration, takes_parts_of_configuration


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@installation.version_option
def app() -> None:
    """Weft: an open TPU, from a numpy array to a waveform."""


app.add_command(installation.compiler)
app.add_command(installation.cache)
for _command in (
    programs.assemble,
    programs.disassemble,
    programs.check,
    programs.execute,
    programs.trace,
    simulations.sim,
    simulations.sim_formats,
    simulations.sim_full,
    simulations.waves,
    programs.digits_program,
    block_program.block_program,
):
    app.add_command(_command)


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
        refuse_others("written", {"core", "name", "directory"})
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
def lint() -> None:
    """Lint the Verilog of several units with Verilator, warnings of style included."""
    from .lint import lint_all

    lint_all()


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
