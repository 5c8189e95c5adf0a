"""FloatEdge: every code of every format, as ml_dtypes has it."""

import cocotb
import numpy as np

from benches.bits import join, split, split_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, start
from benches.runner import on_simulators
from weft.array.float_edge import FloatEdge
from weft.float_format import OPERAND_FLOATS
from weft.formats import OperandFormats
from weft.operand_port import OperandPort
from weft.sign_magnitude import SignMagnitude

PORTS = {
    f"{name}{' as a magnitude' if magnitudes else ''}": OperandPort.of(
        "weight",
        OperandFormats.parse(name),
        cell_width=0,
        zero_points=False,
        magnitudes=magnitudes,
    )
    for name, number in OPERAND_FLOATS.items()
    if not number.chains
    for magnitudes in ((True,) if number.kind == "fn" else (False, True))
}


@on_simulators("port", PORTS)
def test_float_edge(simulate, port):
    simulate([reads_every_code], FloatEdge, port=port, lanes=3)


@cocotb.test(**TIMEOUT)
async def reads_every_code(dut):
    """Each code in each lane, beside other codes."""
    edge = parameters()
    number, lanes = edge.port.float_format, edge.lanes
    codes = np.arange(1 << number.width, dtype=np.uint8)
    rows = np.stack([np.roll(codes, lane * 7) for lane in range(lanes)], axis=1)
    values = rows.view(number.dtype).astype(np.float64)
    await start(dut)
    trace = await play(dut, [{"lanes": join(row, number.width)} for row in rows], ["operands"])
    nan = np.isnan(values)
    multiples = np.ldexp(np.where(nan, 0, values), -number.least_exponent).astype(int)
    operand = edge.port.operand
    if isinstance(operand, SignMagnitude):
        negative = np.signbit(values) & ~nan
        expected = np.abs(multiples) | negative << operand.magnitude_width
        expected |= nan << operand.magnitude_width + 1
        got = [split(row, operand.width, lanes) for row in trace["operands"]]
    else:
        expected = multiples
        got = [split_signed(row, operand.width, lanes) for row in trace["operands"]]
    compare("operands", got, expected.tolist())
