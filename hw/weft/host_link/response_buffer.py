"""ResponseBuffer: store the latest response, so that it can be sent again."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from ..primitives.block_memory import BlockMemory
from .frame_transmitter import item_layout
from .protocol import Status


class ResponseBuffer(wiring.Component):
    """Store a payload in a memory, and send it after sequence number and status.

    Latency 1 cycle from `send` to the first item; then at most one item every third cycle. Between
    `send` and `sent` nothing may be written, and the fields must be stable.

    Parameters
    ----------
    payload_bytes : int
        Most bytes of a payload.

    Members
    -------
    write, address, data : 1 bit, range(payload_bytes), 8 bits in. Write port of the payload.
    send : 1 bit in. Send the response.
    sequence_number, status, length : 8 bits, Status, range(payload_bytes + 1) in
    items : stream of item_layout(), out, for the FrameTransmitter
    sent : 1 bit out, for one cycle. The last item was taken in the previous cycle.
    """

    def __init__(self, *, payload_bytes: int):
        self.payload_bytes = payload_bytes
        super().__init__(
            {
                "write": In(1),
                "address": In(range(payload_bytes)),
                "data": In(8),
                "send": In(1),
                "sequence_number": In(8),
                "status": In(Status),
                "length": In(range(payload_bytes + 1)),
                "items": Out(stream.Signature(item_layout())),
                "sent": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        payload = instantiate(
            m, "payload", platform, BlockMemory, width=8, depth=self.payload_bytes
        )
        count = Signal(range(self.payload_bytes + 1))
        items = self.items
        m.d.sync += [
            payload.write.eq(self.write),
            payload.write_row.eq(self.address),
            payload.i.eq(self.data),
        ]
        m.d.comb += payload.read_row.eq(count)
        m.d.sync += self.sent.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += count.eq(0)
                with m.If(self.send):
                    m.next = "SEQUENCE"
            with m.State("SEQUENCE"):
                m.d.comb += [items.valid.eq(1), items.payload.byte.eq(self.sequence_number)]
                with m.If(items.ready):
                    m.next = "STATUS"
            with m.State("STATUS"):
                m.d.comb += [items.valid.eq(1), items.payload.byte.eq(self.status)]
                with m.If(items.ready):
                    m.next = "FETCH"
            with m.State("FETCH"):
                with m.If(count == self.length):
                    m.next = "END"
                with m.Else():
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.next = "BYTE"
            with m.State("BYTE"):
                m.d.comb += [items.valid.eq(1), items.payload.byte.eq(payload.o)]
                with m.If(items.ready):
                    m.d.sync += count.eq(count + 1)
                    m.next = "FETCH"
            with m.State("END"):
                m.d.comb += [items.valid.eq(1), items.payload.end.eq(1)]
                with m.If(items.ready):
                    m.d.sync += self.sent.eq(1)
                    m.next = "IDLE"
        return m
