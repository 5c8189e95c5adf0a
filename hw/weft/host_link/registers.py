"""The registers of a matrix unit behind the link: one table for hardware, driver and docs."""

from collections.abc import Callable
from dataclasses import dataclass, fields

from ..formats import IntegerFormat
from ..matrix.config import INNER_PRODUCTS, MatrixUnitConfig
from ..matrix.layouts import ACTIVITY_SENTENCES, Activity
from ..version import __version__
from .beat_formats import beat_sizes
from .ports import ADDRESS_WIDTH
from .protocol import PROTOCOL_VERSION, check_payload_bytes
from .uart import check_cycles_per_bit

MAGIC = int.from_bytes(b"WEFT", "little")

# Of the register `status`.
BROKEN_FRAMES_BIT = 16

# Of the register `control`.
RESET_BIT = 0
CLEAR_ERRORS_BIT = 1


@dataclass(frozen=True)
class HostParameters:
    """What a MatrixUnitHost is made with.

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
            raise ValueError(f"clock_hz must be an integer below 2**32, not {self.clock_hz!r}")
        largest = max(size for sizes in beat_sizes(self.config) for size in sizes)
        if largest > self.payload_bytes:
            raise ValueError(
                f"payload_bytes must be at least {largest}, the largest beat of this unit, "
                f"not {self.payload_bytes}"
            )


@dataclass(frozen=True)
class Register:
    """One register of 32 bits; `constant` gives its value, None what the hardware changes."""

    name: str
    meaning: str
    constant: Callable[[HostParameters], int] | None = None
    writable: bool = False


def encode_parameter(value: int | str | IntegerFormat) -> int:
    """A parameter of a MatrixUnitConfig as a register holds it."""
    if value in INNER_PRODUCTS:
        return INNER_PRODUCTS.index(value)
    if isinstance(value, IntegerFormat):
        return value.width | value.signed << 8
    if not isinstance(value, int):
        raise TypeError(f"no register holds a parameter such as {value!r}")
    return int(value)


def decode_parameter(name: str, word: int) -> int | str | IntegerFormat:
    """The parameter `name` of a MatrixUnitConfig from its register."""
    default = getattr(MatrixUnitConfig(), name)
    if default in INNER_PRODUCTS:
        if word >= len(INNER_PRODUCTS):
            raise ValueError(f"no inner_product has the number {word}")
        return INNER_PRODUCTS[word]
    if isinstance(default, IntegerFormat):
        return IntegerFormat(word & 0xFF, signed=bool(word >> 8))
    return type(default)(word)


def _version() -> int:
    major, minor, patch = (int(part) for part in __version__.split("."))
    return major << 16 | minor << 8 | patch


def _parameter(name: str) -> Register:
    default = getattr(MatrixUnitConfig(), name)
    meaning = "of the unit"
    if isinstance(default, IntegerFormat):
        meaning += ": width [7:0], signed [8]"
    elif default in INNER_PRODUCTS:
        meaning += ": " + ", ".join(f"{i} {kind}" for i, kind in enumerate(INNER_PRODUCTS))
    return Register(name, meaning, lambda host: encode_parameter(getattr(host.config, name)))


def _beat_bytes(name: str, direction: int, stream: int) -> Register:
    meaning = f"bytes of a beat of the stream {name}"
    return Register(
        f"{name}_beat_bytes", meaning, lambda host: beat_sizes(host.config)[direction][stream]
    )


# What the unit counts is together, behind `status`: one snapshot holds it all.
REGISTERS = (
    Register("magic", 'the bytes "WEFT"', lambda host: MAGIC),
    Register("protocol_version", "of the link; a host refuses another", lambda h: PROTOCOL_VERSION),
    Register("status", "error bits of the unit [7:0], broken frames [31:16]; takes the snapshot"),
    Register("total", "cycles since the reset of the unit, as of the snapshot"),
    *[
        Register(activity.name.lower(), f"cycles, of these: {sentence}")
        for activity, sentence in ACTIVITY_SENTENCES.items()
    ],
    Register("weft_version", "patch [7:0], minor [15:8], major [23:16]", lambda host: _version()),
    *[_parameter(field.name) for field in fields(MatrixUnitConfig)],
    Register("clock_hz", "clock of the unit", lambda host: host.clock_hz),
    Register("cycles_per_bit", "clock cycles of a bit on the line", lambda h: h.cycles_per_bit),
    Register("payload_bytes", "most bytes of a payload", lambda host: host.payload_bytes),
    _beat_bytes("weights", 0, 0),
    _beat_bytes("activations", 0, 1),
    _beat_bytes("results", 1, 0),
    Register(
        "control",
        f"reset the unit and its streams [{RESET_BIT}], clear its errors [{CLEAR_ERRORS_BIT}]",
        writable=True,
    ),
)

ADDRESSES = {register.name: address for address, register in enumerate(REGISTERS)}
FIRST_WRITABLE = ADDRESSES["control"]
SNAPSHOT = ADDRESSES["status"]
SNAPSHOT_REGISTERS = 2 + len(Activity)

assert len(REGISTERS) <= 1 << ADDRESS_WIDTH


def constants(host: HostParameters) -> tuple[int, ...]:
    """What each register holds from the start."""
    return tuple(register.constant(host) if register.constant else 0 for register in REGISTERS)
