"""VectorTiming: the latencies of the vector unit, which hardware, model and documents read."""

from dataclasses import dataclass

from .beat_operands import BeatOperands
from .beat_results import BeatResults
from .lanes import VectorLanes
from .scalar_function import ScalarFunction
from .vector_walk import VectorWalk


@dataclass(frozen=True, kw_only=True)
class VectorTiming:
    """Latencies of the stages of the vector unit, in cycles.

    Parameters
    ----------
    first_slot : int
        From the transfer of an instruction to the first slot of its first beat.
    lanes : int
        From the issue of a beat to its results behind the lanes.
    write : int
        From the issue of the beat that completes a buffer row to its write, or to the first one of
        several.
    function : int
        From the issue of a function to the write of its row scalar.
    """

    first_slot: int = VectorWalk.latency
    lanes: int = BeatOperands.latency + VectorLanes.latency
    write: int = BeatOperands.latency + VectorLanes.latency + BeatResults.write_latency
    function: int = BeatOperands.read_latency + ScalarFunction.latency

    def scalar(self, lanes: int) -> int:
        """Return the latency from the issue of the last beat of a window to its row scalar.

        `lanes`: V.
        """
        return self.lanes + BeatResults.scalar_latency_of(lanes)
