"""LinePacker: from rows of bytes to the beats of a bus, at any byte address."""

import math

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .axi4 import offset_bits


def line_row_layout(*, row_bytes: int, address_width: int) -> data.StructLayout:
    """Return the layout of a row that is part of a line of bytes in the memory.

    `address`: that of its first byte. `bytes`: how many of its bytes belong to the line, 1 or more;
    all rows of a line but the last one are whole. `ends_line`, `ends`: it is the last row of its
    line, and of its instruction.
    """
    return data.StructLayout(
        {
            "data": 8 * row_bytes,
            "address": address_width,
            "bytes": range(row_bytes + 1),
            "ends_line": 1,
            "ends": 1,
        }
    )


def beat_layout(*, beat_bytes: int, address_width: int) -> data.StructLayout:
    """Return the layout of a beat of a line.

    `number`: its address, in beats. `strobes`: the bytes that belong to the line; all others are
    zero. `ends_line`, `ends`: it is the last beat of its line, and of its instruction.
    """
    return data.StructLayout(
        {
            "data": 8 * beat_bytes,
            "strobes": beat_bytes,
            "number": address_width - offset_bits(8 * beat_bytes),
            "ends_line": 1,
            "ends": 1,
        }
    )


class LinePacker(wiring.Component):
    """Place the bytes of rows in the beats that contain their addresses.

    A row is cut into pieces of gcd(row_bytes, beat_bytes) bytes, and a piece is placed per cycle;
    pieces behind the end of a line take no time. A line that ends in the beat after that in which
    its last piece begins takes a cycle more.

    Timing: a row is taken in cycle 0. Its first piece is placed in cycle 1 and joins its beat in
    cycle 2, which is on `beats` in cycle `latency`, if the piece completes it. `beats` stalls the
    pieces.

    Parameters
    ----------
    row_bytes, beat_bytes : int
        `beat_bytes` is a power of two.
    address_width : int
        Bits of the address of a byte.

    Members
    -------
    rows : stream of line_row_layout(...) in
    beats : stream of beat_layout(...) out
    """

    latency = 3

    def __init__(self, *, row_bytes: int, beat_bytes: int, address_width: int):
        self.row_bytes = row_bytes
        self.beat_bytes = beat_bytes
        self.address_width = address_width
        row = line_row_layout(row_bytes=row_bytes, address_width=address_width)
        beat = beat_layout(beat_bytes=beat_bytes, address_width=address_width)
        super().__init__({"rows": In(stream.Signature(row)), "beats": Out(stream.Signature(beat))})

    @property
    def piece_bytes(self) -> int:
        """Bytes that are placed per cycle."""
        return math.gcd(self.row_bytes, self.beat_bytes)

    def elaborate(self, platform):
        m = Module()
        # A piece begins in any byte of a beat, so that its end can be in the next beat.
        reach = self.beat_bytes + self.piece_bytes - 1
        placed = Signal(
            data.StructLayout(
                {
                    "data": 8 * reach,
                    "strobes": reach,
                    "number": len(self.beats.payload.number),
                    "ends_line": 1,
                    "ends": 1,
                }
            ),
            reset_less=True,
        )
        holds, takes = Signal(), Signal()
        self._place(m, placed, holds, takes)
        self._join(m, placed, holds, takes)
        return m

    def _place(self, m: Module, placed: data.View, holds: Signal, takes: Value) -> None:
        """Cut the row into pieces, and shift each to its place."""
        size, places = self.piece_bytes, offset_bits(8 * self.beat_bytes)
        row = Signal(self.rows.payload.shape(), reset_less=True)
        active, is_last = Signal(), Signal()
        offset = row.address[:places]
        inside = Cat(row.bytes > byte for byte in range(size))
        piece = Cat(Mux(inside[byte], row.data.word_select(byte, 8), 0) for byte in range(size))
        m.d.comb += [
            is_last.eq(row.bytes <= size),
            self.rows.ready.eq(~active | (takes & is_last)),
        ]
        with m.If(self.rows.ready):
            m.d.sync += [active.eq(self.rows.valid), row.eq(self.rows.payload)]
        with m.Elif(takes):
            m.d.sync += [
                row.data.eq(row.data >> 8 * size),
                row.address.eq(row.address + size),
                row.bytes.eq(row.bytes - size),
            ]
        with m.If(takes):
            m.d.sync += [
                holds.eq(active),
                placed.data.eq(_shifted(piece, 8, offset, len(placed.data))),
                placed.strobes.eq(_shifted(inside, 1, offset, len(placed.strobes))),
                placed.number.eq(row.address[places:]),
                placed.ends_line.eq(row.ends_line & is_last),
                placed.ends.eq(row.ends & is_last),
            ]

    def _join(self, m: Module, placed: data.View, holds: Value, takes: Signal) -> None:
        """Join pieces to beats. The part of a piece that is in the next beat stays here."""
        beats, size = self.beats, self.beat_bytes
        bytes_layout = data.StructLayout({"data": 8 * size, "strobes": size})
        # The beat that is being filled; with `rest`, it is the end of a line, and complete.
        kept, joined = Signal(bytes_layout), Signal(bytes_layout)
        rest, rest_ends = Signal(), Signal(reset_less=True)
        following = Signal.like(beats.payload.number, reset_less=True)
        moves, completes, spills = Signal(), Signal(), Signal()
        m.d.comb += [
            moves.eq(~beats.valid | beats.ready),
            takes.eq(~holds | (moves & ~rest)),
            joined.data.eq(kept.data | placed.data[: 8 * size]),
            joined.strobes.eq(kept.strobes | placed.strobes[:size]),
            # A piece that goes on in the next beat fills this one.
            completes.eq(placed.strobes[size - 1] | placed.ends_line),
            spills.eq(placed.ends_line & placed.strobes[size:].any()),
        ]
        with m.If(moves):
            m.d.sync += [
                beats.valid.eq(rest | (holds & completes)),
                beats.payload.data.eq(Mux(rest, kept.data, joined.data)),
                beats.payload.strobes.eq(Mux(rest, kept.strobes, joined.strobes)),
                beats.payload.number.eq(Mux(rest, following, placed.number)),
                beats.payload.ends_line.eq(rest | (placed.ends_line & ~spills)),
                beats.payload.ends.eq(Mux(rest, rest_ends, placed.ends & ~spills)),
                rest.eq(~rest & holds & spills),
            ]
        with m.If(moves & rest):
            m.d.sync += kept.eq(0)
        with m.Elif(moves & holds):
            m.d.sync += [
                kept.data.eq(Mux(completes, placed.data[8 * size :], joined.data)),
                kept.strobes.eq(Mux(completes, placed.strobes[size:], joined.strobes)),
                following.eq(placed.number + 1),
                rest_ends.eq(placed.ends),
            ]


def _shifted(value: Value, step: int, places: Value, width: int) -> Value:
    """Return a value shifted left by some places of `step` bits, in `width` bits."""
    shifted = Cat(value, Const(0, width - len(value)))
    for bit in range(len(places)):
        distance = step << bit
        moved = Cat(Const(0, distance), shifted)[:width]
        shifted = Mux(places[bit], moved, shifted)
    return shifted
