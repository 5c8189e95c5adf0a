"""BurstSplitter: the bursts of lines, each with reserved room for its beats."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check
from .axi4 import BOUNDARY_BYTES, Burst, check_data_width, offset_bits, read_address_layout
from .regions import BYTES_BITS


def span_layout(address_width: int) -> data.StructLayout:
    """Return the layout of `bytes` consecutive bytes, at least 1, from `address` on."""
    return data.StructLayout({"address": address_width, "bytes": BYTES_BITS})


class BurstSplitter(wiring.Component):
    """Cover each span of bytes with bursts of whole beats.

    A burst ends at the latest where the number of a beat is a multiple of `burst_beats`. So it has
    at most as many beats, and never crosses 4 KiB. A burst moves to `ar` only if as many beats have
    room as it has; they are reserved in that cycle, so the beats outstanding never exceed `room`.

    Latency 2 cycles from `spans` to the first burst, if there is room. Then one burst per cycle,
    also from one span to the next: that is taken while the last burst of this one moves to `ar`.

    Parameters
    ----------
    address_width, data_width : int
    burst_beats : int
        Most beats of a burst; a power of two, of at most 4 KiB in bytes and 256 in number.
    room : int
        Beats that the receiver holds, at least `burst_beats`.

    Members
    -------
    spans : stream of span_layout(address_width)
    ar : stream of read_address_layout(...), out, without ID
    released : 1 bit in. The room of a beat is free again.
    """

    latency = 2

    def __init__(self, *, address_width: int, data_width: int, burst_beats: int, room: int):
        check_data_width(data_width)
        check(
            burst_beats.bit_count() == 1
            and burst_beats <= 256
            and burst_beats * data_width // 8 <= BOUNDARY_BYTES,
            f"a burst must have a power of two of beats, of at most 256 and {BOUNDARY_BYTES} "
            f"bytes, not {burst_beats} beats of {data_width // 8} bytes",
        )
        check(room >= burst_beats, f"the room must be at least a burst, {burst_beats}, not {room}")
        self.address_width = address_width
        self.data_width = data_width
        self.burst_beats = burst_beats
        self.room = room
        super().__init__(
            {
                "spans": In(stream.Signature(span_layout(address_width))),
                "ar": Out(
                    stream.Signature(read_address_layout(address_width=address_width, id_width=0))
                ),
                "released": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        low = offset_bits(self.data_width)
        span, burst = self.spans.payload, self.ar.payload
        places = (self.burst_beats - 1).bit_length()
        active, moves, last = Signal(), Signal(), Signal()
        # Number of the first beat of the next burst.
        beat = Signal(self.address_width - low, reset_less=True)
        # Beats minus one: of the span that are left, up to the multiple, and of the next burst.
        left = Signal(BYTES_BITS + 1 - low, reset_less=True)
        until, length = Signal(places), Signal(places)
        spare = Signal(range(self.room + 1), init=self.room)
        m.d.comb += [
            until.eq(~beat[:places]),
            last.eq(left <= until),
            length.eq(Mux(last, left, until)),
            moves.eq(active & (length < spare) & (~self.ar.valid | self.ar.ready)),
            self.spans.ready.eq(~active | (moves & last)),
        ]
        m.d.sync += spare.eq(spare + self.released - Mux(moves, length + 1, 0))
        with m.If(~self.ar.valid | self.ar.ready):
            m.d.sync += self.ar.valid.eq(moves)
        with m.If(moves):
            m.d.sync += [
                burst.addr.eq(Cat(Const(0, low), beat)),
                burst.len.eq(length),
                beat.eq(Cat(Const(0, places), beat[places:] + 1)),
                left.eq(left - until - 1),
            ]
        m.d.comb += [burst.size.eq(low), burst.burst.eq(Burst.INCR)]
        with m.If(self.spans.ready):
            m.d.sync += [
                active.eq(self.spans.valid),
                beat.eq(span.address[low:]),
                left.eq((span.address[:low] + span.bytes - 1) >> low),
            ]
        return m
