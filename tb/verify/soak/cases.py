"""Cases of the soak: a configuration and runs on it, with conversion to and from text."""

import dataclasses
import json
import random
from dataclasses import dataclass

import numpy as np

from weft.formats import NumberFormat
from weft.matrix.config import MatrixUnitConfig
from weft.parameters import plain_parameters
from weft_model.operands import draw_matrix
from weft_model.quantized import Quantized
from weft_model.schedule import Schedule
from weft_sim.stalls import Stalls

KINDS = (*("minimum", "maximum", "corners", "corners"), *("mixed",) * 16)
DEFAULTS = plain_parameters(MatrixUnitConfig())


@dataclass(frozen=True)
class Product:
    """Z[M,N] = A[M,K] . B[K,N], with random operands from `seed`."""

    m: int
    k: int
    n: int
    seed: int

    @property
    def macs(self) -> int:
        return self.m * self.k * self.n

    def formats(self, config: MatrixUnitConfig) -> tuple[NumberFormat, NumberFormat]:
        """Return the formats of A and B, each one of those of the unit."""
        source = random.Random(self.seed)
        return source.choice(list(config.activation)), source.choice(list(config.weight))

    def schedule(self, config: MatrixUnitConfig) -> Schedule:
        """Return the schedule on a unit."""
        return Schedule(config, self.m, self.k, self.n, *self.formats(config))

    def operands(self, config: MatrixUnitConfig) -> tuple[Quantized, Quantized]:
        """Return A and B; a third of the numbers are extremes or near 0, in some matrices all."""
        source = np.random.default_rng(self.seed)
        activation, weight = self.formats(config)
        a = draw_matrix(source, activation, (self.m, self.k), source.choice(KINDS))
        b = draw_matrix(source, weight, (self.k, self.n), source.choice(KINDS))
        if not config.zero_points:
            return Quantized(a, activation), Quantized(b, weight)
        return (
            Quantized(a, activation, draw_matrix(source, activation, (self.m,))),
            Quantized(b, weight, draw_matrix(source, weight, (self.n,))),
        )


@dataclass(frozen=True)
class StallRates:
    """Gaps and back-pressure: the arguments of Stalls.draw, a seed and a rate per stream."""

    seed: int
    weights: float
    activations: float
    results: float

    def draw(self) -> Stalls:
        return Stalls.draw(**vars(self))


@dataclass(frozen=True)
class PlannedRun:
    """Consecutive products without a pause between them.

    `stalls`: stalls on the streams, or None. `reset_after`: cycles after which the unit is reset,
    even in the middle of work, or None.
    """

    products: tuple[Product, ...]
    stalls: StallRates | None = None
    reset_after: int | None = None


@dataclass(frozen=True)
class Case:
    """Consecutive runs on one unit."""

    config: MatrixUnitConfig
    runs: tuple[PlannedRun, ...]

    def to_text(self) -> str:
        """Return one line of JSON; default values of the configuration are omitted."""
        parameters = plain_parameters(self.config)
        fields = {name: value for name, value in parameters.items() if value != DEFAULTS[name]}
        return json.dumps({"config": fields, "runs": [_plain(run) for run in self.runs]})

    @classmethod
    def from_text(cls, text: str) -> "Case":
        """Read a text written by `to_text`.

        Raises
        ------
        ValueError
            If it is any other text.
        """
        try:
            plain = json.loads(text)
            config, runs = plain.pop("config"), plain.pop("runs")
            if plain or not runs:
                raise ValueError("it must have a config and at least one run, and nothing else")
            return cls(MatrixUnitConfig(**config), tuple(_run(run) for run in runs))
        except KeyError as error:
            raise ValueError(f"this is not a case that a soak printed: no {error}") from None
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"this is not a case that a soak printed: {error}") from None


def _plain(run: PlannedRun) -> dict:
    plain: dict = {"products": [list(vars(product).values()) for product in run.products]}
    if run.stalls is not None:
        plain["stalls"] = list(vars(run.stalls).values())
    if run.reset_after is not None:
        plain["reset_after"] = run.reset_after
    return plain


def _run(plain: dict) -> PlannedRun:
    products = tuple(Product(*numbers) for numbers in plain["products"])
    stalls = StallRates(*plain["stalls"]) if "stalls" in plain else None
    run = PlannedRun(products, stalls, plain.get("reset_after"))
    _check(run, set(plain))
    return run


def _check(run: PlannedRun, given: set[str]) -> None:
    """Raise ValueError for a run that no soak would print."""
    unknown = given - {field.name for field in dataclasses.fields(PlannedRun)}
    if unknown:
        raise ValueError(f"a run has no {', '.join(sorted(unknown))}")
    if not run.products:
        raise ValueError("a run must have at least one product")
    numbers = [(1, size) for p in run.products for size in (p.m, p.k, p.n)]
    numbers += [(0, product.seed) for product in run.products]
    numbers += [(0, run.stalls.seed)] if run.stalls else []
    numbers += [] if run.reset_after is None else [(0, run.reset_after)]
    for least, number in numbers:
        if type(number) is not int or number < least:
            raise ValueError(f"{number!r} must be an integer of at least {least}")
    for rate in list(vars(run.stalls).values())[1:] if run.stalls else []:
        if type(rate) not in (int, float) or not 0 <= rate < 1:
            raise ValueError(f"{rate!r} must be a fraction of the cycles, at least 0 and below 1")
