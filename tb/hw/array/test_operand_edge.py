"""OperandEdge: every lane minus its zero point, signed or not, exactly."""

import cocotb
import numpy as np

from benches.bits import join, operand, split_signed, to_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.array.operand_edge import OperandEdge
from weft.formats import IntegerFormat, OperandFormats
from weft.operand_port import OperandPort

ROWS = 400


def port(names: str, *, cell_width: int = 0, zero_points: bool = False) -> OperandPort:
    formats = OperandFormats.parse(names)
    return OperandPort.of("weight", formats, cell_width=cell_width, zero_points=zero_points)


# Port, lanes, and whether these share one zero point.
EDGES = {
    "signs": (port("int8,uint8"), 5, False),
    "signs and zero points": (port("int8,uint8", zero_points=True), 3, False),
    "one zero point": (port("int8,uint8", zero_points=True), 4, True),
    "int5 with zero points": (port("int5", zero_points=True), 3, False),
    "uint8 with one zero point": (port("uint8", zero_points=True), 2, True),
    "pieces": (port("int12", cell_width=6), 3, False),
    "one bit": (port("int1,uint1", zero_points=True), 3, False),
}


@on_simulators("port, lanes, shared_zero_point", EDGES)
def test_operand_edge(simulate, port, lanes, shared_zero_point):
    simulate(
        [reads_every_row],
        OperandEdge,
        port=port,
        lanes=lanes,
        shared_zero_point=shared_zero_point,
    )


@cocotb.test(**TIMEOUT)
async def reads_every_row(dut):
    """Random rows and rows of extreme values, each read both ways if the port has signs."""
    edge, source = parameters(), randomness()
    given, lanes = edge.port, edge.lanes
    width, count = given.lane.width, 1 if edge.shared_zero_point else lanes
    raw = IntegerFormat(width, signed=False)
    stimuli, expected = [], []
    for row in range(ROWS):
        signed = given.lane.signed or (given.signed_at_run_time and bool(row % 2))
        values = [operand(source, raw) for _ in range(lanes)]
        zero_points = [operand(source, raw) * given.zero_points for _ in range(count)]
        stimuli.append(
            {
                "lanes": join(values, width),
                "lanes_are_signed": int(signed),
                "zero_points": join(zero_points, width),
            }
        )
        read = [[to_signed(x, width) if signed else x for x in xs] for xs in (values, zero_points)]
        expected.append((np.array(read[0]) - np.array(read[1])).tolist())
    await start(dut)
    trace = await play(dut, stimuli, ["operands"])
    got = [split_signed(row, given.operand.width, lanes) for row in trace["operands"]]
    compare("operands", got, expected)
