"""The loop over the registers of the cells: numpy's products, and the cycles of the RTL."""

import os

import numpy as np
import pytest

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft_cli.benchmarks.register_loop import RegisterLoop

# Rows, columns, rows of A, and tiles.
SHAPES = [(1, 1, 2, 3), (1, 5, 6, 2), (5, 1, 7, 4), (4, 4, 8, 1), (3, 17, 20, 3), (16, 16, 40, 5)]


@pytest.mark.parametrize("rows, columns, m, tiles", SHAPES)
def test_products_equal_those_of_numpy(rows, columns, m, tiles):
    source = np.random.default_rng(int(os.environ["SEED"]))
    a = source.integers(-128, 128, (m, rows)).astype(np.int8)
    b = source.integers(-128, 128, (rows, tiles * columns)).astype(np.int8)
    run = RegisterLoop(rows, columns).matmul(a, b)
    assert (run.product == a.astype(np.int32) @ b.astype(np.int32)).all()
    # The tile loads, all rows enter, and the last one leaves the last column.
    config = MatrixUnitConfig(rows=rows, columns=columns)
    assert run.cycles == rows + tiles * m + MatrixUnitTiming.of(config).array - 1 + columns
