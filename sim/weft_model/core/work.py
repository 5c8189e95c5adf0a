"""Work: what an instruction does, in parts that the machine executes in order."""

from collections.abc import Callable
from dataclasses import dataclass


def _always(part: int) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of one instruction.

    Parameters
    ----------
    parts : int
        Lines of LOAD and STORE, tiles of WEIGHTS, rows of MATMUL for each tile, and output rows of
        VECTOR or the result rows that it drains.
    run : callable
        `run(start, stop)` does a range of parts that is not empty; ranges follow each other.
    ready : callable, optional
        `ready(part)`: whether the streams let this part, the next one, happen now. Whole programs
        in program order need no room in the streams, so `run` does not ask.
    """

    parts: int
    run: Callable[[int, int], None]
    ready: Callable[[int], bool] = _always
