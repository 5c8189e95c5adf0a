"""FloatAdder: add a number to a floating-point number, and round once."""

from typing import NamedTuple, TypeVar

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..float_format import FloatFormat

# Bits below the fraction during the addition: two that can end up in the result, and a sticky one.
EXTRA = 3
# Integer bits of the significand of an addend, which is below 4, and of a sum.
ADDEND_INTEGER, SUM_INTEGER = 2, 3


def addend_layout(number: FloatFormat, fraction: int) -> data.StructLayout:
    """Return the layout of a number to add: significand * 2**(exponent - bias - fraction).

    The significand is below 4, and at least 1 or exact in the smallest exponent, 1. `exponent` has
    the bias of the format. The other fields say what the number is. With `zero`, the significand
    must be zero, and the exponent has no meaning.
    """
    return data.StructLayout(
        {
            "significand": ADDEND_INTEGER + fraction,
            "exponent": signed(number.exponent + 2),
            "sign": 1,
            "zero": 1,
            "infinite": 1,
            "nan": 1,
        }
    )


def unpacked(number: FloatFormat, code: Value) -> dict[str, ValueLike]:
    """Return the fields of an addend that is a number of the format itself."""
    fraction, exponent = code[: number.fraction], code[number.fraction : -1]
    return {
        "significand": Cat(fraction, exponent.any()),
        # That of subnormal numbers is that of the smallest normal ones.
        "exponent": Cat(exponent[0] | ~exponent.any(), exponent[1:], Const(0, 1)).as_signed(),
        "sign": code[-1],
        "zero": 0,
        "infinite": exponent.all() & ~fraction.any(),
        "nan": exponent.all() & fraction.any(),
    }


class _Compared(NamedTuple):
    """The terms by their exponents: that with the smaller one is to be shifted right."""

    larger: Value
    smaller: Value
    places: Value
    exponent: Value
    sign: Value
    differ: Value
    infinite: Value
    nan: Value


class _Aligned(NamedTuple):
    """The terms with equal exponents; `differ`: their signs do."""

    larger: Value
    smaller: Value
    exponent: Value
    sign: Value
    differ: Value
    infinite: Value
    nan: Value


class _Normalizing(NamedTuple):
    """A sum that is being shifted left.

    `spare`: most places that it can be shifted by, so that the exponent stays legal. `unlimited`:
    they are more than needed. `shift`: the steps so far, highest first.
    """

    magnitude: Value
    exponent: Value
    spare: Value
    unlimited: Value
    shift: Value
    sign: Value
    infinite: Value
    nan: Value


class _Rounding(NamedTuple):
    """A sum without the bits that are rounded off.

    `truncated`: its code without the sign. `up`: it is rounded up. `overflows`: its exponent is
    that of infinity or larger.
    """

    truncated: Value
    up: Value
    overflows: Value
    sign: Value
    nan: Value


Stage = TypeVar("Stage", bound=NamedTuple)


