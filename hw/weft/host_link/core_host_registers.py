"""The registers of a core with a host link: one table for hardware, driver and docs.

Those of the core itself are in front of them; see weft.core.register_table.
"""

from dataclasses import dataclass

from ..bus.word_memory import BYTE, check_words
from ..checks import check, check_kind, checked_integer
from ..core.core_config import CoreConfig
from .ports import ADDRESS_WIDTH, REGISTER_BYTES
from .protocol import PROTOCOL_VERSION, check_payload_bytes
from .registers import BROKEN_FRAMES_BIT, Register
from .uart import check_cycles_per_bit

# The first register of the link. Register n before it is the one of the core at address 4 n.
FIRST = 224
# Bits of the registers.
REFUSED_BITS = BROKEN_FRAMES_BIT
RESET_BIT = 0

# Stream numbers in requests.
(WRITTEN,) = range(1)
(READ,) = range(1)


@dataclass(frozen=True, kw_only=True)
class CoreHostParameters:
    """Parameters of a CoreHost.

    Raises
    ------
    TypeError, ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    config: CoreConfig
    cycles_per_bit: int
    clock_hz: int
    payload_bytes: int
    memory_bytes: int

    def __post_init__(self):
        check_kind(self.config, CoreConfig, "config must be a CoreConfig")
        check_cycles_per_bit(self.cycles_per_bit)
        check_payload_bytes(self.payload_bytes)
        checked_integer("clock_hz", self.clock_hz, low=1, high=(1 << 32) - 1)
        checked_integer("memory_bytes", self.memory_bytes, low=1, high=1 << 31)
        check_words(self.memory_words)
        check(
            self.word_bytes <= self.payload_bytes,
            f"payload_bytes must be at least {self.word_bytes}, the bytes of a beat of the memory "
            f"bus, not {self.payload_bytes}",
        )

    @property
    def word_bytes(self) -> int:
        """Bytes of a word of the memory, which is a beat of its bus."""
        return self.config.bus.data_width // BYTE

    @property
    def memory_words(self) -> int:
        return self.memory_bytes // self.word_bytes


HOST_REGISTERS = (
    Register("protocol_version", "of the link; a host rejects others", lambda h: PROTOCOL_VERSION),
    Register(
        "line",
        f"accesses that the core has refused [{REFUSED_BITS - 1}:0], broken frames "
        f"[31:{BROKEN_FRAMES_BIT}]",
    ),
    Register("clock_hz", "clock frequency of the core in Hz", lambda host: host.clock_hz),
    Register("cycles_per_bit", "clock cycles per bit on the line", lambda h: h.cycles_per_bit),
    Register("payload_bytes", "most bytes of a payload", lambda host: host.payload_bytes),
    Register("memory_bytes", "bytes of the memory", lambda host: host.memory_bytes),
    Register(
        "word_bytes", "bytes of a word of the memory, and of a beat", lambda host: host.word_bytes
    ),
    Register("control", f"resets the core and its memory bus [{RESET_BIT}]", writable=True),
    Register("memory_word", "word of the memory at which both streams go on", writable=True),
)
HOST_ADDRESSES = {register.name: FIRST + n for n, register in enumerate(HOST_REGISTERS)}
LINE = HOST_ADDRESSES["line"]

assert FIRST + len(HOST_REGISTERS) <= 1 << ADDRESS_WIDTH
# A part of the addresses, so that its low bits are the address in it.
assert FIRST % (1 << (len(HOST_REGISTERS) - 1).bit_length()) == 0
assert REGISTER_BYTES == 4


def host_constants(host: CoreHostParameters) -> tuple[int, ...]:
    """Return the initial value of each register of the link."""
    return tuple(register.constant(host) if register.constant else 0 for register in HOST_REGISTERS)
