"""RequestBuffer: store a request until its check sequence is known to be correct."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from ..primitives.block_memory import BlockMemory
from .protocol import CHECK_BYTES, COUNT_BYTES, HEADER_BYTES

BROKEN_FRAMES_WIDTH = 16


class RequestBuffer(wiring.Component):
    """Store the content of a frame: the header in registers, the payload in a memory.

    A frame is dropped and counted unless it is good and consists of a header and at most
    `payload_bytes` bytes of payload. While `busy`, the stored request is stable. Bytes that arrive
    then are dropped up to the next flag after `busy`, and not counted.

    Latency: `received` comes one cycle after the flag, and the fields of the request are stable 2
    cycles after its last byte; 2 cycles from `address` to `data`.

    Parameters
    ----------
    payload_bytes : int
        Most bytes of a payload.

    Members
    -------
    content, flag, begun, good : in, from the FrameReceiver
    busy : 1 bit in
    received : 1 bit out, for one cycle. `busy` follows in the next.
    sequence_number, command, target : 8 bits each out
    length : range(payload_bytes + 1) out. Bytes of the payload.
    requested : 16 bits out. The first two bytes of the payload: the count of a READ or PULL.
    address, data : range(payload_bytes) in, 8 bits out. Read port of the payload.
    broken_frames : 16 bits out. Number of dropped frames, modulo 2**16.
    """

    def __init__(self, *, payload_bytes: int):
        self.payload_bytes = payload_bytes
        super().__init__(
            {
                "content": In(stream.Signature(8, always_ready=True)),
                "flag": In(1),
                "begun": In(1),
                "good": In(1),
                "busy": In(1),
                "received": Out(1),
                "sequence_number": Out(8),
                "command": Out(8),
                "target": Out(8),
                "length": Out(range(payload_bytes + 1)),
                "requested": Out(8 * COUNT_BYTES),
                "address": In(range(payload_bytes)),
                "data": Out(8),
                "broken_frames": Out(BROKEN_FRAMES_WIDTH),
            }
        )

    def elaborate(self, platform):
        m = Module()
        payload = instantiate(
            m, "payload", platform, BlockMemory, width=8, depth=self.payload_bytes
        )
        most = self.payload_bytes + CHECK_BYTES
        header = Signal(range(HEADER_BYTES + 1))
        count = Signal(range(most + 1))
        too_long = Signal()
        # Bytes before the first flag are not a frame.
        deaf = Signal(init=1)
        take = Signal()
        in_payload = Signal()
        in_count = Signal()
        fits = Signal()
        full = Signal()
        right_length = Signal()
        ends = Signal()
        dropped = Signal()
        byte = self.content.payload
        fields = Cat(self.sequence_number, self.command, self.target)
        # Compared one cycle ahead, which is possible because bytes are many cycles apart.
        m.d.sync += [
            in_payload.eq(header == HEADER_BYTES),
            in_count.eq(count < COUNT_BYTES),
            fits.eq(count < self.payload_bytes),
            full.eq(count == most),
            self.length.eq(count - CHECK_BYTES),
            right_length.eq((count >= CHECK_BYTES) & ~too_long),
        ]
        m.d.comb += [
            take.eq(self.content.valid & ~deaf & ~self.busy),
            payload.write.eq(take & in_payload & fits),
            payload.write_row.eq(count),
            payload.i.eq(byte),
            payload.read_row.eq(self.address),
            self.data.eq(payload.o),
        ]
        with m.If(take & ~in_payload):
            m.d.sync += [fields.eq(Cat(fields, byte) >> 8), header.eq(header + 1)]
            # Not earlier: the length of the previous request must hold until the next one begins.
            m.d.sync += count.eq(0)
        with m.Elif(take & full):
            m.d.sync += too_long.eq(1)
        with m.Elif(take):
            m.d.sync += count.eq(count + 1)
        with m.If(take & in_payload & in_count):
            m.d.sync += self.requested.eq(Cat(self.requested, byte) >> 8)

        m.d.comb += ends.eq(self.flag & self.begun & ~deaf & ~self.busy)
        m.d.sync += [
            self.received.eq(ends & self.good & right_length),
            dropped.eq(ends & ~(self.good & right_length)),
            self.broken_frames.eq(self.broken_frames + dropped),
        ]
        with m.If(self.busy), m.If(self.content.valid | self.flag):
            m.d.sync += deaf.eq(1)
        with m.Elif(self.flag):
            m.d.sync += [header.eq(0), too_long.eq(0), deaf.eq(0)]
        return m
