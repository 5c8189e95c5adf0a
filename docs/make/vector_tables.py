"""The tables of vector.md."""

from collections.abc import Callable

from markdown_table import table
from weft.core.core_config import CORES
from weft.vector.beat_operands import BeatOperands
from weft.vector.parameter_memory import ParameterMemory
from weft.vector.row_reduce import RowReduce
from weft.vector.scalar_function import ScalarFunction
from weft.vector.timing import VectorTiming


def pipeline() -> str:
    """When the first beat of an instruction is where."""
    timing = VectorTiming()
    first = timing.first_slot
    events = [
        (0, "transfer of the instruction"),
        (first, "first slot: its buffer rows are requested, and the beat is issued"),
        (
            first + BeatOperands.read_latency - ParameterMemory.latency,
            "parameters and row scalars are read",
        ),
        (first + BeatOperands.read_latency - 1, "the buffer rows come"),
        (first + BeatOperands.latency, "the beat enters the lanes"),
        (first + timing.lanes, "its results leave the lanes"),
        (first + timing.lanes + RowReduce.latency, "they are reduced with the rows before"),
        (first + timing.write, "a buffer row that the beat completes is written"),
    ]
    return table(("Cycle", ""), events)


def finishes() -> str:
    """How long instructions take on the named cores."""
    timing, slots = VectorTiming(), ScalarFunction.latency
    rows = []
    for name, core in CORES.items():
        chunks = core.row_chunks.chunks
        # From the last slot, which is one cycle before the end of the last row.
        constant = timing.first_slot - 1
        rows.append(
            (
                f"`{name.upper()}`",
                core.vector.lanes,
                f"{chunks} m + {constant + timing.write}",
                f"{chunks} m + {constant + timing.scalar(core.vector.lanes)}",
                f"{slots} m + {constant + timing.function}",
            )
        )
    header = ("", "V", "rows are written", "row scalars are written", "reciprocals")
    return table(header, rows)


PARTS: dict[str, Callable[[], str]] = {"vector_pipeline": pipeline, "vector_finishes": finishes}
