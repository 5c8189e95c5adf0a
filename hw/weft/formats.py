"""Number formats: the width, sign, Amaranth shape and numpy dtype of one lane; sets of formats."""

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from amaranth import Shape, signed, unsigned

from .checks import check, checked_bool, checked_integer, described
from .float_format import OPERAND_FLOATS, FloatFormat
from .sign_magnitude import SignMagnitude

MAX_OPERAND_WIDTH = 16
# Bits of an operand, signed or unsigned, of the hard multiplier of most FPGAs.
MULTIPLIER_BITS = 18
# Integers that cross a port are at most 64 bits wide; sums that become floats can be wider.
MAX_PORT_WIDTH = 64
MAX_WIDTH = 96
# Most formats of one operand; one register of the host link holds them all.
MAX_FORMATS = 4


@dataclass(frozen=True)
class IntegerFormat:
    """An integer of `width` bits; two's complement if `signed`.

    Raises
    ------
    ValueError
        If `width` is not an integer from 1 to 96, or `signed` is not a bool.
    """

    width: int
    signed: bool = True

    def __post_init__(self):
        width = checked_integer("the width of a format", self.width, low=1, high=MAX_WIDTH)
        object.__setattr__(self, "width", width)
        object.__setattr__(self, "signed", checked_bool("signed", self.signed))

    @classmethod
    def parse(cls, given: "str | IntegerFormat | np.dtype | type[np.generic]") -> "IntegerFormat":
        """Return the format of a name such as "int8" or "uint5", or of a numpy dtype.

        Raises
        ------
        ValueError
            If `given` is anything else.
        """
        if isinstance(given, cls):
            return given
        text = _name_of(given)
        match = re.fullmatch(r"(u?)int([1-9][0-9]?)", text) if isinstance(text, str) else None
        if not match or int(match[2]) > MAX_PORT_WIDTH:
            raise ValueError(
                f"unknown number format {described(text)}: write int8, uint8, int4, int16, ..."
            )
        return cls(int(match[2]), signed=not match[1])

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.width}"

    @property
    def shape(self) -> Shape:
        """Amaranth shape of one value."""
        return signed(self.width) if self.signed else unsigned(self.width)

    @property
    def integer_shape(self) -> Shape:
        """Shape of a value in two's complement, as that of any operand of an array."""
        return self.shape

    @property
    def minimum(self) -> int:
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        return (1 << (self.width - self.signed)) - 1

    @property
    def largest_integer(self) -> int:
        """The largest magnitude, as FloatFormat has it."""
        return max(-self.minimum, self.maximum)

    @property
    def lane_width(self) -> int:
        """Bits of one lane on a byte-wide port: 8, 16, 32 or 64, the width of `dtype`."""
        check(self.width <= MAX_PORT_WIDTH, f"{self} is too wide for a port")
        return next(width for width in (8, 16, 32, 64) if width >= self.width)

    @functools.cached_property
    def dtype(self) -> np.dtype:
        """Smallest numpy dtype that holds every value; little endian, like the ports."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.lane_width // 8}")


def _name_of(given: object) -> object:
    """Return the name of a numpy dtype; anything else as it is."""
    if isinstance(given, np.dtype) or (isinstance(given, type) and issubclass(given, np.generic)):
        # Abstract types, such as np.integer, have no dtype.
        with contextlib.suppress(TypeError):
            return np.dtype(given).name
    return given


INT8 = IntegerFormat(8)

NumberFormat = IntegerFormat | FloatFormat
# What a format can be given as.
GivenFormat = NumberFormat | str | np.dtype | type[np.generic]


def parse_format(given: GivenFormat) -> NumberFormat:
    """Return the format of a name such as "int8" or "float4_e2m1fn", or of a numpy dtype.

    Raises
    ------
    ValueError
        If `given` is anything else.
    """
    if isinstance(given, FloatFormat):
        return given
    name = _name_of(given)
    if isinstance(name, str) and name in OPERAND_FLOATS:
        return OPERAND_FLOATS[name]
    try:
        return IntegerFormat.parse(given)
    except ValueError as unknown:
        raise ValueError(f"{unknown}, or one of {', '.join(OPERAND_FLOATS)}") from None


@dataclass(frozen=True)
class OperandFormats:
    """The formats of one operand of a unit, of which each product uses one.

    Parameters
    ----------
    formats : tuple of IntegerFormat and FloatFormat
        1 to MAX_FORMATS different formats; the first is that of a product that names none. A
        FloatFormat is alone.

    Raises
    ------
    ValueError
        If there are none, too many, or equal ones, or a float beside another format.
    """

    formats: tuple[NumberFormat, ...]

    def __post_init__(self):
        formats = self.formats
        names = ", ".join(map(str, formats))
        check(
            1 <= len(formats) <= MAX_FORMATS,
            f"an operand has 1 to {MAX_FORMATS} formats, not {names or 'none'}",
        )
        check(len(set(formats)) == len(formats), f"a format is listed twice: {names}")
        check(
            len(formats) == 1 or not any(isinstance(x, FloatFormat) for x in formats),
            f"a float must be the only format of an operand, not one of {names}",
        )

    @classmethod
    def parse(cls, given: "OperandFormats | GivenFormat | list | tuple") -> "OperandFormats":
        """Return the formats of "int8", "int8,uint8", ("int8", "uint8"), a numpy dtype and so on.

        Raises
        ------
        ValueError
            If `given` is anything else.
        """
        if isinstance(given, cls):
            return given
        names = given.split(",") if isinstance(given, str) else given
        if not isinstance(names, list | tuple):
            names = (names,)
        return cls(tuple(parse_format(name) for name in names))

    def __str__(self) -> str:
        return ",".join(map(str, self.formats))

    def __iter__(self) -> Iterator[NumberFormat]:
        return iter(self.formats)

    @property
    def default(self) -> NumberFormat:
        """The format of a product that names none."""
        return self.formats[0]

    def named(self, given: GivenFormat) -> NumberFormat:
        """Return one of these formats by its name or dtype.

        Raises
        ------
        ValueError
            If it is none of them.
        """
        number = parse_format(given)
        check(number in self.formats, f"{number} must be one of the formats of the unit, {self}")
        return number


def width_for(minimum: int, maximum: int) -> int:
    """Return the bits of the narrowest two's complement number that holds both values."""
    return 1 + max((~v if v < 0 else v).bit_length() for v in (minimum, maximum))


def products_width(
    first: IntegerFormat | SignMagnitude, second: IntegerFormat | SignMagnitude, count: int
) -> int:
    """Return the bits of a signed number that holds the sum of `count` products exactly."""
    corners = [
        count * a * b
        for a in (first.minimum, first.maximum)
        for b in (second.minimum, second.maximum)
    ]
    return width_for(min(corners), max(corners))
