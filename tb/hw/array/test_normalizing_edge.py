"""NormalizingEdge: every code of bfloat16, as ml_dtypes has it."""

import cocotb
import numpy as np

from benches.bits import join, split
from benches.coroutines import TIMEOUT, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.array.normalizing_edge import NormalizingEdge
from weft.formats import OperandFormats
from weft.operand_port import OperandPort

PORTS = {
    "bfloat16": OperandPort.of(
        "weight", OperandFormats.parse("bfloat16"), cell_width=0, zero_points=False
    )
}


@on_simulators("port", PORTS)
def test_normalizing_edge(simulate, port):
    simulate([normalizes_every_code], NormalizingEdge, port=port, lanes=8)


@cocotb.test(**TIMEOUT)
async def normalizes_every_code(dut):
    """The fields of each operand give back the number; there is a leading one, and one NaN."""
    port, lanes = parameters().port, parameters().lanes
    number, operand = port.float_format, port.operand
    shuffled = randomness().sample(range(1 << number.width), 1 << number.width)
    codes = np.array(shuffled, np.uint16)
    await start(dut)
    rows = codes.reshape(-1, lanes)
    trace = await play(
        dut, [{"lanes": join(row.tolist(), number.width)} for row in rows], ["operands"]
    )
    bits = np.array([split(row, operand.width, lanes) for row in trace["operands"]]).ravel()
    fraction = bits & (1 << number.fraction) - 1
    exponent = bits >> number.fraction & (1 << operand.exponent_width) - 1
    sign = bits >> operand.width - 1
    special = exponent == (1 << operand.exponent_width) - 1

    values = codes.view(number.dtype).astype(np.float64)
    assert np.array_equal(sign, np.signbit(values))
    assert np.array_equal(special, ~np.isfinite(values))
    assert np.array_equal(fraction[special] > 0, np.isnan(values[special]))
    assert np.array_equal(exponent == 0, values == 0)
    finite = np.isfinite(values)
    significand = (exponent > 0) << number.fraction | fraction
    power = (exponent - operand.bias - number.fraction).astype(int)
    assert np.array_equal(np.ldexp(significand, power)[finite], np.abs(values[finite]))
