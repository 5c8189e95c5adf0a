"""Executor: judge requests, have their bytes moved, and have the responses sent."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..hierarchy import instantiate
from .byte_mover import ByteMover, order_layout
from .link_shape import LinkShape
from .ports import byte_sink, byte_source, register_bus
from .protocol import COUNT_BYTES, Command, Status


class Executor(wiring.Component):
    """Execute or refuse one request after the other.

    A request with the same sequence number as the one before is not executed; its response is sent
    again. HELLO is always executed. A request that cannot be executed is answered with its status
    and has no effect. A stream may accept or deliver fewer beats than requested, see ByteMover.

    A request is judged ahead: its fields must be stable from 5 cycles before `received` on.

    Latency from `received` to `send`: 6 cycles, plus 4 per byte, 3 per beat, 2 if the response is
    a count, and the wait cycles of registers and streams; 2 cycles if the request is refused, 1
    cycle if a response is sent again.

    Parameters
    ----------
    shape : LinkShape

    Members
    -------
    received, sequence_number, command, target, length, requested, address, data : see
        RequestBuffer
    busy : 1 bit out. A request is being executed or answered.
    write, response_address, response_data, send, status, response_length, sent : see
        ResponseBuffer
    registers : register_bus(), out
    inputs, outputs : byte_sink() and byte_source(), out, one per stream
    """

    def __init__(self, *, shape: LinkShape):
        self.shape = shape
        size = shape.payload_bytes
        super().__init__(
            {
                "received": In(1),
                "sequence_number": In(8),
                "command": In(8),
                "target": In(8),
                "length": In(range(size + 1)),
                "requested": In(8 * COUNT_BYTES),
                "address": Out(range(size)),
                "data": In(8),
                "busy": Out(1),
                "write": Out(1),
                "response_address": Out(range(size)),
                "response_data": Out(8),
                "send": Out(1),
                "status": Out(Status),
                "response_length": Out(range(size + 1)),
                "sent": In(1),
                "registers": Out(register_bus()),
                "inputs": Out(byte_sink()).array(len(shape.input_beats)),
                "outputs": Out(byte_source()).array(len(shape.output_beats)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        order = self._decode(m)
        length = Signal(range(self.shape.payload_bytes + 1))
        # A count that this truncates is refused.
        m.d.sync += length.eq(Mux(order.read | order.pull, self.requested, self.length))
        mover = self._add_mover(m, platform, order, length)
        greeted = Signal()
        last_sequence = Signal(8)
        repeated = Signal()
        judged = Signal(Status)
        accepted = Signal()
        m.d.sync += [
            repeated.eq(greeted & ~order.hello & (self.sequence_number == last_sequence)),
            judged.eq(Mux(greeted | order.hello, self._judge(m, order, length), Status.NO_HELLO)),
            accepted.eq(judged == Status.OK),
        ]
        with m.FSM():
            with m.State("IDLE"), m.If(self.received):
                m.d.sync += self.busy.eq(1)
                with m.If(repeated):
                    m.next = "SEND"
                with m.Else():
                    m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.comb += mover.begin.eq(accepted)
                m.d.sync += [
                    self.status.eq(judged),
                    self.response_length.eq(0),
                    last_sequence.eq(self.sequence_number),
                    greeted.eq(greeted | order.hello),
                ]
                with m.If(accepted):
                    m.next = "MOVE"
                with m.Else():
                    m.next = "SEND"
            with m.State("MOVE"), m.If(mover.finished):
                m.d.sync += self.response_length.eq(mover.moved)
                with m.If(order.counts):
                    m.next = "COUNT_LOW"
                with m.Else():
                    m.next = "SEND"
            self._count_states(m)
            with m.State("SEND"):
                m.d.comb += self.send.eq(1)
                m.next = "SENDING"
            with m.State("SENDING"), m.If(self.sent):
                m.d.sync += self.busy.eq(0)
                m.next = "IDLE"
        return m

    def _decode(self, m: Module) -> data.View:
        """Decode the header, in two cycles."""
        order = Signal(order_layout(self.shape))
        m.d.sync += [order[command.name.lower()].eq(self.command == command) for command in Command]
        m.d.sync += [bit.eq(self.target == number) for number, bit in enumerate(order.is_stream)]
        m.d.sync += [
            order.on_stream.eq(order.push | order.pull),
            order.counts.eq(order.push | order.write),
        ]
        return order

    def _add_mover(self, m: Module, platform, order: data.View, length: Signal):
        """Add the mover of the bytes; return it."""
        mover = instantiate(m, "mover", platform, ByteMover, shape=self.shape)
        connect(m, mover.registers, flipped(self.registers))
        for outer, inner in zip(self.inputs, mover.inputs, strict=True):
            connect(m, inner, flipped(outer))
        for outer, inner in zip(self.outputs, mover.outputs, strict=True):
            connect(m, inner, flipped(outer))
        m.d.comb += [
            mover.order.eq(order),
            mover.target.eq(self.target),
            mover.length.eq(length),
            mover.data.eq(self.data),
            self.address.eq(mover.moved),
            self.write.eq(mover.write),
            self.response_address.eq(mover.moved),
            self.response_data.eq(mover.response_data),
        ]
        return mover

    def _judge(self, m: Module, order: data.View, length: Signal) -> Value:
        """Return the status of a request after HELLO, valid two cycles after `length`."""
        shape = self.shape
        read, write, push, pull = order.read, order.write, order.push, order.pull
        known = order.hello | read | write | push | pull
        fits = Signal()
        whole = Signal()
        end = Signal(1 + max(len(self.target), len(length)))
        in_range = Signal()
        unknown_stream = Signal()
        streams = Mux(push, len(shape.input_beats), len(shape.output_beats))
        writable = self.target >= shape.first_writable
        m.d.sync += [
            fits.eq((self.length == COUNT_BYTES) & (self.requested <= shape.payload_bytes)),
            whole.eq(length[:2] == 0),
            end.eq(self.target + length[2:]),
            in_range.eq((end <= shape.registers) & (read | writable)),
            unknown_stream.eq((push | pull) & (self.target >= streams)),
        ]
        good_length = Mux(read, fits & whole, Mux(write, whole, ~pull | fits))
        status = Mux(unknown_stream, Status.UNKNOWN_STREAM, Status.OK)
        status = Mux((read | write) & ~in_range, Status.BAD_ADDRESS, status)
        status = Mux(~good_length, Status.BAD_LENGTH, status)
        return Mux(known, status, Status.UNKNOWN_COMMAND)

    def _count_states(self, m: Module) -> None:
        """Write the length of the payload to the response, as its payload."""
        with m.State("COUNT_LOW"):
            m.d.comb += [
                self.write.eq(1),
                self.response_address.eq(0),
                self.response_data.eq(self.response_length[:8]),
            ]
            m.next = "COUNT_HIGH"
        with m.State("COUNT_HIGH"):
            m.d.comb += [
                self.write.eq(1),
                self.response_address.eq(1),
                self.response_data.eq(self.response_length[8:]),
            ]
            m.d.sync += self.response_length.eq(COUNT_BYTES)
            m.next = "SEND"
