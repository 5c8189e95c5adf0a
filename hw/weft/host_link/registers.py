"""The registers of a matrix unit with a host link: one table for hardware, driver and docs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..float_format import OPERAND_FLOATS, FloatFormat
from ..formats import MAX_FORMATS, IntegerFormat, NumberFormat, OperandFormats
from ..matrix.config import MatrixUnitConfig
from ..matrix.layouts import ACTIVITY_SENTENCES, Error, counter_layout
from ..parameters import Parameter, parameters_of
from ..version import __version__
from .beat_formats import activation_beat, beat_sizes, result_beat, weight_beat
from .ports import ADDRESS_WIDTH
from .protocol import PROTOCOL_VERSION, check_payload_bytes
from .uart import check_cycles_per_bit

MAGIC = int.from_bytes(b"WEFT", "little")

# Bits of the register `status`.
BROKEN_FRAMES_BIT = 16

# A register has one byte for each format of an operand: the width of an integer, and SIGNED if it
# is signed; or FLOAT, and the position of a float in OPERAND_FLOATS.
FORMAT_BITS = 8
SIGNED = 1 << 7
FLOAT = 1 << 6

# Bits of the register `control`.
RESET_BIT = 0
CLEAR_ERRORS_BIT = 1


@dataclass(frozen=True, kw_only=True)
class HostParameters:
    """Parameters of a MatrixUnitHost.

    Raises
    ------
    ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    config: MatrixUnitConfig
    cycles_per_bit: int
    clock_hz: int
    payload_bytes: int

    def __post_init__(self):
        check_cycles_per_bit(self.cycles_per_bit)
        check_payload_bytes(self.payload_bytes)
        if type(self.clock_hz) is not int or not 0 < self.clock_hz < 1 << 32:
            raise ValueError(
                f"clock_hz must be an integer from 1 to 2**32-1, not {self.clock_hz!r}"
            )
        largest = max(size for sizes in beat_sizes(self.config) for size in sizes)
        if largest > self.payload_bytes:
            raise ValueError(
                f"payload_bytes must be at least {largest}, the largest beat of this unit, "
                f"not {self.payload_bytes}"
            )


@dataclass(frozen=True)
class Register:
    """One 32-bit register; `constant` returns its value and is None if the hardware changes it."""

    name: str
    meaning: str
    constant: Callable[[HostParameters], int] | None = None
    writable: bool = False


def encode_parameter(known: Parameter, value: int | str | OperandFormats) -> int:
    """Return a parameter of a configuration in the encoding of its register."""
    if known.values:
        return known.values.index(str(value))
    if isinstance(value, OperandFormats):
        codes = [_format_code(number) for number in value]
        return sum(code << FORMAT_BITS * place for place, code in enumerate(codes))
    if not isinstance(value, int):
        raise TypeError(f"a register must hold an integer, a format or a choice, not {value!r}")
    return int(value)


def decode_parameter(known: Parameter, word: int) -> int | str | OperandFormats:
    """Return the parameter of a configuration that a register holds."""
    if known.values:
        if word >= len(known.values):
            raise ValueError(
                f"the code of {known.legal} must be below {len(known.values)}, not {word}"
            )
        return known.values[word]
    if isinstance(known.default, OperandFormats):
        codes = word.to_bytes(MAX_FORMATS, "little").rstrip(b"\0")
        return OperandFormats(tuple(_format_of(code) for code in codes))
    return type(known.default)(word)


def _format_code(number: NumberFormat) -> int:
    if isinstance(number, FloatFormat):
        return FLOAT | list(OPERAND_FLOATS).index(number.name)
    return number.width | number.signed * SIGNED


def _format_of(code: int) -> NumberFormat:
    if not code & FLOAT:
        return IntegerFormat(code % SIGNED, signed=code >= SIGNED)
    floats = list(OPERAND_FLOATS.values())
    place = code % FLOAT
    if place >= len(floats):
        raise ValueError(f"the code of a float must be below {len(floats)}, not {place}")
    return floats[place]


def _version() -> int:
    major, minor, patch = (int(part) for part in __version__.split("."))
    return major << 16 | minor << 8 | patch


def _parameter(name: str, known: Parameter) -> Register:
    coding = ""
    if isinstance(known.default, OperandFormats):
        coding = "one byte per format: width [4:0], signed [7]; or [6] and the number of a float"
    elif known.values:
        coding = ", ".join(f"{number} {value}" for number, value in enumerate(known.values))
    meaning = known.meaning.rstrip(".") + (f" ({coding})" if coding else "")
    return Register(name, meaning, lambda h: encode_parameter(known, getattr(h.config, name)))


def _beat_bytes(name: str, beat: Callable[[MatrixUnitConfig], np.dtype]) -> Register:
    meaning = f"bytes of a beat of the stream {name}"
    return Register(f"{name}_beat_bytes", meaning, lambda host: beat(host.config).itemsize)


# The counters of the unit follow `status`, so that one snapshot holds them all.
REGISTERS = (
    Register("magic", 'the bytes "WEFT"', lambda host: MAGIC),
    Register("protocol_version", "of the link; a host rejects others", lambda h: PROTOCOL_VERSION),
    Register(
        "status",
        f"errors [{len(Error) - 1}:0], broken frames [31:{BROKEN_FRAMES_BIT}]; a read takes the"
        " snapshot",
    ),
    Register("total", "cycles since the reset of the unit, in the snapshot"),
    *[
        Register(activity.name.lower(), f"cycles in which {sentence}")
        for activity, sentence in ACTIVITY_SENTENCES.items()
    ],
    Register("weft_version", "patch [7:0], minor [15:8], major [23:16]", lambda host: _version()),
    *[_parameter(name, known) for name, known in parameters_of(MatrixUnitConfig).items()],
    Register("clock_hz", "clock frequency of the unit in Hz", lambda host: host.clock_hz),
    Register("cycles_per_bit", "clock cycles per bit on the line", lambda h: h.cycles_per_bit),
    Register("payload_bytes", "most bytes of a payload", lambda host: host.payload_bytes),
    _beat_bytes("weights", weight_beat),
    _beat_bytes("activations", activation_beat),
    _beat_bytes("results", result_beat),
    Register(
        "control",
        f"resets the unit and its streams [{RESET_BIT}], clears its errors [{CLEAR_ERRORS_BIT}]",
        writable=True,
    ),
)

ADDRESSES = {register.name: address for address, register in enumerate(REGISTERS)}
FIRST_WRITABLE = ADDRESSES["control"]
SNAPSHOT = ADDRESSES["status"]
SNAPSHOT_REGISTERS = 1 + len(counter_layout().members)

assert len(REGISTERS) <= 1 << ADDRESS_WIDTH
assert len(Error) <= BROKEN_FRAMES_BIT


def constants(host: HostParameters) -> tuple[int, ...]:
    """Return the initial value of each register."""
    return tuple(register.constant(host) if register.constant else 0 for register in REGISTERS)
