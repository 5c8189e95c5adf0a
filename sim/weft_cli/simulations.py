"""Commands that simulate: `weft sim`, `sim-formats`, `sim-full` and `waves`."""

import secrets
import sys
from pathlib import Path

import click

from weft.core.core_config import CORES
from weft_sim import toolchain

from .options import (
    COUNT,
    SEED,
    given_options,
    refuse_others,
    simulator_option,
    takes_network,
)
from .paths import check_writable, shown
from .unit_options import takes_configuration

# Options of `weft sim` that a core understands as well.
_OF_CORES = {"core", "json"}


@click.command()
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
    if core is not None or given_options() <= _OF_CORES:
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


def _sim_core(core: str, json: Path | None) -> None:
    """Classify the digits with one program on a core."""
    from .core_digits import run_core_digits
    from .core_report import print_core_digits, write_core_report

    refuse_others("simulated", _OF_CORES)
    toolchain.require("verilator", cocotb=False)
    if json is not None:
        check_writable(json)
    run = run_core_digits(core, CORES[core])
    print_core_digits(run)
    if json is not None:
        write_core_report(json, run)
    if not run.right:
        sys.exit(1)


@click.command("sim-formats")
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


@click.command()
@takes_network(default="resnet50")
@click.option("--whole", is_flag=True, help="Run every layer.  [default: each shape once]")
@click.option("--seed", type=SEED, default=1, show_default=True, help="Seed of the numbers.")
@takes_configuration(rows=256, columns=256, accumulator_depth=4096)
def sim_full(config, network, whole, seed) -> None:
    """Run the matrix products of a network on a full-size array and compare them with numpy."""
    from .full_run import run_network

    if not run_network(config, network, whole, seed):
        sys.exit(1)


@click.command()
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
