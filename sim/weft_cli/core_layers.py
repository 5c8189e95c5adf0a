"""Where the cycles of a program went: for each layer, from the spans of its instructions."""

from collections.abc import Iterable
from dataclasses import dataclass

from weft.isa.codes import Unit
from weft_model.core.walks import matmul_height, tile_count
from weft_sim.core_trace import Span


@dataclass
class LayerCycles:
    """The cycles of the instructions with one tag.

    A cycle belongs to the MATMUL whose rows are the next ones to enter the array; cycles behind the
    last one belong to the last layer. `active`: a row enters. `stalled`: a MATMUL is executed, but
    no row enters. `waiting`: the next MATMUL has not started.
    """

    tag: int
    instructions: int = 0
    active: int = 0
    stalled: int = 0
    waiting: int = 0

    @property
    def cycles(self) -> int:
        return self.active + self.stalled + self.waiting

    def share(self, part: str) -> float:
        """Return a part of the cycles."""
        return getattr(self, part) / self.cycles if self.cycles else 0.0


def layers_of(spans: Iterable[Span], *, begin: int, end: int) -> list[LayerCycles]:
    """Return the layers of a program in the order of their tags; their cycles add up to all.

    Parameters
    ----------
    begin, end : int
        The first cycle of the program, and the first one after it.
    """
    layers: dict[int, LayerCycles] = {}
    now, last = begin, None
    for span in spans:
        tag = span.instruction["tag"]
        layer = layers.setdefault(tag, LayerCycles(tag))
        layer.instructions += 1
        if span.unit != Unit.MATRIX:
            continue
        rows = matmul_height(span.instruction) * tile_count(span.instruction)
        # A row enters in the cycle of the finish.
        until = span.finish + 1
        started = min(max(span.start, now), until)
        layer.waiting += started - now
        layer.active += rows
        layer.stalled += until - started - rows
        now, last = until, layer
    if last is None:
        last = next(iter(layers.values()), None)
    if last is not None:
        last.waiting += end - now
    return [layers[tag] for tag in sorted(layers)]
