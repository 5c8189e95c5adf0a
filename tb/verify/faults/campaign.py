"""Fault campaigns: random products, and random faults in each class of registers of a unit."""

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

# Number of works. They are equal for units of one size and format; every second has stalls.
WORKS = 64
# Products during which a bit can flip. One more follows, to show damage that the flip left behind.
PRODUCTS = 2


@dataclass(frozen=True)
class Injection:
    """A fault, the index of its work, and its effect."""

    work: int
    fault: Fault
    effect: FaultEffect


@dataclass
class ClassTally:
    """Effects of the faults of one class."""

    bits: int
    injections: list[Injection] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        return Counter(injection.effect.kind for injection in self.injections)

    def seen_by(self) -> Counter[str]:
        by = (injection.effect.seen_by for injection in self.injections)
        return Counter(reason for reason in by if reason)

    @property
    def false_alarms(self) -> int:
        """Number of faults that were detected although all results were right."""
        seen = (i.effect for i in self.injections if i.effect.kind == "seen")
        return sum(effect.all_right for effect in seen)

    @property
    def changed(self) -> int:
        """Number of faults with wrong or missing results, detected or not."""
        return sum(not injection.effect.all_right for injection in self.injections)

    @property
    def detected(self) -> int:
        """Number of these that were detected."""
        return self.changed - self.counts()["silent"]


class Campaign:
    """A unit and its works, which have passed once without a fault.

    Parameters
    ----------
    name : str
        Name of the unit. The random faults depend on it and on the seed; the works depend only on
        the configuration and the seed.
    config : MatrixUnitConfig
    seed : int
    building : callable
        Called before a build, unless the cache has it.

    Raises
    ------
    verilator.SimulationFailed
        If the unit is wrong without a fault; also the errors of `FaultyUnit`.
    """

    def __init__(
        self,
        name: str,
        config: MatrixUnitConfig,
        seed: int,
        *,
        building: Callable[[], None] = lambda: None,
    ):
        self.name = name
        self.config = config
        self.seed = seed
        self.unit = FaultyUnit(config, building=building)
        self.works = [
            draw_work(config, f"{seed} {number}", stalled=number % 2 == 1)
            for number in range(WORKS)
        ]
        self.expected = [self._without_fault(work) for work in self.works]
        # Number of cycles of each work in which a bit can flip.
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
            raise SimulationFailed(f"{self.name} is wrong without a fault")
        return answer

    def run(
        self, classes: list[str], faults: int, step: Callable[[int, int], None]
    ) -> dict[str, ClassTally]:
        """Inject `faults` faults in each of the classes; skip classes without bits in this unit."""
        classes = [name for name in classes if self.bits_of.get(name)]
        tallies = {name: ClassTally(len(self.bits_of[name])) for name in classes}
        for at, (name, tally) in enumerate(tallies.items()):
            for work, fault in self._drawn(name, faults):
                effect = judge(self.expected[work], self.unit.run(self.works[work], fault))
                tally.injections.append(Injection(work, fault, effect))
                step(at * faults + len(tally.injections), faults * len(classes))
        return tallies

    def _drawn(self, name: str, faults: int) -> Iterator[tuple[int, Fault]]:
        """Draw a work, a bit of the class, and a cycle before the last result of its PRODUCTS."""
        source = random.Random(f"{self.seed} {self.name} {name}")
        for _ in range(faults):
            work = source.randrange(WORKS)
            bit = source.choice(self.bits_of[name])
            yield work, Fault(bit, source.randrange(self.cycles[work]))


def draw_work(config: MatrixUnitConfig, seed: str, *, stalled: bool) -> Work:
    """Draw products of whole tiles, several along K, so that no padding hides a fault."""
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
    """Return the named classes, or all if none is named.

    Raises
    ------
    ValueError
        If a class does not exist.
    """
    if unknown := [name for name in names if name not in CLASSES]:
        raise ValueError(f"there is no class {unknown[0]!r}: choose from {', '.join(CLASSES)}")
    return [name for name in CLASSES if not names or name in names]
