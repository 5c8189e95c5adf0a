"""BurstWriter: send bursts to a memory, and count its responses."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from ..primitives.stream_queue import StreamQueue
from .axi4 import Burst, Response, offset_bits
from .axi4_write import write_channels
from .burst_queue import burst_layout, word_layout


class BurstWriter(wiring.Component):
    """Write bursts whose beats are all in hand.

    A burst is begun when the address of the one before it has been taken, its beats have been
    sent but the last one, and fewer than `outstanding` responses are owed. Then its address is on
    `port.aw` in the next cycle, and its first beat on `port.w` in the one after that or later, a
    beat per cycle. Neither channel waits for the other. An instruction finishes in the cycle after
    the response to its last burst.

    `flush` discards all bursts that have not begun: from this cycle on, `bursts` and `words` are
    not taken. An address that has been offered stays, and the beats that it announced follow, with
    all strobes low. After a cycle with `flush`, new bursts may come when `flush` is low and `idle`
    is high.

    Parameters
    ----------
    beat_bytes, address_width, burst_beats : int
        See BurstQueue.
    outstanding : int
        Most bursts without a response, at least 2.

    Members
    -------
    bursts : stream of burst_layout(...) in
    words : stream of word_layout(...) in
    port : write_channels(...) out
    flush : 1 bit in
    idle : 1 bit out. Nothing is owed to the memory or by it.
    finished : 1 bit out. An instruction has finished.
    failed : 1 bit out. The memory has answered with an error; no further burst begins until flush.
    """

    def __init__(self, *, beat_bytes: int, address_width: int, burst_beats: int, outstanding: int):
        self.beat_bytes = beat_bytes
        self.address_width = address_width
        self.burst_beats = burst_beats
        self.outstanding = outstanding
        sizes = {"beat_bytes": beat_bytes, "address_width": address_width}
        burst = burst_layout(**sizes, burst_beats=burst_beats)
        port = write_channels(address_width=address_width, data_width=8 * beat_bytes)
        super().__init__(
            {
                "bursts": In(stream.Signature(burst)),
                "words": In(stream.Signature(word_layout(beat_bytes=beat_bytes))),
                "port": Out(port),
                "flush": In(1),
                "idle": Out(1),
                "finished": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        begins, discards, draining = Signal(), Signal(), Signal()
        # Beats that were announced and have not moved to `port.w`.
        left = Signal(range(self.burst_beats + 1))
        m.d.comb += discards.eq(self.flush | draining)
        m.d.sync += draining.eq(discards & (self.flush | ~self.idle))
        sends = self._send(m, left, discards)
        self._announce(m, begins)
        owed = self._answer(m, platform, begins, discards)
        m.d.comb += [
            begins.eq(
                self.bursts.valid
                & (~self.port.aw.valid | self.port.aw.ready)
                & (~left.any() | (sends & (left == 1)))
                & (owed != self.outstanding)
                & ~discards
                & ~self.failed
            ),
            self.bursts.ready.eq(begins),
            self.idle.eq(~(self.port.aw.valid | self.port.w.valid | left.any() | owed.any())),
        ]
        with m.If(begins):
            m.d.sync += left.eq(self.bursts.payload.length + 1)
        with m.Elif(sends):
            m.d.sync += left.eq(left - 1)
        return m

    def _announce(self, m: Module, begins: Value) -> None:
        """Offer the address of a burst."""
        aw, burst = self.port.aw, self.bursts.payload
        places = offset_bits(8 * self.beat_bytes)
        address = Signal.like(burst.number, reset_less=True)
        length = Signal.like(burst.length, reset_less=True)
        m.d.comb += [
            aw.payload.addr.eq(address << places),
            aw.payload.len.eq(length),
            aw.payload.size.eq(Const(places, 3)),
            aw.payload.burst.eq(Burst.INCR),
        ]
        with m.If(~aw.valid | aw.ready):
            m.d.sync += aw.valid.eq(begins)
        with m.If(begins):
            m.d.sync += [address.eq(burst.number), length.eq(burst.length)]

    def _send(self, m: Module, left: Value, discards: Value) -> Value:
        """Send the beats that are left; return whether one moves to `port.w`."""
        w, word, sends = self.port.w, self.words.payload, Signal()
        m.d.comb += [
            sends.eq(left.any() & (~w.valid | w.ready) & (self.words.valid | discards)),
            self.words.ready.eq(sends & ~discards),
        ]
        with m.If(~w.valid | w.ready):
            m.d.sync += w.valid.eq(sends)
        with m.If(sends):
            m.d.sync += [
                w.payload.data.eq(word.data),
                w.payload.strb.eq(Mux(discards, 0, word.strobes)),
                w.payload.last.eq(left == 1),
            ]
        return sends

    def _answer(self, m: Module, platform, begins: Value, discards: Value) -> Signal:
        """Count the responses that are owed, and finish instructions; return the count."""
        b, owed = self.port.b, Signal(range(self.outstanding + 1))
        # Whether each of these responses finishes its instruction. A response comes 3 cycles after
        # the beginning of its burst at the earliest.
        ends = instantiate(m, "ends", platform, StreamQueue, width=1, depth=self.outstanding)
        fails = Signal()
        m.d.comb += [
            ends.i.valid.eq(begins),
            ends.i.payload.eq(self.bursts.payload.ends),
            ends.o.ready.eq(b.valid),
            fails.eq((b.payload.resp == Response.SLVERR) | (b.payload.resp == Response.DECERR)),
        ]
        m.d.sync += [
            owed.eq(owed + begins - b.valid),
            self.finished.eq(b.valid & ends.o.payload & ~fails & ~self.failed & ~discards),
            self.failed.eq((self.failed | (b.valid & fails)) & ~discards),
        ]
        return owed
