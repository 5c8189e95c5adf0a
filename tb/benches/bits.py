"""Numbers and bits: lanes in one number, two's complement, sums in parts."""

import itertools
import random
from collections.abc import Iterable, Sequence

from amaranth.lib.data import StructLayout


def to_signed(bits: int, width: int) -> int:
    """The low `width` bits as a number in two's complement."""
    bits &= (1 << width) - 1
    return bits - (bits >> (width - 1) << width)


def join(numbers: Iterable[int], width: int) -> int:
    """Lanes of `width` bits as one number, lane 0 lowest."""
    mask = (1 << width) - 1
    return sum((int(number) & mask) << (lane * width) for lane, number in enumerate(numbers))


def split(bits: int, width: int, lanes: int) -> list[int]:
    """One number as lanes of `width` bits, lane 0 lowest, not signed."""
    return [bits >> (lane * width) & ((1 << width) - 1) for lane in range(lanes)]


def split_signed(bits: int, width: int, lanes: int) -> list[int]:
    """One number as lanes in two's complement."""
    return [to_signed(lane, width) for lane in split(bits, width, lanes)]


def in_parts(number: int, widths: Sequence[int]) -> list[int]:
    """A sum's parts of given widths, least significant first, each in its place."""
    lows = itertools.accumulate(widths, initial=0)
    return [number & ((1 << width) - 1) << low for low, width in zip(lows, widths, strict=False)]


def gather_parts(words: Sequence[int], cycle: int, widths: Sequence[int]) -> int:
    """The sum whose part p comes p cycles after `cycle`, from what was seen in every cycle."""
    return sum(in_parts(words[cycle + part], widths)[part] for part in range(len(widths)))


def operand(source: random.Random, number) -> int:
    """A value of a format, the extremes more often than by chance."""
    corners = [
        number.minimum,
        number.maximum,
        0,
        1 if number.maximum else 0,
        -1 if number.signed else 0,
    ]
    if source.random() < 0.3:
        return source.choice(corners)
    return source.randint(number.minimum, number.maximum)


def pack(layout: StructLayout, **fields: int) -> int:
    """The bits of a structure; a field that is not named is zero."""
    return sum(
        (int(value) & ((1 << layout[name].width) - 1)) << layout[name].offset
        for name, value in fields.items()
    )


def unpack(layout: StructLayout, bits: int) -> dict[str, int]:
    """The fields of a structure, not signed."""
    return {name: bits >> field.offset & ((1 << field.width) - 1) for name, field in layout}
