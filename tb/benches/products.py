"""Products to compute on the whole unit: random operands, expected results, and the check."""

import random

import numpy as np
from cocotb.triggers import RisingEdge

from benches.coroutines import compare, on_fpga
from weft.core.axi_matrix_unit import port_documentation
from weft.formats import OperandFormats
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft_model import operands
from weft_model.cycle_model import predict
from weft_model.quantized import Quantized
from weft_model.reference import matmul
from weft_model.schedule import Schedule, Transfers
from weft_sim.cocotb_driver import drive


def unit(rows: int, columns: int, **parameters) -> MatrixUnitConfig:
    """Return a unit with few accumulator rows, so that products need several batches."""
    return MatrixUnitConfig(rows=rows, columns=columns, **{"accumulator_depth": 16, **parameters})


def draw_size(source: random.Random, side: int) -> int:
    """Return a random size of at most 40, often 1, a multiple of `side`, or one off a multiple."""
    near = source.choice(
        [1, side, 2 * side, side + 1, max(1, side - 1), source.randint(1, 3 * side)]
    )
    return min(near, 40)


KINDS = ("uniform", "minimum", "maximum", "zeros", "one-hot", "mixed", "mixed")


def draw_matrix(source: random.Random, number, shape, kind: str | None = None) -> np.ndarray:
    """Return a matrix as `operands.draw_matrix`; `kind` is random by default."""
    numbers = np.random.default_rng(source.getrandbits(32))
    return operands.draw_matrix(numbers, number, shape, kind or source.choice(KINDS))


def draw_operands(
    config: MatrixUnitConfig, source: random.Random, m: int, k: int, n: int
) -> tuple[Quantized, Quantized]:
    """Return random A and B in random formats of the unit, with zero points if it has them."""
    return (
        _draw_operand(source, config.activation, (m, k), (m, 1) if config.zero_points else None),
        _draw_operand(source, config.weight, (k, n), (1, n) if config.zero_points else None),
    )


def _draw_operand(
    source: random.Random,
    formats: OperandFormats,
    shape: tuple[int, int],
    zero_points: tuple[int, int] | None,
) -> Quantized:
    number = source.choice(list(formats))
    values = draw_matrix(source, number, shape)
    if zero_points is None:
        return Quantized(values, number)
    return Quantized(values, number, draw_matrix(source, number, zero_points))


# Schedules of the products whose results were correct, for coverage.
computed: list[Schedule] = []


class Product:
    """A product to compute: its operands, schedule, transfers and expected result."""

    def __init__(self, config, a, b):
        self.a, self.b = a, b
        self.schedule = Schedule.of(config, a, b)
        self.transfers = self.schedule.transfers(a, b)
        self.expected = matmul(config, a, b)

    @classmethod
    def draw(cls, config, source, m=None):
        m = m or draw_size(source, config.rows)
        k, n = draw_size(source, config.rows), draw_size(source, config.columns)
        return cls(config, *draw_operands(config, source, m, k, n))

    def check(self, results, cycles):
        """Compare result rows with Z; a failure names the cycle of the last part of the row."""
        s = self.schedule
        what = f"Z[{s.m}, {s.n}] = A[{s.m}, {s.k}] . B[{s.k}, {s.n}]"
        arrival = s.gather(np.array([[cycle] * s.config.columns for cycle in cycles]))
        compare(what, _comparable(s.gather(results)), _comparable(self.expected), arrival[:, -1])


def _comparable(z: np.ndarray) -> np.ndarray:
    """Return floats as their bits, because NaN does not equal itself."""
    return z if z.dtype.kind == "i" else z.view(f"u{z.dtype.itemsize}")


async def compute(dut, config, products, **stalls):
    """Run products in sequence; check results, tlast and, without stalls, the cycles."""
    transfers = Transfers.join([product.transfers for product in products])
    driven = await drive(dut, config, transfers, **stalls)
    taken = 0
    for product in products:
        count = product.transfers.results
        cycles = driven.result_cycles[taken : taken + count]
        product.check(driven.results[taken : taken + count], cycles)
        taken += count
    assert driven.ends == transfers.end[transfers.last == 1].tolist(), "tlast of the results"
    assert sum(driven.counters.values()) == 2 * driven.counters["total"], "counters partition time"
    assert driven.counters["total"] == driven.cycles
    assert driven.counters["computing"] == len(transfers.activations)
    if not stalls:
        prediction = predict(config, [product.schedule for product in products])
        assert (driven.cycles, driven.counters) == (prediction.cycles, prediction.counters)
    for _ in range(MatrixUnitTiming.of(config).check):
        await RisingEdge(dut.aclk)
    assert dut.error_status.value == 0
    computed.extend(product.schedule for product in products)
    return driven


async def outputs_stay_known(dut, config):
    """Check in every cycle that no output has an unknown bit.

    On an FPGA the payload may be unknown while it is not valid: the output of some block memories
    is unknown until the first read.
    """
    names = [
        name
        for name, (direction, _, _) in port_documentation(config).items()
        if direction == "output"
    ]
    payload = ("m_axis_results_tdata", "m_axis_results_tlast") if on_fpga() else ()
    while True:
        await RisingEdge(dut.aclk)
        valid = dut.m_axis_results_tvalid.value == 1
        for name in names:
            if name in payload and not valid:
                continue
            value = getattr(dut, name).value
            assert value.is_resolvable, f"{name} is {value}"


def single_tile(config, source, rows=4):
    """Return a product of one tile, in which all rows are `first` and `last`."""
    return Product(config, *draw_operands(config, source, rows, config.rows, config.columns))
