"""The report of `weft sim` on the console."""

import itertools
from typing import TYPE_CHECKING

from rich.table import Table

from weft.matrix.layouts import ACTIVITY_SENTENCES, ERROR_SENTENCES, Error
from weft_sim.toolchain import built_with

from .console import console
from .simulate import DigitsRun, Options, ProductRun
from .totals import Totals

if TYPE_CHECKING:
    # An optional package reads traces.
    from weft_sim.waves import Views


def print_product(options: Options, run: ProductRun, totals: Totals) -> None:
    """Print the report of one product."""
    m, k, n, config = run.m, run.k, run.n, options.config
    console.print(f"[bold]Z[{m}, {n}] = A[{m}, {k}] . B[{k}, {n}][/bold], seed {options.seed}")
    pairs = [f"{a} x {w}" for a, w in itertools.product(config.activation, config.weight)]
    if len(pairs) > 1:
        console.print(f"once for each pair of formats: {', '.join(pairs)}")
    count = m * n * len(pairs)
    console.print(f"{count - totals.mismatches} of {count} elements equal numpy bit for bit")
    _print_totals(options, totals)


def print_digits(options: Options, run: DigitsRun, totals: Totals) -> None:
    """Print the report of the digits."""
    how = "the RTL with cells modelled in C++" if options.float_model else "the RTL"
    others = f"{run.float_accuracy:.2%}"
    if run.network != "int8":
        others = f"{run.int8_accuracy:.2%} by the int8 network, {others}"
    console.print(
        f"[bold]{run.accuracy:.2%} of {run.images} held-out digits classified correctly[/bold] by "
        f"the {run.network} network on {how}, {others} by its float parent"
    )
    right = run.products - totals.wrong_products
    console.print(f"{right} of {run.products} matrix products equal numpy bit for bit")
    _print_totals(options, totals)


def print_waves(views: list["Views"]) -> None:
    """Print where the traces are, or how to write them."""
    for one in views:
        console.print(f"waves: {one.trace}, views: {one.gtkwave}, {one.surfer}")
    if not views:
        console.print("no trace was written; WAVES=1 (--waves) writes one")


def model_holds(options: Options, totals: Totals) -> bool:
    """Return whether the cycles equal the prediction; the model does not cover runs with stalls."""
    return options.stalls or totals.cycles == totals.predicted_cycles


def _print_totals(options: Options, totals: Totals) -> None:
    config, cycles = options.config, totals.cycles
    model = "as the cycle model predicts"
    if cycles != totals.predicted_cycles:
        model = f"without stalls the cycle model predicts {totals.predicted_cycles:,}"
    bound = totals.lower_bound_cycles
    console.print(
        f"{cycles:,} cycles on {config.rows} x {config.columns} cells, {model}; "
        f"{cycles / bound:.3f} times the lower bound of {bound:,}"
    )
    console.print(
        f"array active in {totals.array_active:.1%} of the cycles; "
        f"{totals.macs:,} multiply-accumulates, {totals.of_peak:.1%} of peak"
    )
    console.print(_activities(totals))
    model = ", cells modelled in C++" if options.float_model else ""
    console.print(
        f"{built_with(options.simulator)}{model}: "
        f"{cycles / totals.seconds:,.0f} cycles per second, "
        f"{totals.macs / totals.seconds / 1e6:,.1f} million multiply-accumulates per second"
    )
    for error in (error for error in Error if error in totals.errors):
        console.print(f"[red]error status {error.name}: {ERROR_SENTENCES[error]}[/red]")
    if not model_holds(options, totals):
        console.print("[red]the cycles differ from the cycle model[/red]")


def _activities(totals: Totals) -> Table:
    table = Table("cycles spent on", "cycles", "%", "meaning", box=None, pad_edge=False)
    for column in (1, 2):
        table.columns[column].justify = "right"
    for activity, sentence in ACTIVITY_SENTENCES.items():
        name = activity.name.lower()
        spent = totals.counters[name]
        share = f"{100 * spent / totals.cycles:.1f}"
        table.add_row(name.replace("_", " "), f"{spent:,}", share, sentence)
    table.add_row("total", f"{totals.counters['total']:,}", "100.0", "")
    return table
