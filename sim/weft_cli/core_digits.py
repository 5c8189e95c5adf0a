"""`weft sim`: the digits network as one program on the RTL of a core, checked against numpy."""

from dataclasses import dataclass

import numpy as np

from weft.core.core_config import CoreConfig
from weft_model.core.machine import execute
from weft_sim.core_driver import MemoryTiming
from weft_sim.core_simulator import CoreResult, CoreSimulator
from weft_sim.core_trace import Span, spans_of

from . import digits, train_digits
from .console import progress_bar
from .core_layers import LayerCycles, layers_of
from .digits_memory import digits_memory, scores_in
from .digits_program import digits_program
from .durations import core_build


@dataclass(frozen=True)
class CoreDigitsRun:
    """The held-out digits, classified by one program on a core.

    `differences`: regions of the memory that differ from those of the machine in numpy.
    `wrong_scores`: scores that differ from those of the integer network. `timing`: of the memory.
    """

    core: str
    images: int
    accuracy: float
    result: CoreResult
    spans: list[Span]
    layers: list[LayerCycles]
    differences: list[int]
    wrong_scores: int
    timing: MemoryTiming

    @property
    def right(self) -> bool:
        return not (self.result.sentence or self.differences or self.wrong_scores)

    @property
    def active(self) -> int:
        """Cycles in which a row enters the array."""
        return sum(layer.active for layer in self.layers)


def memory_of(core: CoreConfig) -> MemoryTiming:
    """Return a memory that transfers a beat in every cycle, 20 cycles after its request."""
    beat = core.bus.data_width / 8
    return MemoryTiming(read_bytes=beat, write_bytes=beat)


def run_core_digits(name: str, core: CoreConfig, *, waves: str | None = None) -> CoreDigitsRun:
    """Classify the held-out digits on the RTL of a core.

    Raises
    ------
    RuntimeError
        If the program ends with an error.
    """
    network = digits.load()
    images, labels = digits.held_out()
    program = digits_program(core, network, len(images))
    memory = digits_memory(network, images)
    expected = [region.copy() for region in memory]
    execute(program, expected)
    timing = memory_of(core)
    total = len(program.instructions) - 1
    with progress_bar(f"digits on the core {name}", core_build(core)) as (building, step):
        simulator = CoreSimulator(core, waves=waves is not None, building=building)
        result = simulator.run(
            program,
            memory,
            timing=timing,
            trace=waves,
            progress=lambda finished: step(finished, total),
        )
    if result.sentence:
        raise RuntimeError(f"the program ended with an error: {result.sentence}")
    spans = spans_of(program, result.starts, result.finishes)
    scores = scores_in(memory, network)
    (wanted,) = network.forward([images])
    return CoreDigitsRun(
        core=name,
        images=len(labels),
        accuracy=digits.accuracy(scores, labels),
        result=result,
        spans=spans,
        layers=layers_of(spans, begin=min(span.start for span in spans), end=result.cycles),
        differences=[
            number
            for number, (got, right) in enumerate(zip(memory, expected, strict=True))
            if not np.array_equal(got, right)
        ],
        wrong_scores=int((scores != wanted).sum()),
        timing=timing,
    )


def layer_name(tag: int) -> str:
    """Return the name of a layer of the digits network."""
    return train_digits.LAYERS[tag - 1] if 0 < tag <= len(train_digits.LAYERS) else f"tag {tag}"
