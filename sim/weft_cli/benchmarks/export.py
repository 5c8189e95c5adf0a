"""Time to emit the Verilog and its size, from 8 x 8 to 256 x 256."""

import time

from weft.emit.export import emit
from weft.matrix.config import MatrixUnitConfig

from ..console import progress_bar
from .results import finish

SHAPES = ((8, 8), (16, 16), (32, 32), (64, 64), (100, 37), (128, 128), (256, 256))
UNITS = {"seconds": "s, wall clock", "bytes": "bytes of the file", "modules": "in the file"}


def measure() -> None:
    """Emit each shape once."""
    results = []
    with progress_bar("export") as (_, step):
        for index, (rows, columns) in enumerate(SHAPES):
            started = time.perf_counter()
            described = emit(MatrixUnitConfig(rows=rows, columns=columns)).description
            results.append(
                {
                    "rows": rows,
                    "columns": columns,
                    "seconds": round(time.perf_counter() - started, 2),
                    "bytes": described["bytes"],
                    "modules": described["modules"],
                }
            )
            step(index + 1, len(SHAPES))
    finish("export", results, UNITS)
