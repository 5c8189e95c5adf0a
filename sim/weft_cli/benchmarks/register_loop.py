"""The cells of an array as a loop in C++ over their registers, to compare simulations with."""

import ctypes
import resource
from pathlib import Path
from typing import NamedTuple

import numpy as np

from weft_sim import toolchain
from weft_sim.build_steps import BuildSteps
from weft_sim.cache import cached
from weft_sim.compiler import SHARED

SOURCE = Path(__file__).with_name("register_loop.cpp")
LIBRARY = "register_loop.so"


def user_seconds() -> float:
    """Return the user time of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


class LoopRun(NamedTuple):
    """A product, its cycles, and the seconds of user time of the loop."""

    product: np.ndarray
    cycles: int
    seconds: float


class RegisterLoop:
    """The loop of register_loop.cpp, built by the compiler of simulations.

    It has the cells only: int8 operands, products of 16 bits in a register, sums of 32 bits; no
    accumulators, no skew, no control beside that of the cells.

    Parameters
    ----------
    rows, columns : int
        Shape of the array.

    Raises
    ------
    toolchain.ToolMissing, verilator.SimulationFailed, RuntimeError
        If it cannot be built.
    """

    def __init__(self, rows: int, columns: int):
        self.rows = rows
        self.columns = columns

        def make(scratch: Path) -> list[str]:
            steps = BuildSteps(scratch, tool="the C++ compiler", name="register_loop")
            objects = steps.compile([(SOURCE, "-O3")], ["-std=gnu++17", "-fPIC"])
            steps.link(objects, scratch / LIBRARY, SHARED)
            return [LIBRARY]

        folder = cached("loop", [SOURCE.read_text(), toolchain.cxx().name], make)
        self._loop = ctypes.CDLL(str(folder / LIBRARY)).register_loop
        self._loop.argtypes = [*[ctypes.c_int] * 2, ctypes.c_int64, *[ctypes.c_void_p] * 5]
        self._loop.restype = None

    def matmul(self, a: np.ndarray, b: np.ndarray) -> LoopRun:
        """Multiply `a`, int8 (M, rows), by `b`, int8 (rows, n columns), tile by tile.

        M is at least rows + columns. A tile of weights is loaded while the one before is in use.
        """
        rows, columns, m = self.rows, self.columns, len(a)
        tiles = b.shape[1] // columns
        # From the activation of row 0 at the west to the sum of column 0 at the south.
        latency = rows + 1
        cycles = rows + tiles * m + latency + columns
        activations, switches, loads = (np.zeros((cycles, rows), np.int8) for _ in range(3))
        weights = np.zeros((cycles, columns), np.int8)
        sums = np.empty((cycles, columns), np.int32)
        stream = np.tile(a, (tiles, 1))
        for row in range(rows):
            here = slice(rows + row, rows + row + tiles * m)
            activations[here, row] = stream[:, row]
            switches[here, row][::m] = 1
        for tile, matrix in enumerate(np.split(b, tiles, axis=1)):
            loads[tile * m : tile * m + rows] = np.tri(rows)
            for column in range(columns):
                start = tile * m + column
                weights[start : start + rows, column] = matrix[::-1, column]
        arrays = (activations, switches, loads, weights, sums)
        started = user_seconds()
        self._loop(rows, columns, cycles, *(array.ctypes.data for array in arrays))
        seconds = user_seconds() - started
        first = rows + latency
        leaving = [sums[first + c : first + c + tiles * m, c] for c in range(columns)]
        product = np.stack(leaving, axis=1).reshape(tiles, m, columns)
        return LoopRun(np.hstack(list(product)), cycles, seconds)
