"""RoundedSignificand: round an integer to as many significant bits as a float has."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..blocks.registers import registered

# Bits that are combined at once when bits are searched from the top.
GROUP = 4


class RoundedSignificand(wiring.Component):
    """Round an integer to `digits` significant bits, ties to even, or leave it as it is.

    It finds which low bits are dropped, adds half of the lowest bit that remains, and clears the
    dropped bits. After a tie, the lowest bit that remains is cleared too. In two's complement this
    is right for negative numbers as well: the bits of the number minus one are as many as those of
    its magnitude, unless the magnitude is a power of two, which nothing is dropped from.

    Latency `latency` cycles. Never stalls; no register is reset.

    Parameters
    ----------
    width, digits : int
        `width` is greater than `digits` + 1.

    Members
    -------
    i : signed(width) in
    round : 1 bit in. Round `i`.
    o : signed(width + 1) out
    """

    latency = 2
    # Whether numbers are rounded; a product that is not needs no rounding to even afterwards.
    rounds = True

    def __init__(self, *, width: int, digits: int):
        self.width = width
        self.digits = digits
        super().__init__(_ports(width))

    def elaborate(self, platform):
        m = Module()
        number, digits = self.i, self.digits
        # With a leading one at `digits` + n or above, bit n is dropped.
        significant = Signal(self.width - 1)
        m.d.comb += significant.eq(number[:-1] ^ number[-1].replicate(self.width - 1))
        found = _any_at_or_above(m, significant[digits:])
        dropped = Signal(len(found), reset_less=True)
        kept = Signal(signed(self.width), reset_less=True)
        m.d.sync += [dropped.eq(Mux(self.round, found, 0)), kept.eq(number)]

        # Of the dropped bits, the highest has the weight of one half.
        half = dropped & ~(dropped >> 1)
        tie = ~((kept[: len(dropped)] ^ half) & dropped).any()
        sum_ = Signal(signed(self.width + 1))
        cleared = Signal(self.width + 1)
        even = Cat(Const(0, 1), half & tie.replicate(len(dropped)))
        m.d.comb += [sum_.eq(kept + Cat(half, Const(0, 1)).as_signed()), cleared.eq(dropped | even)]
        out = Signal(signed(self.width + 1), reset_less=True)
        m.d.sync += out.eq(sum_ & ~cleared)
        m.d.comb += self.o.eq(out)
        return m


class WholeSignificand(wiring.Component):
    """Leave every integer as it is: what a lane without F32 has in place of RoundedSignificand.

    Parameters, members and latency are those of RoundedSignificand.
    """

    latency = RoundedSignificand.latency
    rounds = False

    def __init__(self, *, width: int, digits: int):
        self.width = width
        self.digits = digits
        super().__init__(_ports(width))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(registered(m, self.i, stages=range(self.latency), name="kept"))
        return m


def _ports(width: int) -> dict[str, wiring.Member]:
    return {"i": In(signed(width)), "round": In(1), "o": Out(signed(width + 1))}


def _any_at_or_above(m: Module, bits: Value) -> Signal:
    """Return for each bit whether it or a higher one is set, in few levels of logic."""
    found = Signal(len(bits), name="found")
    starts = range(0, len(bits), GROUP)
    groups = Signal(len(starts), name="groups")
    for index, start in enumerate(starts):
        end = min(start + GROUP, len(bits))
        above = groups[index + 1 :].any() if end < len(bits) else 0
        m.d.comb += groups[index].eq(bits[start:end].any())
        m.d.comb += [found[bit].eq(bits[bit:end].any() | above) for bit in range(start, end)]
    return found
