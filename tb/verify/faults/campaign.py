"""A campaign: drawn products, and drawn faults in each class of registers of a unit."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from weft.matrix.config import MatrixUnitConfig
from weft_model.operands import draw_operands
from weft_model.reference import matmul
from weft_sim.stalls import Stalls
from weft_sim.verilator import SimulationFailed

from .classes import CLASSES, class_of
from .effect import FaultEffect, judge
from .injection import Answer, Fault, FaultyUnit, Work

# The same for all units of one size and format; every second one has stalls on all streams.
WORKS = 64
# Products in whose time a bit flips. One more follows them: it meets what the flip has left behind.
PRODUCTS = 2


@dataclass(frozen=True)
class Injection:
    """A fault, in which of the works, and what it did."""

    work: int
    fault: Fault
    effect: FaultEffect


@dataclass
class ClassTally:
    """What the faults of one class did."""

    bits: int
    injections: list[Injection] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        return Counter(injection.effect.kind for injection in self.injections)

    def seen_by(self) -> Counter[str]:
        by = (injection.effect.seen_by for injection in self.injections)
        return Counter(reason for reason in by if reason)

    @property
    def false_alarms(self) -> int:
        """Faults that were seen although all results came and were right."""
        seen = (i.effect for i in self.injections if i.effect.kind == "seen")
        return sum(effect.all_right for effect in seen)

    @property
    def changed(self) -> int:
        """Faults after which results are wrong or missing, seen or not."""
        return sum(not injection.effect.all_right for injection in self.injections)

    @property
    def detected(self) -> int:
        """Those of them that were seen."""
        return self.changed - self.counts()["silent"]


class Campaign:
    """A unit with its works, computed once without a fault and found right.

    Parameters
    ----------
    name : str
        Of the unit; the faults that are drawn depend on it and on the seed, the works do not.
    config : MatrixUnitConfig
    seed : int

    Raises
    ------
    verilator.SimulationFailed
        If the unit is wrong without a fault; else as `FaultyUnit`.
    """

    def __init__(self, name: str, config: MatrixUnitConfig, seed: int):
        self.name = name
        self.config = config
        self.seed = seed
        self.unit = FaultyUnit(config)
        self.works = [
            draw_work(config, f"{seed} {number}", stalled=number % 2 == 1)
            for number in range(WORKS)
        ]
        self.expected = [self._without_fault(work) for work in self.works]
        # Of each work the cycles in which a bit may flip.
        self.cycles = [
            self._without_fault(Work(work.operands[:PRODUCTS], work.stalls)).cycles
            for work in self.works
        ]
        self.bits_of: dict[str, list[int]] = defaultdict(list)
        for number, bit in enumerate(self.unit.bits):
            self.bits_of[class_of(bit.register)].append(number)

    def _without_fault(self, work: Work) -> Answer:
        answer = self.unit.run(work)
        right = all(
            (matmul(self.config, a, b) == product).all()
            for (a, b), product in zip(work.operands, answer.products, strict=True)
        )
        if not right or judge(answer, answer).kind != "masked":
            raise SimulationFailed(f"{self.name} is wrong without any fault")
        return answer

    def run(
        self, classes: list[str], faults: int, step: Callable[[int, int], None]
    ) -> dict[str, ClassTally]:
        """Inject so many faults in each of the classes that the unit has bits of."""
        classes = [name for name in classes if self.bits_of.get(name)]
        tallies = {name: ClassTally(len(self.bits_of[name])) for name in classes}
        for at, (name, tally) in enumerate(tallies.items()):
            for work, fault in self._drawn(name, faults):
                effect = judge(self.expected[work], self.unit.run(self.works[work], fault))
                tally.injections.append(Injection(work, fault, effect))
                step(at * faults + len(tally.injections), faults * len(classes))
        return tallies

    def _drawn(self, name: str, faults: int) -> Iterator[tuple[int, Fault]]:
        """Any of the works, any bit of the class, any cycle up to the last result but those of the
        product that follows."""
        source = random.Random(f"{self.seed} {self.name} {name}")
        for _ in range(faults):
            work = source.randrange(WORKS)
            bit = source.choice(self.bits_of[name])
            yield work, Fault(bit, source.randrange(self.cycles[work]))


def draw_work(config: MatrixUnitConfig, seed: str, *, stalled: bool) -> Work:
    """Products of whole tiles, several along K; no padding hides what a fault does."""
    source = random.Random(seed)
    operands = [
        draw_operands(
            config,
            source.randint(config.rows, config.accumulator_depth),
            config.rows * source.randint(2, 3),
            config.columns * source.randint(1, 2),
            seed=source.getrandbits(32),
        )
        for _ in range(PRODUCTS + 1)
    ]
    return Work(operands, Stalls.draw(source.getrandbits(32)) if stalled else None)


def check_classes(names: tuple[str, ...]) -> list[str]:
    """The classes named, or all of them.

    Raises
    ------
    ValueError
        If there is no class of such a name.
    """
    if unknown := [name for name in names if name not in CLASSES]:
        raise ValueError(f"no class is named {unknown[0]!r}: there are {', '.join(CLASSES)}")
    return [name for name in CLASSES if not names or name in names]
