"""Codes of instructions and of their operands."""

from enum import IntEnum


class Unit(IntEnum):
    """Units of the core that execute instructions, each in program order."""

    LOAD = 0
    STORE = 1
    WEIGHTS = 2
    MATRIX = 3
    VECTOR = 4


class Opcode(IntEnum):
    """The first byte of an instruction."""

    HALT = 0x01
    LOAD = 0x10
    STORE = 0x18
    WEIGHTS = 0x20
    MATMUL = 0x30
    VECTOR = 0x40


class Format(IntEnum):
    """Number formats. Of the codes that no configuration has yet, only the numbers are decided."""

    INT8 = 0
    UINT8 = 1
    INT16 = 2
    UINT16 = 3
    INT32 = 4
    INT4 = 5
    UINT4 = 6
    BFLOAT16 = 8
    FLOAT32 = 9
    FLOAT8_E4M3FN = 10
    FLOAT8_E5M2 = 11

    @property
    def width(self) -> int:
        """Bits of a number."""
        return _WIDTHS[self]

    @property
    def signed(self) -> bool:
        return self not in (Format.UINT8, Format.UINT16, Format.UINT4)

    @property
    def minimum(self) -> int:
        """Smallest value of an integer format."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest value of an integer format."""
        return (1 << (self.width - self.signed)) - 1


_WIDTHS = {
    **{Format.INT8: 8, Format.UINT8: 8, Format.INT16: 16, Format.UINT16: 16, Format.INT32: 32},
    **{Format.INT4: 4, Format.UINT4: 4, Format.BFLOAT16: 16, Format.FLOAT32: 32},
    **{Format.FLOAT8_E4M3FN: 8, Format.FLOAT8_E5M2: 8},
}


class Conversion(IntEnum):
    """What LOAD does to numbers on their way."""

    NONE = 0


class Target(IntEnum):
    """Memory of the core that LOAD writes, in rows of its own size."""

    BUFFER = 0
    PARAMETERS = 1
    TABLES = 2
    SCALARS = 3


class XSource(IntEnum):
    """Where the operand x of VECTOR comes from."""

    BUFFER = 0
    RESULTS = 1
    SCALARS = 2


class YSource(IntEnum):
    """Where the operand y of VECTOR comes from."""

    NONE = 0
    BUFFER = 1
    PARAMETERS = 2
    SCALARS = 3
    IMMEDIATE = 4


class Subtrahend(IntEnum):
    """What VECTOR subtracts from x."""

    ZERO_POINT = 0
    SCALAR = 1


class Combine(IntEnum):
    """How VECTOR combines x and y."""

    NONE = 0
    ADD = 1
    SUBTRACT = 2
    MULTIPLY = 3
    MAX = 4
    MIN = 5


class Bias(IntEnum):
    """What VECTOR adds to the combined value."""

    NONE = 0
    CHANNEL = 1


class Rounding(IntEnum):
    """How VECTOR multiplies by a scale and rounds."""

    NONE = 0
    UP = 1
    DOUBLE = 2
    F32 = 3


class ScaleSource(IntEnum):
    """Where the multiplier and the shift of a scale come from."""

    INSTRUCTION = 0
    CHANNEL = 1
    SCALAR = 2


class Reduce(IntEnum):
    """What VECTOR reduces, after all other stages."""

    NONE = 0
    ROWS_MAX = 1
    ROWS_SUM = 2
    LANES_MAX = 3
    LANES_SUM = 4

    @property
    def over_lanes(self) -> bool:
        return self in (Reduce.LANES_MAX, Reduce.LANES_SUM)


class Function(IntEnum):
    """A function of row scalars. Only numbers are decided for all but NONE and RECIPROCAL."""

    NONE = 0
    RECIPROCAL = 1
    RECIPROCAL_SQUARE_ROOT = 2
    EXP = 3
    LOG = 4
    TANH = 5
    ERF = 6
    SIGMOID = 7
