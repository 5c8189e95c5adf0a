"""FloatAccumulatorBank: accumulators whose sums are floats; and the bank of any unit."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring

from ..blocks.float_adder import FloatAdder, unpacked
from ..float_format import FloatFormat
from ..hierarchy import Part, instantiate
from .accumulators import AccumulatorBank
from .config import MatrixUnitConfig


class FloatAccumulatorBank(AccumulatorBank):
    """An AccumulatorBank whose sums are floating-point numbers, rounded at each addition.

    A sum begins with -0, to which any number is added unchanged. Timing and members as in
    AccumulatorBank, but with the latency of FloatAdder. So the same row must not come again in
    fewer than `latency` cycles, unless it begins a sum.

    Parameters
    ----------
    number : FloatFormat
    depth : int
    """

    latency = FloatAdder.latency

    def __init__(self, *, number: FloatFormat, depth: int):
        self.number = number
        self.zero = 1 << number.width - 1
        super().__init__(sum_parts=(number.width,), width=number.width, depth=depth)

    @staticmethod
    def members_of(*, number: FloatFormat, depth: int) -> dict[str, wiring.Member]:
        """Return the members by name, for a Chain."""
        return AccumulatorBank.members_of(
            sum_parts=(number.width,), width=number.width, depth=depth
        )

    def _add(self, m: Module, platform, base: Value, added: Value, total: Signal) -> None:
        number = self.number
        adder = instantiate(
            m, "adder", platform, FloatAdder, number=number, fraction=number.fraction
        )
        m.d.comb += [
            adder.total.eq(base),
            *[adder.addend[name].eq(value) for name, value in unpacked(number, added).items()],
            total.eq(adder.o),
        ]


def bank_of(config: MatrixUnitConfig, *, sum_parts: tuple[int, ...]) -> Part:
    """Return the bank of a column of a unit, and its parameters.

    Parameters
    ----------
    sum_parts : tuple of int
        Of the sums that it adds; see shifted_sum_parts.
    """
    depth = config.accumulator_depth
    if isinstance(config.sum_format, FloatFormat):
        return Part(FloatAccumulatorBank, {"number": config.sum_format, "depth": depth})
    flags = config.arithmetic.flags
    sizes = {"sum_parts": sum_parts, "width": config.accumulator_width, "depth": depth}
    return Part(AccumulatorBank, sizes | ({"flags": flags} if flags else {}))
