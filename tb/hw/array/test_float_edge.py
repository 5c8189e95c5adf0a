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
from weft.stepped_magnitude import STEP, Kind, SteppedMagnitude

# What the operands of each kind of format can be.
OPERANDS = {
    "finite": (None, SignMagnitude, SteppedMagnitude),
    "fn": (SignMagnitude, SteppedMagnitude),
    "ieee": (SteppedMagnitude,),
}
PORTS = {
    f"{name} as {magnitude.__name__ if magnitude else 'integer'}": OperandPort.of(
        "weight",
        OperandFormats.parse(name),
        cell_width=0,
        zero_points=False,
        magnitude=magnitude,
    )
    for name, number in OPERAND_FLOATS.items()
    if not number.chains
    for magnitude in OPERANDS[number.kind]
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
    rows = np.stack([np.roll(codes, (lane + 1) * 7) for lane in range(lanes)], axis=1)
    values = rows.view(number.dtype).astype(np.float64)
    await start(dut)
    trace = await play(dut, [{"lanes": join(row, number.width)} for row in rows], ["operands"])
    nan, finite = np.isnan(values), np.isfinite(values)
    multiples = np.ldexp(np.where(finite, values, 0), -number.least_exponent).astype(int)
    operand = edge.port.operand
    if isinstance(operand, SteppedMagnitude):
        got = [
            [integer_and_kind(operand, bits) for bits in split(row, operand.width, lanes)]
            for row in trace["operands"]
        ]
        kinds = np.where(multiples == 0, Kind.ZERO.value, Kind.FINITE.value)
        kinds = np.where(finite, kinds, np.where(nan, Kind.NAN.value, Kind.INFINITE.value))
        expected = np.stack([multiples, np.signbit(values), kinds], axis=-1)
    elif isinstance(operand, SignMagnitude):
        negative = np.signbit(values) & ~nan
        expected = np.abs(multiples) | negative << operand.magnitude_width
        expected |= nan << operand.magnitude_width + 1
        got = [split(row, operand.width, lanes) for row in trace["operands"]]
    else:
        expected = multiples
        got = [split_signed(row, operand.width, lanes) for row in trace["operands"]]
    compare("operands", got, expected.tolist())


def integer_and_kind(operand: SteppedMagnitude, bits: int) -> list[int]:
    """Return the number, the sign and the kind of an operand."""
    width = operand.magnitude_width
    magnitude, sign = bits % (1 << width), bits >> width & 1
    kind, step = bits >> width + 1 & 3, bits >> width + 3
    return [(-magnitude if sign else magnitude) << STEP * step, sign, kind]
