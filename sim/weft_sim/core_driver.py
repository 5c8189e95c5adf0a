"""The C++ driver of a core in Python: its structures and its functions."""

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from weft.checks import check
from weft.isa.codes import Unit

from .native_driver import words

NEVER = 2**62
# Cycles in which the core must answer its host.
ACCESS_CYCLES = 1000
# Units of time of the driver in a cycle.
FRACTION = 16
# In the order of the driver.
RULES = (
    "a burst crosses a page of 4 KiB",
    "a burst is not of whole beats at ascending addresses",
    "a request was withdrawn or changed before it was taken",
    "WLAST is not on the last beat of a burst",
    "a beat of data or an answer was refused",
    "an address is outside of the memory",
)


class Segment(ctypes.Structure):
    """Addresses of the memory, and where their bytes are."""

    _fields_ = words("base", "size", "data")


class Memory(ctypes.Structure):
    """The memory of a core, for the driver."""

    _fields_ = words(
        *("segments", "segment_count"),
        *("read_latency", "read_interval", "write_latency", "write_interval"),
        *("jitter", "seed", "fail_start", "fail_stop", "answered_reads"),
    )


class Access(ctypes.Structure):
    """An access of a register."""

    _fields_ = words("write", "address", "value", "response")


class Run(ctypes.Structure):
    """What has happened since the driver began to run."""

    _fields_ = words(
        *("events", "event_capacity", "event_count", "cycles", "interrupted"),
        *("read_beats", "write_beats", "broken"),
    )


@dataclass(frozen=True, kw_only=True)
class MemoryTiming:
    """When the memory of a core transfers its beats.

    Parameters
    ----------
    read_latency : int
        Least cycles from the transfer of a read request to its first beat.
    read_bytes : float
        Bytes per cycle; at most one beat is transferred in a cycle.
    write_latency : int
        Least cycles from the last beat of a write to its answer.
    write_bytes : float
    jitter : int
        Up to so many cycles are added to each, drawn from `seed`; requests wait as well.
    seed : int

    Raises
    ------
    ValueError
        If a latency or a rate is not positive.
    """

    read_latency: int = 20
    read_bytes: float = 16.0
    write_latency: int = 10
    write_bytes: float = 16.0
    jitter: int = 0
    seed: int = 1

    def __post_init__(self):
        for name in ("read_latency", "write_latency", "read_bytes", "write_bytes"):
            value = getattr(self, name)
            check(value > 0, f"{name} must be above 0, not {value}")
        check(self.jitter >= 0, f"jitter must be at least 0, not {self.jitter}")

    def interval(self, rate: float, beat: int) -> int:
        """Return the least time from a beat to the next, in units of 2**-FRACTION cycles."""
        return max(1 << FRACTION, round(beat / rate * (1 << FRACTION)))


@dataclass(frozen=True)
class Event:
    """A start or a finish of an instruction, in a cycle counted from the reset."""

    cycle: int
    unit: Unit
    finish: bool

    @classmethod
    def of(cls, word: int) -> "Event":
        cycle, place = divmod(word, 2 * len(Unit))
        return cls(cycle, Unit(place % len(Unit)), place >= len(Unit))


def broken_rules(bits: int) -> list[str]:
    """Return a sentence for each rule of AXI that the core has broken."""
    return [rule for number, rule in enumerate(RULES) if bits >> number & 1]


def address_of(array: np.ndarray) -> int:
    """Return the address of the bytes of an array; the caller keeps the array."""
    return array.ctypes.data


def load(path: Path) -> ctypes.CDLL:
    """Load a built library and declare the types of its functions."""
    library = ctypes.CDLL(str(path))
    pointer = ctypes.c_void_p
    for name, arguments, result in (
        ("weft_open", (pointer,), ctypes.c_int),
        ("weft_close", (pointer,), None),
        ("weft_reset", (pointer,), None),
        ("weft_attach", (pointer, pointer), None),
        ("weft_access", (pointer, pointer, pointer), None),
        ("weft_run", (pointer, pointer, ctypes.c_int64), None),
        ("weft_open_trace", (pointer, ctypes.c_char_p), ctypes.c_int),
        ("weft_close_trace", (pointer,), ctypes.c_int),
    ):
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    return library
