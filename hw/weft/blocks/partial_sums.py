"""Partial sums in parts: a wide sum is computed part by part, least significant first."""

from collections.abc import Callable, Iterable, Iterator

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike, signed

from ..hierarchy import instantiate
from .delay_line import DelayLine

# Widths of the parts of a partial sum, least significant first.
Widths = tuple[int, ...]


def parts_of(widths: Widths, total: Value) -> Iterator[Value]:
    """Yield the parts of a partial sum, least significant first."""
    low = 0
    for width in widths:
        yield total[low : low + width]
        low += width


def delayed_parts(m: Module, widths: Widths, number: ValueLike, *, name: str) -> Iterator[Value]:
    """Yield the parts of a number whose bits are valid together: part p, delayed by p cycles."""
    extended = Signal(signed(sum(widths)))
    m.d.comb += extended.eq(number)
    for index, part in enumerate(parts_of(widths, extended)):
        for stage in range(index):
            delayed = Signal(len(part), name=f"{name}_part_{index}_{stage + 1}", reset_less=True)
            m.d.sync += delayed.eq(part)
            part = delayed
        yield part


def align_parts(m: Module, platform, widths: Widths, total: Value, *, name: str) -> Value:
    """Return a partial sum with all its parts in the same cycle, that of the last part."""
    aligned = []
    for index, part in enumerate(parts_of(widths, total)):
        cycles = len(widths) - 1 - index
        line = instantiate(
            m, f"{name}_{index}", platform, DelayLine, width=len(part), cycles=cycles
        )
        m.d.comb += line.i.eq(part)
        aligned.append(line.o)
    return Cat(*aligned).as_signed()


def add_in_parts(
    m: Module, widths: Widths, total: Value, addend: Iterable[Value], *, carry: ValueLike = 0
) -> Value:
    """Return the sum, one cycle later, added part by part with a register in each carry.

    Part p of both operands comes p cycles after part 0, with which `carry`, one bit, is added.
    """

    def add(part: Value, other: Value, carry: ValueLike) -> Value:
        return part + other + carry

    return _in_parts(m, widths, total, addend, add, carry)


def subtract_in_parts(m: Module, widths: Widths, total: Value, taken: Iterable[Value]) -> Value:
    """Return the difference, computed as in `add_in_parts`."""
    return _in_parts(m, widths, total, taken, lambda part, other, borrow: part - other - borrow, 0)


def _in_parts(
    m: Module,
    widths: Widths,
    total: Value,
    others: Iterable[Value],
    combine: Callable,
    carried: ValueLike,
) -> Value:
    sums, carry = [], Value.cast(carried)
    last = len(widths) - 1
    for index, (part, other) in enumerate(zip(parts_of(widths, total), others, strict=True)):
        added = Signal(len(part) + (index < last), name=f"sum_{index}", reset_less=True)
        m.d.sync += added.eq(combine(part, other, carry))
        sums.append(added[: len(part)])
        carry = added[len(part) :]
    return Cat(*sums)
