"""Conversions between numbers and bits: lanes, two's complement, sums in parts."""

import itertools
import random
from collections.abc import Iterable, Sequence

from amaranth.lib.data import StructLayout


def to_signed(bits: int, width: int) -> int:
    """Return the low `width` bits as a two's complement number."""
    bits &= (1 << width) - 1
    return bits - (bits >> (width - 1) << width)


def join(numbers: Iterable[int], width: int) -> int:
    """Return lanes of `width` bits as one number, lane 0 lowest."""
    mask = (1 << width) - 1
    return sum((int(number) & mask) << (lane * width) for lane, number in enumerate(numbers))


def split(bits: int, width: int, lanes: int) -> list[int]:
    """Return a number as unsigned lanes of `width` bits, lane 0 lowest."""
    return [bits >> (lane * width) & ((1 << width) - 1) for lane in range(lanes)]


def split_signed(bits: int, width: int, lanes: int) -> list[int]:
    """Return a number as two's complement lanes of `width` bits, lane 0 lowest."""
    return [to_signed(lane, width) for lane in split(bits, width, lanes)]


def in_parts(number: int, widths: Sequence[int]) -> list[int]:
    """Return the parts of a sum, least significant first, each at its position in the sum."""
    lows = itertools.accumulate(widths, initial=0)
    return [number & ((1 << width) - 1) << low for low, width in zip(lows, widths, strict=False)]


def gather_parts(words: Sequence[int], cycle: int, widths: Sequence[int]) -> int:
    """Return the sum whose part p is in the word of `cycle` + p; `words` has one word per cycle."""
    return sum(in_parts(words[cycle + part], widths)[part] for part in range(len(widths)))


def operand(source: random.Random, number) -> int:
    """Return a random value of a format; extreme values are more frequent."""
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
    """Return the bits of a structure; fields that are not given are zero."""
    return sum(
        (int(value) & ((1 << layout[name].width) - 1)) << layout[name].offset
        for name, value in fields.items()
    )


def unpack(layout: StructLayout, bits: int) -> dict[str, int]:
    """Return the fields of a structure as unsigned numbers."""
    return {name: bits >> field.offset & ((1 << field.width) - 1) for name, field in layout}
