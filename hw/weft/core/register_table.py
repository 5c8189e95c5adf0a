"""The registers of a core: one table for hardware, driver and docs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from amaranth.hdl import Shape

from ..bus.axi4 import offset_bits
from ..bus.axi_lite import WORD_BITS, WORD_BYTES
from ..bus.regions import REGIONS
from ..checks import checked_integer
from ..isa.codes import Unit
from ..isa.requirements import HEADER_BY_NAME, NUMBERS, VERSION
from ..version import __version__
from .core_config import CoreConfig
from .core_control import State
from .errors import CoreError
from .reporter import Reporter
from .unit_counters import CAUSE_SENTENCES, Cause, causes_of, counter_name

MAGIC = int.from_bytes(b"WFTC", "little")
# Of this table; a driver refuses others.
TABLE_VERSION = 1
ADDRESS_WIDTH = 12
_WORD = (1 << WORD_BITS) - 1


@dataclass(frozen=True, kw_only=True)
class CoreParameters:
    """What the registers of a core say about it.

    Parameters
    ----------
    config : CoreConfig
    digest : int
        32 bits that identify the build.
    standstill_bits, counter_width : int
        See CoreControl and UnitCounters.

    Raises
    ------
    TypeError, ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    config: CoreConfig
    digest: int = 0
    standstill_bits: int = 20
    counter_width: int = 32

    def __post_init__(self):
        checked_integer("digest", self.digest, low=0, high=_WORD)
        checked_integer("standstill_bits", self.standstill_bits, low=1, high=2 * WORD_BITS)
        checked_integer("counter_width", self.counter_width, low=1, high=2 * WORD_BITS)


@dataclass(frozen=True, kw_only=True)
class Register:
    """One 32-bit register.

    `constant` returns its value, if it has always the same. `setting` returns the bits that the
    host can set, if it is a setting; the others are zero. A register with `acts` is one whose bits
    have an effect when they are written, and read as zero. The hardware changes all others.
    """

    name: str
    meaning: str
    constant: Callable[[CoreParameters], int] | None = None
    setting: Callable[[CoreParameters], int] | None = None
    acts: bool = False
    while_running: bool = False

    @property
    def writable(self) -> bool:
        return self.acts or self.setting is not None

    @property
    def access(self) -> str:
        """How the host uses it, in words."""
        if not self.writable:
            return "read"
        if self.acts:
            return "write"
        return "read, write" if self.while_running else "read; write between programs"


def _constant(name: str, meaning: str, value: Callable[[CoreParameters], int]) -> Register:
    return Register(name=name, meaning=meaning, constant=value)


def _status(name: str, meaning: str) -> Register:
    return Register(name=name, meaning=meaning)


def _weft_version(parameters: CoreParameters) -> int:
    major, minor, patch = (int(part) for part in __version__.split("."))
    return major << 16 | minor << 8 | patch


def _low_address(parameters: CoreParameters) -> int:
    """The low bits of an address that is a multiple of the bytes of a beat."""
    return _WORD & ~((1 << offset_bits(parameters.config.bus.data_width)) - 1)


def _high_address(parameters: CoreParameters) -> int:
    return (1 << (parameters.config.bus.address_width - WORD_BITS)) - 1


def _settings(name: str, meaning: str) -> tuple[Register, Register]:
    """Return the registers of an address."""
    multiple = "a multiple of the bytes of a beat, whose low bits are always zero"
    return (
        Register(name=f"{name}_low", meaning=f"{meaning}; {multiple}", setting=_low_address),
        Register(name=f"{name}_high", meaning="upper bits of the same", setting=_high_address),
    )


class StatusField(NamedTuple):
    """A field of the register `status`: its lowest bit, its width and its meaning."""

    low: int
    width: int
    meaning: str

    def __str__(self):
        high = self.low + self.width - 1
        bits = f"{high}:{self.low}" if self.width > 1 else f"{self.low}"
        return f"[{bits}]: {self.meaning}"

    def of(self, status: int) -> int:
        """Return the value of this field."""
        return status >> self.low & ((1 << self.width) - 1)


READABLE_BIT, WRITABLE_BIT, LARGE_BIT = 0, 1, 8
_ACCESS = 1 << READABLE_BIT | 1 << WRITABLE_BIT | 1 << LARGE_BIT


