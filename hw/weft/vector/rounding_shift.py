"""RoundingShift: divide an integer by a power of two and round."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..hierarchy import instantiate

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
        # The lowest bit has the weight of one half.
        number = Cat(Const(0, 1), self.i).as_signed()
        shift, sign = self.shift, self.i[-1]
        far, rest = Const(0, 1), Const(0, 1)
        for stage in reversed(range(_STAGES)):
            step = _CHOICES**stage
            shifts = [choice * step for choice in range(_CHOICES)]
            chosen = shift[2 * stage : 2 * stage + 2]
            moved, low = (
                Signal(signed(len(number)), name=f"moved_{stage}"),
                Signal(name=f"low_{stage}"),
            )
            m.d.comb += [
                moved.eq(Array([number >> amount for amount in shifts])[chosen]),
                low.eq(Array([number[:amount].any() for amount in shifts])[chosen]),
            ]
            kept_width = min(len(number), self.width + step)
            kept = Signal(signed(kept_width), name=f"kept_{stage}", reset_less=True)
            sign_kept = Signal(name=f"sign_{stage}", reset_less=True)
            far_kept, rest_kept = (
                Signal(name=f"{name}_{stage}", reset_less=True) for name in ("far", "rest")
            )
            shift_kept = Signal(max(1, 2 * stage), name=f"shift_{stage}", reset_less=True)
            high = Cat(*[moved[bit] ^ sign for bit in range(kept_width - 1, len(number))])
            m.d.sync += [
                kept.eq(moved),
                sign_kept.eq(sign),
                far_kept.eq(far | high.any()),
                rest_kept.eq(rest | low),
                shift_kept.eq(shift),
            ]
            number, sign, far, rest, shift = kept, sign_kept, far_kept, rest_kept, shift_kept
        to_even = instantiate(m, "to_even_line", platform, DelayLine, width=1, cycles=_STAGES)
        m.d.comb += to_even.i.eq(self.to_even)
        up = number[0] & (~to_even.o | rest | number[1])
        limit = 1 << (self.width - 1)
        out = Signal(signed(self.width + 1), reset_less=True)
        m.d.sync += out.eq(Mux(far, Mux(sign, -limit, limit), (number >> 1) + up))
        m.d.comb += self.o.eq(out)
        return m
