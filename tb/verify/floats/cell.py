"""FloatCell in a compiled simulation, as a function of arrays."""

import ctypes
from pathlib import Path

import numpy as np

from weft.array.float_cell import FloatCell
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig
from weft_sim import toolchain
from weft_sim.cache import cached
from weft_sim.compiler import SHARED
from weft_sim.float_model import HEADER, modelled
from weft_sim.verilated_model import ModelBuild
from weft_sim.verilator import APART, OPTIONS

DRIVER = Path(__file__).with_name("cell_driver.cpp")
LIBRARY = "cell.so"
CONFIG = MatrixUnitConfig(rows=1, columns=1, activation="bfloat16", weight="bfloat16")  # type: ignore[arg-type]


class CompiledCell:
    """The cell of a bfloat16 unit: its RTL, or its model in C++.

    Parameters
    ----------
    model : bool
    """

    def __init__(self, *, model: bool = False):
        design = make_design("float_cell", FloatCell, arithmetic=CONFIG.arithmetic)
        headers = []
        if model:
            design, headers = modelled(design, CONFIG), [HEADER]
        # In C++, `switch` is a keyword.
        verilog = design.verilog.replace("switch,", "switch_,").replace("switch)", "switch_)")
        build = ModelBuild(
            arguments=["--top-module", design.top, "--no-assert", *APART, *OPTIONS],
            optimize="-O3",
            optimize_rest="-O2",
            options=["-fvisibility=default"],
        )

        def make(scratch: Path) -> list[str]:
            (scratch / "cell.v").write_text(verilog)
            build.build(
                scratch,
                LIBRARY,
                sources=["cell.v"],
                driver=DRIVER,
                link_options=SHARED,
                name=design.top,
                headers=headers,
            )
            return [LIBRARY]

        toolchain.prepare_environment()
        texts = [verilog, *(path.read_text() for path in (DRIVER, *headers))]
        folder = cached("float-cell", [*texts, *build.key()], make)
        self._run = ctypes.CDLL(str(folder / LIBRARY)).float_cell
        pointer = np.ctypeslib.ndpointer(np.uint32, flags="C_CONTIGUOUS")
        self._run.argtypes = [*[pointer] * 4, *[ctypes.c_int64] * 3]
        self._run.restype = None

    def __call__(self, totals: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return total + first * second as codes of float32, for codes of float32 and bfloat16."""
        results = np.empty(len(totals), np.uint32)
        arithmetic = CONFIG.arithmetic
        before_sum = 1 + arithmetic.multiplier_stages
        self._run(
            normalized(first),
            normalized(second),
            totals,
            results,
            len(totals),
            before_sum,
            before_sum + arithmetic.row_latency,
        )
        return results


def normalized(codes: np.ndarray) -> np.ndarray:
    """Return codes of bfloat16 as operands of the array, in uint32; see NormalizedFloat."""
    code = np.arange(1 << 16, dtype=np.uint32)
    sign, exponent, fraction = code >> 15, code >> 7 & 255, code & 127
    leading = np.frexp(fraction.astype(float))[1].astype(np.uint32)
    below = fraction << 8 - np.maximum(leading, 1) & 127
    operand = np.select(
        [exponent == 255, exponent > 0], [511 << 7 | fraction, exponent + 7 << 7 | fraction]
    )
    operand = np.where(exponent > 0, operand, leading << 7 | np.where(leading > 0, below, 0))
    return (sign << 16 | operand).astype(np.uint32)[codes]
