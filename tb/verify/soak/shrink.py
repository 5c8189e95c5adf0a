"""Shrink a failing case to the smallest case found that still fails."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator

from weft.matrix.config import MatrixUnitConfig

from .cases import Case, PlannedRun
from .check import CaseResult

# Simplest values of fields of a configuration.
SIMPLE = {
    "zero_points": False,
    "cell_width": 0,
    "result": "automatic",
    "inner_product": "plain",
    "soft_columns": 0,
    "checksum": False,
    "adder_stages": 1,
    "multiplier_stages": 1,
    "activation": MatrixUnitConfig().activation,
    "weight": MatrixUnitConfig().weight,
    "accumulator_width": 32,
}


def shrink(case: Case, attempt: Callable[[Case], CaseResult], seconds: float) -> tuple[Case, str]:
    """Return the smallest failing case found in about `seconds`, and its difference.

    Any failure counts, not only the original one. Runs are reduced first, because that needs no
    build, then the configuration, then the remaining runs again.

    Parameters
    ----------
    case : Case
        A failing case. If it does not fail again, it is returned with "".
    attempt : callable
        Checks a case.
    """
    until = time.monotonic() + seconds
    difference = attempt(case).difference
    if not difference:
        return case, ""
    changed = True
    while changed:
        before = case
        for simpler in REDUCTIONS:
            found = True
            while found:
                found = False
                for candidate in simpler(case):
                    if time.monotonic() > until:
                        return case, difference
                    now = attempt(candidate).difference
                    if now:
                        case, difference, found = candidate, now, True
                        break
        changed = case != before
    return case, difference


def _fewer_runs(case: Case) -> Iterator[Case]:
    """Keep a single run, or remove one."""
    runs = case.runs
    if len(runs) > 1:
        yield from (dataclasses.replace(case, runs=(run,)) for run in runs)
        if len(runs) > 2:
            yield from (_with_run(case, index) for index in range(len(runs)))


def _fewer_products(case: Case) -> Iterator[Case]:
    """Keep half of the products of a run, or remove one."""
    for index, run in enumerate(case.runs):
        count = len(run.products)
        if count == 1:
            continue
        half = count // 2
        parts = [run.products[:half], run.products[half:]]
        if count > 2:
            parts += [run.products[:i] + run.products[i + 1 :] for i in range(count)]
        for products in parts:
            yield _with_run(case, index, dataclasses.replace(run, products=products))


def _plainer_runs(case: Case) -> Iterator[Case]:
    """Remove the stalls or some of them; remove the reset or make it earlier."""
    for index, run in enumerate(case.runs):
        if run.stalls is not None:
            yield _with_run(case, index, dataclasses.replace(run, stalls=None))
            for name in ("weights", "activations", "results"):
                if getattr(run.stalls, name):
                    stalls = dataclasses.replace(run.stalls, **{name: 0})
                    yield _with_run(case, index, dataclasses.replace(run, stalls=stalls))
        if run.reset_after is not None:
            for cycles in (None, *_smaller(run.reset_after, 0)):
                yield _with_run(case, index, dataclasses.replace(run, reset_after=cycles))


def _smaller_sizes(case: Case) -> Iterator[Case]:
    for index, run in enumerate(case.runs):
        for place, product in enumerate(run.products):
            for name in ("m", "k", "n"):
                for size in _smaller(getattr(product, name), 1):
                    products = list(run.products)
                    products[place] = dataclasses.replace(product, **{name: size})
                    changed = dataclasses.replace(run, products=tuple(products))
                    yield _with_run(case, index, changed)


def _smaller_units(case: Case) -> Iterator[Case]:
    """Simplify the configuration; every attempt needs a build, so try all fields together first."""
    config = case.config
    options = [SIMPLE, *({name: value} for name, value in SIMPLE.items())]
    options += [{"rows": rows} for rows in _smaller(config.rows, config.rows_per_cell)]
    options += [
        {"columns": columns, "soft_columns": min(config.soft_columns, columns)}
        for columns in _smaller(config.columns, 1)
    ]
    options += [{"accumulator_depth": depth} for depth in _smaller(config.accumulator_depth, 1)]
    for changes in options:
        # Not every change is legal by itself: sums of floats can need more than 32 bits.
        with contextlib.suppress(ValueError):
            simpler = dataclasses.replace(config, **changes)
            if simpler != config:
                yield dataclasses.replace(case, config=simpler)


def _smaller(size: int, least: int) -> list[int]:
    """Return the least size, then the size less a half, a quarter, and so on, down to one less."""
    steps = [size >> shift for shift in range(1, size.bit_length())]
    sizes = [least, *(size - step for step in steps if step)]
    return list(dict.fromkeys(s for s in sizes if least <= s < size))


def _with_run(case: Case, index: int, *run: PlannedRun) -> Case:
    """Replace a run, or remove it if no other is given."""
    return dataclasses.replace(case, runs=case.runs[:index] + run + case.runs[index + 1 :])


REDUCTIONS = (_fewer_runs, _fewer_products, _plainer_runs, _smaller_sizes, _smaller_units)
