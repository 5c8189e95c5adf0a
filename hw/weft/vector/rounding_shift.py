"""RoundingShift: divide an integer by a power of two and round."""

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

SHIFT_BITS = 6
# Shifts that each stage chooses from, in units of the smallest one; two bits of the shift.
_CHOICES = 4
_STAGES = SHIFT_BITS // 2


class RoundingShift(wiring.Component):
    """i / 2**shift, rounded to the nearest integer, limited to -2**(width - 1) ... 2**(width - 1).

    Halves are rounded up, or to even. Each stage shifts by two bits of `shift`, the highest first,
    and drops the high bits that no later stage can move into the result: if they are not all equal
    to the sign, the result is at the limit.

    Latency `latency` cycles. Never stalls; no register is reset.

    Parameters
    ----------
    input_width, width : int
        `input_width` is at least `width` + 1.

    Members
    -------
    i : signed(input_width) in
    shift : unsigned(6) in
    to_even : 1 bit in. Round halves to even.
    o : signed(width + 1) out
    """

    latency = _STAGES + 1

    def __init__(self, *, input_width: int, width: int):
        self.input_width = input_width
        self.width = width
        super().__init__(
            {
                "i": In(signed(input_width)),
                "shift": In(SHIFT_BITS),
                "to_even": In(1),
                "o": Out(signed(width + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        # The lowest bit of `number` has the weight of one half.
        moving = Signal(_moving_layout(self.input_width + 1, SHIFT_BITS))
        m.d.comb += [
            moving.number.eq(self.i << 1),
            moving.shift.eq(self.shift),
            moving.sign.eq(self.i[-1]),
            moving.to_even.eq(self.to_even),
        ]
        for stage in reversed(range(_STAGES)):
            moving = self._move(m, moving, stage)
        number = moving.number
        up = number[0] & (~moving.to_even | moving.rest | number[1])
        limit = 1 << (self.width - 1)
        out = Signal(signed(self.width + 1), reset_less=True)
        m.d.sync += out.eq(Mux(moving.far, Mux(moving.sign, -limit, limit), (number >> 1) + up))
        m.d.comb += self.o.eq(out)
        return m

    def _move(self, m: Module, moving: data.View, stage: int) -> data.View:
        """Shift by two bits of the shift, with the weight 4**stage; later ones shift by less."""
        number, step = moving.number, _CHOICES**stage
        shifts = [choice * step for choice in range(_CHOICES)]
        chosen = moving.shift[2 * stage :]
        moved = Signal.like(number, name=f"moved_{stage}")
        lost = Signal(name=f"lost_{stage}")
        m.d.comb += [
            moved.eq(Array([number >> amount for amount in shifts])[chosen]),
            lost.eq(Array([number[:amount].any() for amount in shifts])[chosen]),
        ]
        width = min(len(number), self.width + step)
        later = Signal(_moving_layout(width, 2 * stage), name=f"moving_{stage}", reset_less=True)
        high = moved[width - 1 :] ^ moving.sign.replicate(len(number) - width + 1)
        m.d.sync += [
            later.number.eq(moved),
            later.shift.eq(moving.shift),
            later.sign.eq(moving.sign),
            later.to_even.eq(moving.to_even),
            later.far.eq(moving.far | high.any()),
            later.rest.eq(moving.rest | lost),
        ]
        return later


def _moving_layout(width: int, shift_bits: int) -> data.StructLayout:
    """Return the layout of a number between two stages.

    `far`: bits that were dropped from its high end differ from its sign. `rest`: some of the bits
    that were dropped from its low end are 1.
    """
    flags = ("sign", "to_even", "far", "rest")
    return data.StructLayout(
        {"number": signed(width), "shift": shift_bits, **dict.fromkeys(flags, 1)}
    )