class FloatAdder(wiring.Component):
    """Compute total + addend: the exact sum, rounded once to nearest, ties to even (IEEE 754-2019).

    Subnormal numbers are numbers. An exact sum of zero is +0, unless both are -0. A result that is
    NaN is the one with the code `number.nan_code`.

    Latency `latency` cycles: terms compared, aligned, added, normalized in two steps, truncated,
    and rounded. Never stalls; no register is reset.

    Parameters
    ----------
    number : FloatFormat
        Format of the total; an IEEE format.
    fraction : int
        Bits of the fraction of the addend, at most those of the format.

    Members
    -------
    total : number.width in
    addend : addend_layout(number, fraction) in
    o : number.width out
    """

    latency = 7

    def __init__(self, *, number: FloatFormat, fraction: int):
        assert fraction <= number.fraction
        self.number = number
        self.fraction = fraction
        super().__init__(
            {
                "total": In(number.width),
                "addend": In(addend_layout(number, fraction)),
                "o": Out(number.width),
            }
        )

    @property
    def _sum_width(self) -> int:
        return SUM_INTEGER + self.number.fraction + EXTRA

    @property
    def _steps(self) -> int:
        """Steps of a shift by any number of places, each by a power of two."""
        return (self._sum_width - 1).bit_length()

    def elaborate(self, platform):
        m = Module()
        compared = _kept(m, "compared", self._compare(m))
        aligned = _kept(m, "aligned", self._align(m, compared))
        added = _kept(m, "added", self._add(m, aligned))
        steps = range(self._steps)[::-1]
        half = self._steps // 2
        shifted = _kept(m, "shifted", self._normalize(m, added, steps[:half]))
        normalized = _kept(m, "normalized", self._normalize(m, shifted, steps[half:]))
        rounding = _kept(m, "rounding", self._truncate(m, normalized))
        m.d.sync += self.o.eq(self._round(rounding))
        return m

    def _compare(self, m: Module) -> _Compared:
        """Find the term with the larger exponent."""
        number, addend = self.number, self.addend
        total = Signal(addend_layout(number, number.fraction), name="unpacked")
        m.d.comb += [total[name].eq(v) for name, v in unpacked(number, self.total).items()]
        added = Cat(Const(0, number.fraction - self.fraction), addend.significand)
        ahead = Signal(signed(number.exponent + 3))
        behind = Signal.like(ahead)
        addend_first = Signal()
        distance = Signal(number.exponent + 2)
        differ = Signal()
        m.d.comb += [
            ahead.eq(addend.exponent - total.exponent),
            behind.eq(total.exponent - addend.exponent),
            addend_first.eq(~ahead[-1] & ~addend.zero),
            distance.eq(Mux(ahead[-1], behind, ahead)),
            differ.eq(total.sign ^ addend.sign),
        ]
        # At this distance all bits of the smaller term are below those that are kept.
        far = Signal()
        m.d.comb += far.eq(distance[self._steps :].any())
        infinite = total.infinite | addend.infinite
        addend_decides = ~total.infinite & (addend.infinite | addend_first)
        return _Compared(
            larger=Mux(addend_first, added, total.significand),
            smaller=Mux(addend_first, total.significand, added),
            places=distance[: self._steps] | far.replicate(self._steps),
            exponent=Mux(addend_first, addend.exponent, total.exponent)[:-1],
            sign=Mux(addend_decides, addend.sign, total.sign),
            differ=differ & ~infinite,
            infinite=infinite,
            nan=total.nan | addend.nan | (total.infinite & addend.infinite & differ),
        )

    def _align(self, m: Module, terms: _Compared) -> _Aligned:
        """Shift the smaller term right; the lowest bit of the result is the OR of all lost bits."""
        width = ADDEND_INTEGER + self.number.fraction + EXTRA
        smaller = Cat(Const(0, EXTRA), terms.smaller)
        for step in range(len(terms.places))[::-1]:
            places = 1 << step
            shifted = Signal(width, name=f"right_{places}")
            moved = Cat(smaller[: places + 1].any(), smaller[places + 1 :])
            m.d.comb += shifted.eq(Mux(terms.places[step], moved, smaller))
            smaller = shifted
        return _Aligned(
            larger=terms.larger,
            smaller=smaller,
            exponent=terms.exponent,
            sign=terms.sign,
            differ=terms.differ,
            infinite=terms.infinite,
            nan=terms.nan,
        )

    def _add(self, m: Module, terms: _Aligned) -> _Normalizing:
        """Add the terms, or subtract one from the other so that the magnitude is positive."""
        larger = Cat(Const(0, EXTRA), terms.larger)
        # The smaller term is subtracted by adding its complement and a carry.
        addend = Signal(signed(self._sum_width))
        total = Signal(signed(self._sum_width))
        opposite = Signal(self._sum_width)
        negative = Signal()
        magnitude = Signal(self._sum_width)
        m.d.comb += [
            addend.eq(Cat(terms.smaller, 0) ^ terms.differ.replicate(self._sum_width)),
            total.eq(larger + addend + terms.differ),
            opposite.eq(terms.smaller - larger),
            negative.eq(terms.differ & total[-1]),
            magnitude.eq(Mux(negative, opposite, total)),
        ]
        # A left shift by all spare places makes the exponent that of the smallest numbers, 1.
        spare = terms.exponent + (SUM_INTEGER - 2)
        enough = Signal()
        m.d.comb += enough.eq(spare[self._steps :].any())
        zero = ~magnitude.any()
        return _Normalizing(
            magnitude=magnitude,
            exponent=terms.exponent,
            spare=spare[: self._steps] | enough.replicate(self._steps),
            unlimited=Const(0, 1),
            shift=Const(0, 0),
            sign=(terms.sign ^ negative) & ~(terms.differ & zero),
            infinite=terms.infinite,
            nan=terms.nan,
        )

    def _normalize(self, m: Module, number: _Normalizing, steps: range) -> _Normalizing:
        """Shift the sum left by up to 2**step places in each step, if there are as many zeros."""
        magnitude, unlimited, shift = number.magnitude, number.unlimited, number.shift
        for step in steps:
            places = 1 << step
            zeros, shifts = Signal(name=f"zeros_{places}"), Signal(name=f"shifts_{places}")
            shifted = Signal(self._sum_width, name=f"left_{places}")
            free = Signal(name=f"unlimited_{places}")
            m.d.comb += [
                zeros.eq(~magnitude[-places:].any()),
                shifts.eq(zeros & (unlimited | number.spare[step])),
                free.eq(unlimited | (number.spare[step] & ~zeros)),
                shifted.eq(Mux(shifts, magnitude << places, magnitude)),
            ]
            magnitude, unlimited, shift = shifted, free, Cat(shifts, shift)
        return number._replace(magnitude=magnitude, unlimited=unlimited, shift=shift)

    def _truncate(self, m: Module, number: _Normalizing) -> _Rounding:
        """Truncate a sum whose leading one is on top unless it is subnormal."""
        bits, kind = self.number.fraction, self.number
        normal = number.magnitude[-1]
        below = number.magnitude[:-1]
        guard, sticky = below[-bits - 1], below[: -bits - 1].any()
        exponent = Signal(kind.exponent + 1)
        m.d.comb += exponent.eq(number.exponent + (SUM_INTEGER - 1) - number.shift)
        largest = (1 << kind.exponent) - 1
        return _Rounding(
            truncated=Cat(below[-bits:], Mux(normal, exponent[:-1], 0)),
            up=guard & (sticky | below[-bits]),
            overflows=number.infinite | (normal & (exponent >= largest)),
            sign=number.sign,
            nan=number.nan,
        )

    def _round(self, number: _Rounding) -> Value:
        """Return the code of a sum."""
        kind = self.number
        infinity = ((1 << kind.exponent) - 1) << kind.fraction
        rounded = (number.truncated + number.up)[: kind.width - 1]
        absolute = Mux(number.overflows, infinity, rounded)
        return Mux(number.nan, kind.nan_code, Cat(absolute, number.sign))


def _kept(m: Module, name: str, stage: Stage) -> Stage:
    """Return the values of a stage one cycle later."""
    kept = {}
    for field, value in stage._asdict().items():
        if isinstance(value, Const) or not len(value):
            kept[field] = value
            continue
        kept[field] = Signal(value.shape(), name=f"{name}_{field}", reset_less=True)
        m.d.sync += kept[field].eq(value)
    return stage._replace(**kept)
