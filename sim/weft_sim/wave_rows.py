"""Parts of a view of a trace: rows, groups of rows, colours, and decoders of values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from amaranth.hdl import Shape
from vcd.gtkw import GTKWColor

from weft.float_format import OPERAND_FLOATS, FloatFormat
from weft.matrix.layouts import Activity, Error, bit_of


@dataclass(frozen=True)
class Decoder:
    """Texts for the values of a signal of `width` bits."""

    name: str
    width: int
    texts: dict[int, str]


def enum_decoder(name: str, values: type[Enum]) -> Decoder:
    """Return a decoder that shows the members of an enumeration by name."""
    texts = {member.value: member.name for member in values}
    return Decoder(name, Shape.cast(values).width, texts)


def flags_decoder(name: str, flags: Mapping[str, int], none: str) -> Decoder:
    """Return a decoder that shows the names of the bits that are set; `flags` maps them to bits."""
    width = 1 + max(flags.values())
    texts = {
        value: " ".join(flag for flag, bit in flags.items() if value >> bit & 1) or none
        for value in range(1 << width)
    }
    return Decoder(name, width, texts)


def float_decoder(number: FloatFormat) -> Decoder:
    """Return a decoder that shows the value of each code of a small float in decimal."""
    codes = np.arange(1 << number.width, dtype=np.uint8)
    values = codes.view(number.dtype).astype(np.float64).tolist()
    texts = {code: f"{value:.9g}" for code, value in enumerate(values)}
    return Decoder(f"weft_{number}", number.width, texts)


SUM_FLAGS = ("first", "last")

ACTIVITIES = enum_decoder("weft_activity", Activity)
ERRORS = flags_decoder("weft_errors", {str(error.name): bit_of(error) for error in Error}, "none")
SUMS = flags_decoder("weft_sum", {flag: bit for bit, flag in enumerate(SUM_FLAGS)}, "-")
FLOATS = {name: float_decoder(number) for name, number in OPERAND_FLOATS.items()}
DECODERS = {decoder.name: decoder for decoder in (ACTIVITIES, ERRORS, SUMS, *FLOATS.values())}


@dataclass(frozen=True)
class Row:
    """One line of a view.

    `path`: below the top scope of the unit. `look`: how values are shown, "wave" for one bit,
    "signed", "unsigned", "binary", or the name of a decoder. `low` and `width`: show only these
    bits.
    """

    path: str
    name: str
    look: str = "wave"
    color: GTKWColor = GTKWColor.normal
    low: int | None = None
    width: int = 1


@dataclass(frozen=True)
class Group:
    """Rows under one heading."""

    name: str
    rows: list[Row] = field(default_factory=list)
    closed: bool = False


def decoders_of(shown: list[Group]) -> list[Decoder]:
    """Return the decoders that the rows of groups use."""
    looks = {row.look for group in shown for row in group.rows}
    return [decoder for name, decoder in DECODERS.items() if name in looks]


WEIGHT, NEXT_WEIGHT = GTKWColor.orange, GTKWColor.yellow
ACTIVATION, SUM = GTKWColor.green, GTKWColor.violet
CONTROL, TROUBLE = GTKWColor.normal, GTKWColor.red
