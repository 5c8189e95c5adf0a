"""Products in registers, and partial sums in parts: a wide sum is added part by part."""

from collections.abc import Iterable, Iterator

from amaranth.hdl import Cat, Module, Signal, Value, ValueLike, signed

from ..hierarchy import instantiate
from ..matrix.config import MatrixUnitConfig
from .skew import DelayLine


def parts_of(config: MatrixUnitConfig, total: Value) -> Iterator[Value]:
    """The parts of a partial sum, least significant first."""
    low = 0
    for width in config.sum_parts:
        yield total[low : low + width]
        low += width


def delayed_parts(m: Module, config: MatrixUnitConfig, number: ValueLike) -> Iterator[Value]:
    """The parts of a number that is there as a whole: part p, p cycles later."""
    extended = Signal(signed(config.sum_width))
    m.d.comb += extended.eq(number)
    for index, part in enumerate(parts_of(config, extended)):
        for stage in range(index):
            delayed = Signal(len(part), name=f"product_part_{index}_{stage + 1}", reset_less=True)
            m.d.sync += delayed.eq(part)
            part = delayed
        yield part


def align_parts(m: Module, platform, config: MatrixUnitConfig, total: Value, name: str) -> Value:
    """A partial sum with all its parts in one cycle, that of the last one."""
    parts = list(parts_of(config, total))
    aligned = []
    for index, part in enumerate(parts):
        arguments = len(part), len(parts) - 1 - index, False
        line = instantiate(m, f"{name}_{index}", platform, DelayLine, *arguments)
        m.d.comb += line.i.eq(part)
        aligned.append(line.o)
    return Cat(*aligned).as_signed()


def registered(m: Module, number: Value, stages: range, name: str) -> Value:
    """A number behind registers without reset, which are named by stage."""
    for stage in stages:
        behind = Signal.like(number, name=f"{name}_{stage}", reset_less=True)
        m.d.sync += behind.eq(number)
        number = behind
    return number


def add_in_parts(
    m: Module, config: MatrixUnitConfig, total: Value, parts: Iterable[Value]
) -> Value:
    """Add part by part, the carry of each part registered for the next; one cycle later.

    Part p of both numbers comes p cycles after part 0.
    """
    return _in_parts(m, config, total, parts, lambda part, other, carry: part + other + carry)


def subtract_in_parts(
    m: Module, config: MatrixUnitConfig, total: Value, parts: Iterable[Value]
) -> Value:
    """Subtract as `add_in_parts` adds."""
    return _in_parts(m, config, total, parts, lambda part, other, borrow: part - other - borrow)


def _in_parts(m: Module, config: MatrixUnitConfig, total: Value, parts, combine) -> Value:
    sums, carry = [], 0
    last = len(config.sum_parts) - 1
    for index, (part, other) in enumerate(zip(parts_of(config, total), parts, strict=True)):
        added = Signal(len(part) + (index < last), name=f"sum_{index}", reset_less=True)
        m.d.sync += added.eq(combine(part, other, carry))
        sums.append(added[: len(part)])
        carry = added[len(part) :]
    return Cat(*sums)
