"""OperandEdge: turn the lanes of a port into the operands that an array multiplies."""

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.lanes import Lanes
from ..operand_port import OperandPort


class OperandEdge(wiring.Component):
    """Read lanes as signed or unsigned numbers, and subtract zero points from them.

    Latency 0. The operand is as wide as needed, so no result wraps.

    Parameters
    ----------
    port : OperandPort
    lanes : int
    shared_zero_point : bool
        Whether all lanes of a row have the same zero point, or each its own.

    Members
    -------
    lanes : Lanes(port.lane.shape, lanes) in
    lanes_are_signed : 1 bit in, only if `port.signed_at_run_time`. Whether lanes and zero
        points are signed.
    zero_points : Lanes(port.lane.shape, 1 or lanes) in, only if `port.zero_points`
    operands : Lanes(port.operand.shape, lanes) out
    """

    latency = 0

    def __init__(self, *, port: OperandPort, lanes: int, shared_zero_point: bool):
        self.port = port
        self.count = lanes
        self.shared_zero_point = shared_zero_point
        shape = port.lane.shape
        members = {"lanes": In(Lanes(shape, lanes))}
        if port.signed_at_run_time:
            members["lanes_are_signed"] = In(1)
        if port.zero_points:
            members["zero_points"] = In(Lanes(shape, 1 if shared_zero_point else lanes))
        members["operands"] = Out(Lanes(port.operand.shape, lanes))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        for index in range(self.count):
            number = self._number(self.lanes[index])
            if self.port.zero_points:
                number -= self._number(self.zero_points[0 if self.shared_zero_point else index])
            m.d.comb += self.operands[index].eq(number)
        return m

    def _number(self, lane: Value) -> Value:
        """Return a lane as a signed number."""
        if not self.port.signed_at_run_time:
            return lane
        return Cat(lane, lane[-1] & self.lanes_are_signed).as_signed()
