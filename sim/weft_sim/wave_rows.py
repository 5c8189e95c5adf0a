"""Parts of a view of a trace: rows, groups of rows, colours, and decoders of values."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from amaranth.hdl import Shape
from vcd.gtkw import GTKWColor

from weft.float_format import BFLOAT16, FLOAT32, OPERAND_FLOATS, FloatFormat
from weft.matrix.layouts import Activity, Error, bit_of
from weft.normalized_float import NormalizedFloat

from .trace import Trace

# Cycles of a trace whose floats are shown in decimal; later ones are hexadecimal if they are new.
DECODED_CYCLES = 5000
# Widest floats of which all codes are decoded.
FEW_BITS = 8


@dataclass(frozen=True)
class Decoder:
    """Texts for the values of a signal of `width` bits.

    `file`: name of its files; like `name` unless the texts are those of one trace.
    """

    name: str
    width: int
    texts: dict[int, str]
    trace: str = ""

    @property
    def file(self) -> str:
        return f"{self.name}_{self.trace}" if self.trace else self.name


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


@dataclass(frozen=True)
class FloatLook:
    """How the codes of a float are shown: in decimal.

    `values_of`: the values of codes. A wide float has too many codes, so its decoder has only those
    that occur in a trace.
    """

    name: str
    width: int
    values_of: Callable[[np.ndarray], np.ndarray]

    def decoder(self, codes: Iterable[int], trace: str = "") -> Decoder:
        """Return a decoder of some codes; `trace` is the name of the trace that they are from."""
        ordered = np.array(sorted(codes), np.uint32)
        texts = [f"{value:.9g}" for value in self.values_of(ordered).tolist()]
        known = dict(zip(ordered.tolist(), texts, strict=True))
        return Decoder(self.name, self.width, known, trace)

    def decoder_of(self, rows: list["Row"], source: Trace) -> Decoder:
        """Return a decoder for the rows of a view with this look."""
        if self.width <= FEW_BITS:
            return self.decoder(range(1 << self.width))
        codes = (_codes(row, source) for row in rows if row.look == self.name)
        return self.decoder(set().union(*codes), source.path.stem)


def _look_of_float(number: FloatFormat) -> FloatLook:
    def values_of(codes: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            bits = codes.astype(f"u{number.dtype.itemsize}")
            return bits.view(number.dtype).astype(np.float64)

    return FloatLook(f"weft_{number}", number.width, values_of)


def _look_of_normalized(operand: NormalizedFloat) -> FloatLook:
    def values_of(codes: np.ndarray) -> np.ndarray:
        bits = operand.number.fraction
        sign, fraction = codes >> operand.width - 1, codes & (1 << bits) - 1
        exponent = (codes >> bits & (1 << operand.exponent_width) - 1).astype(int)
        significand = np.where(exponent > 0, fraction + (1 << bits), 0).astype(np.float64)
        magnitude = np.ldexp(significand, exponent - operand.bias - bits)
        special = exponent == (1 << operand.exponent_width) - 1
        magnitude[special] = np.where(fraction[special] > 0, np.nan, np.inf)
        return np.where(sign > 0, -magnitude, magnitude)

    return FloatLook(f"weft_normalized_{operand.number}", operand.width, values_of)


SUM_FLAGS = ("first", "last")

ACTIVITIES = enum_decoder("weft_activity", Activity)
ERRORS = flags_decoder("weft_errors", {str(error.name): bit_of(error) for error in Error}, "none")
SUMS = flags_decoder("weft_sum", {flag: bit for bit, flag in enumerate(SUM_FLAGS)}, "-")
DECODERS = {decoder.name: decoder for decoder in (ACTIVITIES, ERRORS, SUMS)}
_FLOATS = (*OPERAND_FLOATS.values(), FLOAT32)
FLOAT_LOOKS = {
    look.name: look
    for look in (*map(_look_of_float, _FLOATS), _look_of_normalized(NormalizedFloat(BFLOAT16)))
}


@dataclass(frozen=True)
class Row:
    """One line of a view.

    `path`: below the top scope of the unit. `look`: how values are shown, "wave" for one bit,
    "signed", "unsigned", "binary", or the name of a decoder or a FloatLook. `low` and `width`: show
    only these bits.
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


def decoders_of(shown: list[Group], source: Trace) -> list[Decoder]:
    """Return the decoders that the rows of groups use, for the values in a trace."""
    rows = [row for group in shown for row in group.rows]
    looks = {row.look for row in rows}
    return [
        *(decoder for name, decoder in DECODERS.items() if name in looks),
        *(look.decoder_of(rows, source) for name, look in FLOAT_LOOKS.items() if name in looks),
    ]


def _codes(row: Row, source: Trace) -> set[int]:
    """Return the known values of a row in the first cycles of a trace."""
    values = {source.value(row.path, time) for time in source.cycles[:DECODED_CYCLES]}
    width = source.width(row.path) if row.low is None else row.width
    # Other lanes of a port can be unknown.
    bits = {
        value if isinstance(value, str) else f"{value:0{source.width(row.path)}b}"
        for value in values
    }
    lanes = {text[len(text) - (row.low or 0) - width :][:width] for text in bits}
    return {int(lane, 2) for lane in lanes if set(lane) <= {"0", "1"}}


WEIGHT, NEXT_WEIGHT = GTKWColor.orange, GTKWColor.yellow
ACTIVATION, SUM = GTKWColor.green, GTKWColor.violet
CONTROL, TROUBLE = GTKWColor.normal, GTKWColor.red
