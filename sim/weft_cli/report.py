"""Run the jobs of `weft sim`, with progress, and report what they gave."""

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from weft.emit.files import write_whole
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import ACTIVITY_SENTENCES, ERROR_SENTENCES, Error
from weft_sim import toolchain
from weft_sim.job import Outcome, run
from weft_sim.waves import make_views, open_viewer

# Images that go through the network together.
BATCH = 60

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


@dataclass(frozen=True)
class Options:
    """What `weft sim` was asked for."""

    config: MatrixUnitConfig
    simulator: str
    seed: int
    waves: bool
    gui: bool
    stalls: bool
    json: Path | None


@contextlib.contextmanager
def progress_bar(what: str):
    """A bar on a terminal, a line elsewhere; yields the two callables that `job.run` takes."""
    if not console.is_terminal:
        print(what, flush=True)
        yield lambda: None, lambda done, total: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def building():
            bar.update(task, description=f"{what}: building the simulation", total=None)

        def step(done: int, total: int):
            bar.update(task, description=what, completed=done, total=total)

        yield building, step


def random_operands(
    config: MatrixUnitConfig, m: int, k: int, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A, (M, K), and B, (K, N), over the full range of their formats; a third are extremes."""
    source = np.random.default_rng(seed)

    def matrix(number, shape):
        values = source.integers(number.minimum, number.maximum + 1, shape)
        extremes = source.choice([number.minimum, 0, number.maximum], shape)
        return np.where(source.random(shape) < 1 / 3, extremes, values).astype(number.dtype)

    return matrix(config.activation, (m, k)), matrix(config.weight, (k, n))


def run_product(options: Options, m: int, k: int, n: int) -> bool:
    """One product of random matrices; True if every element is right."""
    config = options.config
    for name, size in (("M", m), ("K", k), ("N", n)):
        if size < 1:
            raise ValueError(f"{name} must be an integer of at least 1, not {size}")
    operands = [random_operands(config, m, k, n, options.seed)]
    outcome = _run(options, f"{m}x{k} by {k}x{n}", operands, f"{m}x{k}x{n}")
    console.print(f"[bold]Z[{m}, {n}] = A[{m}, {k}] . B[{k}, {n}][/bold], seed {options.seed}")
    good = _print_outcome(options, [outcome], "elements", m * n, outcome.mismatches)
    _write_json(options, [outcome], {"m": m, "k": k, "n": n})
    return good


def run_digits(options: Options) -> bool:
    """Classify the held-out digits, all products on the RTL; True if every product is right."""
    from . import digits, train_digits

    network = digits.load()
    images, labels = digits.held_out()
    outcomes: list[Outcome] = []

    def multiply(operands: list) -> list[np.ndarray]:
        layer = network.layers[len(outcomes)].name
        what = f"{layer} layer, {len(operands)} batches"
        outcomes.append(_run(options, what, operands, f"digits-{layer}"))
        return outcomes[-1].products

    batches = np.array_split(images, -(-len(images) // BATCH))
    scores = np.concatenate(network.forward(batches, multiply))
    accuracy = digits.accuracy(scores, labels)
    parent, _ = train_digits.stored_parameters()
    float_scores = train_digits.forward(parent, train_digits.as_pixels(images))[-1]
    console.print(
        f"[bold]{accuracy:.2%} of {len(labels)} held-out digits told right[/bold] by the int8 "
        f"network on the RTL; its float parent: {digits.accuracy(float_scores, labels):.2%}"
    )
    wrong = sum(outcome.wrong_products for outcome in outcomes)
    count = len(batches) * len(network.layers)
    good = _print_outcome(options, outcomes, "matrix products", count, wrong)
    _write_json(options, outcomes, {"m": None, "k": None, "n": None, "accuracy": accuracy})
    return good


def _run(options: Options, what: str, operands: list, name: str) -> Outcome:
    config = options.config
    folder = f"{config.rows}x{config.columns}-{name}-{options.simulator}"
    with progress_bar(what) as (building, step):
        return run(
            config,
            operands,
            simulator=options.simulator,
            directory=toolchain.build_root() / "sim" / folder,
            waves=options.waves,
            stalls=options.seed if options.stalls else None,
            building=building,
            progress=step,
        )


def totals(outcomes: list[Outcome]) -> dict[str, int]:
    """The counters of several runs, added."""
    return {name: sum(o.counters[name] for o in outcomes) for name in outcomes[0].counters}


def _print_outcome(
    options: Options, outcomes: list[Outcome], things: str, count: int, wrong: int
) -> bool:
    config = options.config
    cycles = sum(o.cycles for o in outcomes)
    predicted = sum(o.predicted_cycles for o in outcomes)
    bound = sum(o.lower_bound_cycles for o in outcomes)
    counters = totals(outcomes)
    macs = sum(o.macs for o in outcomes)
    seconds = sum(o.simulation_seconds for o in outcomes)
    peak = cycles * config.rows * config.columns
    errors = [error for error in Error if any(error in o.errors for o in outcomes)]

    console.print(f"{count - wrong} of {count} {things} equal numpy bit for bit")
    console.print(
        f"{cycles:,} cycles on {config.rows} x {config.columns} cells; "
        + (
            "the cycle model says the same"
            if cycles == predicted
            else f"the cycle model, which knows no stalls, says {predicted:,}"
        )
        + f"; lower bound {bound:,} ({cycles / bound:.3f} times that)"
    )
    console.print(
        f"array active {counters['computing'] / cycles:.1%} of the cycles; "
        f"{macs:,} multiply-accumulates, {macs / peak:.1%} of peak"
    )
    table = Table("cycles spent on", "cycles", "%", "what", box=None, pad_edge=False)
    for column in (1, 2):
        table.columns[column].justify = "right"
    for activity, sentence in ACTIVITY_SENTENCES.items():
        spent = counters[activity.name.lower()]
        name = activity.name.lower().replace("_", " ")
        table.add_row(name, f"{spent:,}", f"{100 * spent / cycles:.1f}", sentence)
    table.add_row("total", f"{counters['total']:,}", "100.0", "")
    console.print(table)
    console.print(
        f"{options.simulator}: {cycles / seconds:,.0f} cycles a second, "
        f"{macs / seconds / 1e6:,.1f} million multiply-accumulates a second"
    )
    for error in errors:
        console.print(f"[red]error status {error.name}: {ERROR_SENTENCES[error]}[/red]")
    for outcome in outcomes:
        if outcome.trace:
            views = make_views(outcome.trace, config)
            console.print(f"waves: {views.trace}, views: {views.gtkwave}, {views.surfer}")
            if options.gui:
                open_viewer(views)
    if not options.waves:
        console.print("waves: none were written; WAVES=1 (--waves) writes them")
    exact = cycles == predicted or options.stalls
    if not exact:
        console.print("[red]the cycle model does not hold[/red]")
    return wrong == 0 and exact and not errors


def _write_json(options: Options, outcomes: list[Outcome], sizes: dict) -> None:
    if options.json is None:
        return
    cycles = sum(o.cycles for o in outcomes)
    counters = totals(outcomes)
    report = {
        "rows": options.config.rows,
        "columns": options.config.columns,
        **sizes,
        "seed": options.seed,
        "simulator": options.simulator,
        "mismatches": sum(o.mismatches for o in outcomes),
        "cycles": cycles,
        "predicted_cycles": sum(o.predicted_cycles for o in outcomes),
        "lower_bound_cycles": sum(o.lower_bound_cycles for o in outcomes),
        "array_active": counters["computing"] / cycles,
        "counters": counters,
    }
    write_whole(options.json, json.dumps(report, indent=2) + "\n")