def _region(number: int) -> tuple[Register, ...]:
    return (
        *_settings(f"region_{number}_base", f"address of region {number}"),
        Register(
            name=f"region_{number}_size",
            meaning=f"bytes of region {number}, the low 32 bits",
            setting=lambda parameters: _WORD,
        ),
        Register(
            name=f"region_{number}_access",
            meaning=f"may be read [{READABLE_BIT}], may be written [{WRITABLE_BIT}], bit 32 of the "
            f"size [{LARGE_BIT}]",
            setting=lambda parameters: _ACCESS,
        ),
    )


# Bits of `control`, each with its meaning; of `status`, where each field begins.
CONTROL_BITS = {
    "start": "begins the program",
    "abort": "ends it",
    "clear": "clears the interrupt and `busy`",
    "snapshot": "copies the counters",
}
STATUS_FIELDS = {
    "running": StatusField(0, 1, "a program is read or executed, or ends"),
    "done": StatusField(1, 1, "HALT has ended the last program"),
    "busy": StatusField(2, 1, "a start was refused, because a program was running"),
    "state": StatusField(4, Shape.cast(State).width, "what the core does"),
    "error": StatusField(8, Shape.cast(CoreError).width, "why the program ended"),
    "reporter": StatusField(16, Shape.cast(Reporter).width, "who reported the error"),
}
INTERRUPT_BIT = 0


def _counter(name: str, meaning: str) -> tuple[Register, Register]:
    return (
        _status(f"count_{name}", f"cycles in which {meaning}"),
        _status(f"count_{name}_high", "upper bits of the same"),
    )


def _counters() -> Iterable[Register]:
    yield from _counter("cycles", "the program was running")
    for unit in Unit:
        for cause in (Cause.WORKING, *causes_of(unit)):
            meaning = f"{unit.name}: {CAUSE_SENTENCES[cause]}"
            yield from _counter(counter_name(unit, cause), meaning)


# Address of the first register of each group, and the registers, which follow each other.
GROUPS: dict[int, tuple[Register, ...]] = {
    0x000: (
        _constant("magic", 'the bytes "WFTC"', lambda p: MAGIC),
        _constant("table_version", "of this table; a host rejects others", lambda p: TABLE_VERSION),
        _constant("weft_version", "patch [7:0], minor [15:8], major [23:16]", _weft_version),
        _constant("instruction_set", "version of the instruction set", lambda p: VERSION),
        _constant("digest", "identifies the build", lambda p: p.digest),
    ),
    0x020: (
        *(
            _constant(
                name,
                HEADER_BY_NAME[name].meaning.rstrip("."),
                lambda p, name=name: getattr(p.config.capacity, name),
            )
            for name in NUMBERS
        ),
        _constant("vector_lanes", "elements per cycle of VECTOR", lambda p: p.config.vector.lanes),
        _constant(
            "data_width", "bits of the data of the memory bus", lambda p: p.config.bus.data_width
        ),
        _constant(
            "address_width",
            "bits of an address in the memory",
            lambda p: p.config.bus.address_width,
        ),
        _constant(
            "standstill_bits",
            "log2 of the cycles without progress after which a program ends",
            lambda p: p.standstill_bits,
        ),
        _constant("counter_width", "bits of a counter", lambda p: p.counter_width),
    ),
    0x080: (
        Register(
            name="control",
            meaning=", ".join(
                f"`{name}` [{bit}]: {what}" for bit, (name, what) in enumerate(CONTROL_BITS.items())
            ),
            acts=True,
            while_running=True,
        ),
        _status(
            "status",
            ", ".join(f"`{name}` {field}" for name, field in STATUS_FIELDS.items()),
        ),
        _status("error_unit", "where the error is: unit of 32 bytes"),
        _status("error_word", "and its 32-bit word [2:0]"),
        Register(
            name="interrupt_enable",
            meaning=f"the end of a program raises the interrupt [{INTERRUPT_BIT}]",
            setting=lambda parameters: 1 << INTERRUPT_BIT,
            while_running=True,
        ),
        _status("interrupt_status", f"a program has ended [{INTERRUPT_BIT}], until it is cleared"),
    ),
    0x0C0: _settings("program", "address of the program"),
    0x100: tuple(register for number in range(REGIONS) for register in _region(number)),
    0x200: tuple(_counters()),
}
ADDRESSES = {
    register.name: first + WORD_BYTES * number
    for first, group in GROUPS.items()
    for number, register in enumerate(group)
}
REGISTERS = {register.name: register for group in GROUPS.values() for register in group}

assert len(ADDRESSES) == len(set(ADDRESSES.values())) == sum(map(len, GROUPS.values()))
assert max(ADDRESSES.values()) < 1 << ADDRESS_WIDTH
