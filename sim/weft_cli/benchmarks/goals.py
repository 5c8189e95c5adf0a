"""The goals that the documentation claims to reach, each with its measurement.

EXACT are the same on every machine and take seconds; the tests check them too. MEASURED depend on
the machine. Goals of the tests themselves, such as the share of mutants detected, are those of
docs/trust.md; their targets fail if they are not reached.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from weft import TINY
from weft.emit.export import emit
from weft.matrix.config import MatrixUnitConfig
from weft_model.layer_cycles import layer_row, total_row
from weft_model.layers import Layer, read_network
from weft_sim import toolchain
from weft_sim.compiler import VECTOR_LEVEL
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator

from ..console import console, progress_bar
from . import speed
from .results import finish, shown

Number = float | int
# Runs of what takes a fraction of a second, and of what takes seconds; the best counts.
ROUNDS = 2000
FEW = 3


class NotMeasured(Exception):
    """A goal does not apply to this machine or installation; the text says why."""


@dataclass(frozen=True)
class Goal:
    """A number that must be at most, or at least, a limit.

    Parameters
    ----------
    name, unit : str
    measure : callable
        Returns the number, or raises NotMeasured.
    at_most, at_least : number, optional
        One of them is the limit.
    """

    name: str
    unit: str
    measure: Callable[[], Number]
    at_most: Number | None = None
    at_least: Number | None = None

    @property
    def limit(self) -> str:
        """The limit in words."""
        if self.at_most is not None:
            return f"at most {shown(self.at_most)}"
        return f"at least {shown(self.at_least)}"

    def reached(self, number: Number) -> bool:
        if self.at_most is not None:
            return number <= self.at_most
        return self.at_least is not None and number >= self.at_least


def unit_of(side: int) -> MatrixUnitConfig:
    return MatrixUnitConfig(rows=side, columns=side)


@functools.cache
def described(side: int) -> dict:
    """Return the description of the Verilog of `side` x `side` cells."""
    return emit(unit_of(side)).description


def emission(side: int) -> float:
    """Return the seconds to emit the Verilog of `side` x `side` cells."""
    return round(min(_seconds(lambda: emit(unit_of(side))) for _ in range(FEW)), 2)


def product(side: int, m: int, k: int, n: int) -> dict:
    """Return the cycles of a product of M x K by K x N, from the model."""
    return layer_row(unit_of(side), Layer("product", m, k, n))


@functools.cache
def network(name: str, side: int) -> dict:
    """Return the cycles of a network, layer by layer, from the model."""
    config = MatrixUnitConfig(rows=side, columns=side, accumulator_depth=4096)
    return total_row(config, [layer_row(config, layer) for layer in read_network(name).layers])


def opening(side: int) -> float:
    """Return the seconds to open the simulation of a unit that is in the cache."""
    config = unit_of(side)
    MatrixUnitSimulator(config).close()
    return round(min(_seconds(lambda: MatrixUnitSimulator(config)) for _ in range(FEW)), 3)


def call() -> float:
    """Return the microseconds of a product of 4 x 4 by 4 x 4, called from Python."""
    unit = MatrixUnitSimulator(TINY)
    a = b = np.ones((4, 4), np.int8)
    return round(1e6 * min(_seconds(lambda: unit.matmul(a, b)) for _ in range(ROUNDS)), 1)


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


simulated = functools.cache(speed.measure_alone)


def over_system(side: int) -> float:
    """Return how many times as fast as the system's compiler Zig's makes a simulation."""
    compiler = toolchain.cxx().name
    if not (compiler.startswith("zig ") and compiler.endswith(VECTOR_LEVEL)):
        raise NotMeasured(f"a goal of Zig's compiler on {VECTOR_LEVEL}; `make setup-fast` adds it")
    ratio = simulated(side)["over_system"]
    if ratio is None:
        raise NotMeasured("there is no other C++ compiler to compare with")
    return ratio


def _of(measure: Callable[..., dict], *arguments: object, field: str) -> Callable[[], Number]:
    return lambda: measure(*arguments)[field]


TENSOR = (16, 1000, 128, 128)
EXACT = (
    Goal("Verilog of 16 x 16", "bytes", _of(described, 16, field="bytes"), at_most=70_000),
    Goal("Verilog of 256 x 256", "bytes", _of(described, 256, field="bytes"), at_most=100_000),
    Goal("Modules of 256 x 256", "modules", _of(described, 256, field="modules"), at_most=60),
    Goal(
        "1000 x 128 by 128 x 128 on 16 x 16",
        "cycles",
        _of(product, *TENSOR, field="cycles"),
        at_most=64_054,
    ),
    Goal(
        "1000 x 128 by 128 x 128 on 16 x 16, array active",
        "of the cycles",
        _of(product, *TENSOR, field="array_active"),
        at_least=0.999,
    ),
    Goal(
        "ResNet-50 on 16 x 16",
        "cycles",
        _of(network, "resnet50", 16, field="cycles"),
        at_most=16_138_069,
    ),
    Goal(
        "ResNet-50 on 256 x 256",
        "cycles",
        _of(network, "resnet50", 256, field="cycles"),
        at_most=227_882,
    ),
    Goal(
        "BERT-base on 64 x 64, array active",
        "of the cycles",
        _of(network, "bert_base_128", 64, field="array_active"),
        at_least=0.97,
    ),
)
MEASURED = (
    Goal("Emission of 16 x 16", "s", lambda: emission(16), at_most=1),
    Goal("Emission of 256 x 256", "s", lambda: emission(256), at_most=5),
    Goal("Opening a cached unit of 16 x 16", "s", lambda: opening(16), at_most=0.1),
    Goal("A product of 4 x 4 by 4 x 4", "microseconds", call, at_most=150),
    *(
        Goal(
            f"Simulation of {side} x {side}, Zig's compiler over the system's",
            "times as fast",
            functools.partial(over_system, side),
            at_least=least,
        )
        for side, least in ((16, 1.8), (64, 3), (256, 2.8))
    ),
    *(
        Goal(
            f"Simulation of {side} x {side}",
            "MAC/s",
            _of(simulated, side, field="mac_per_second"),
            at_least=least,
        )
        for side, least in ((16, 100_000_000), (64, 300_000_000), (256, 500_000_000))
    ),
    Goal(
        "Build of the simulation of 256 x 256",
        "s",
        _of(simulated, 256, field="build_seconds"),
        at_most=120,
    ),
    Goal(
        "Build of the simulation of 256 x 256, memory",
        "MB",
        _of(simulated, 256, field="peak_mb"),
        at_most=3_400,
    ),
)


def measure() -> bool:
    """Measure all goals, print them, and return whether none is lost."""
    goals = (*EXACT, *MEASURED)
    rows = []
    with progress_bar("goals") as (_, step):
        for index, goal in enumerate(goals):
            rows.append(_row(goal))
            step(index + 1, len(goals))
    finish("goals", rows, {"measured": "in the unit of the goal"}, ("unit",))
    lost = [row["goal"] for row in rows if row["state"] == "lost"]
    for name in lost:
        console.print(f"lost: {name}", style="red", markup=False)
    return not lost


def _row(goal: Goal) -> dict:
    try:
        number = goal.measure()
    except NotMeasured as why:
        number, state = None, f"not measured: {why}"
    else:
        state = "reached" if goal.reached(number) else "lost"
    return {
        "goal": goal.name,
        "unit": goal.unit,
        "limit": f"{goal.limit} {goal.unit}",
        "measured": number,
        "state": state,
    }
