"""CoreHost: a core, its memory and a serial host link, the design for a board."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect

from ..bus.axi_memory import AxiMemory
from ..bus.read_arbiter import read_id_width
from ..bus.word_memory import BYTE
from ..core.core import Core
from ..core.core_config import CoreConfig
from ..core.processor import READERS
from ..core.register_table import ADDRESS_WIDTH
from ..hierarchy import instantiate
from .axi_lite_bridge import AxiLiteBridge
from .core_host_registers import (
    FIRST,
    HOST_ADDRESSES,
    HOST_REGISTERS,
    LINE,
    READ,
    REFUSED_BITS,
    RESET_BIT,
    WRITTEN,
    CoreHostParameters,
    host_constants,
)
from .link_shape import LinkShape
from .memory_streams import MemoryStreams
from .ports import REGISTER_BYTES
from .register_file import RegisterFile
from .serial_link import add_serial_link


class CoreHost(wiring.Component):
    """A Core with block memory, both of which a host accesses over a UART.

    See protocol.py and core_host_registers.py for requests and registers. Stream 0 in each
    direction has the words of the memory from `memory_word` on.

    Parameters
    ----------
    config : CoreConfig
    cycles_per_bit : int, 4 or more
        Clock cycles of a bit on the line; `uart.cycles_per_bit_of` computes it.
    clock_hz : int
        Frequency of the clock, which the host can read.
    payload_bytes : int, 16 to 32768
        Most bytes of a payload, at least as many as a beat of the memory bus. The link has two
        memories of this size.
    memory_bytes : int
        Bytes of the memory, from address 0 on: a power of two of beats.

    Members
    -------
    rx : 1 bit in, asynchronous
    tx : 1 bit out
    busy : 1 bit out. A request is being executed or answered.
    error : 1 bit out. The core has refused an access since its reset.

    Raises
    ------
    ValueError
        As in CoreHostParameters.
    """

    def __init__(
        self,
        *,
        config: CoreConfig,
        cycles_per_bit: int,
        clock_hz: int,
        payload_bytes: int = 1024,
        memory_bytes: int = 1 << 17,
    ):
        self.parameters = CoreHostParameters(
            config=config,
            cycles_per_bit=cycles_per_bit,
            clock_hz=clock_hz,
            payload_bytes=payload_bytes,
            memory_bytes=memory_bytes,
        )
        super().__init__({"rx": In(1), "tx": Out(1, init=1), "busy": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        host = self.parameters
        shape = LinkShape(
            payload_bytes=host.payload_bytes,
            registers=FIRST + len(HOST_REGISTERS),
            first_writable=0,
            input_beats=(host.word_bytes,),
            output_beats=(host.word_bytes,),
        )
        link = add_serial_link(
            m, platform, shape=shape, cycles_per_bit=host.cycles_per_bit, rx=self.rx, tx=self.tx
        )
        m.domains.core = ClockDomain("core", local=True)
        reset = Signal(init=1)
        m.d.comb += [ClockSignal("core").eq(ClockSignal()), ResetSignal("core").eq(reset)]
        bridge = instantiate(
            m, "bridge", platform, AxiLiteBridge, domain="core", address_width=ADDRESS_WIDTH
        )
        memory = self._add_core(m, platform, bridge)
        streams = self._add_streams(m, platform, link, memory)
        refused = Signal(REFUSED_BITS)
        self._add_registers(m, platform, link, bridge, refused)
        control = self._written(m, link, "control")
        m.d.sync += [
            reset.eq(control.valid & control.word[RESET_BIT]),
            refused.eq(Mux(reset, 0, refused + bridge.refused)),
            self.busy.eq(link.busy),
            self.error.eq(refused.any()),
        ]
        place = self._written(m, link, "memory_word")
        m.d.comb += [streams.seek.eq(place.valid), streams.first.eq(place.word)]
        return m

    def _add_core(self, m: Module, platform, bridge):
        """Add the core at the bridge, and its memory; return the memory."""
        host = self.parameters
        core = instantiate(m, "core", platform, Core, domain="core", config=host.config)
        memory = instantiate(
            m,
            "memory",
            platform,
            AxiMemory,
            domain="core",
            address_width=host.config.bus.address_width,
            data_width=host.config.bus.data_width,
            id_width=read_id_width(len(READERS)),
            words=host.memory_words,
        )
        connect(m, bridge.port, core.host)
        for port, channels in ((memory.reads, ("ar", "r")), (memory.writes, ("aw", "w", "b"))):
            for channel in channels:
                connect(m, getattr(core.memory, channel), getattr(port, channel))
        return memory

    def _add_streams(self, m: Module, platform, link, memory):
        """Add the streams between the link and the memory; return them."""
        host = self.parameters
        streams = instantiate(
            m,
            "streams",
            platform,
            MemoryStreams,
            domain="core",
            words=host.memory_words,
            width=BYTE * host.word_bytes,
        )
        connect(m, link.inputs[WRITTEN], streams.written)
        connect(m, link.outputs[READ], streams.read)
        connect(m, streams.memory, memory.host)
        m.d.comb += streams.word.eq(memory.words_read.payload)
        return streams

    def _add_registers(self, m: Module, platform, link, bridge, refused: Signal) -> None:
        """Connect the registers of the core and those of the link, which come behind them."""
        host = self.parameters
        file = instantiate(
            m,
            "registers",
            platform,
            RegisterFile,
            words=host_constants(host),
            snapshot=LINE - FIRST,
            snapshot_registers=1,
        )
        bus = link.registers
        low = (len(host_constants(host)) * REGISTER_BYTES - 1).bit_length()
        own = Signal()
        m.d.comb += own.eq(bus.address[low:] == FIRST * REGISTER_BYTES >> low)
        m.d.comb += [
            file.bus.address.eq(bus.address[:low]),
            file.bus.read.eq(bus.read & own),
            bridge.bus.address.eq(bus.address),
            bridge.bus.read.eq(bus.read & ~own),
            bridge.bus.write.eq(bus.write & ~own),
            bridge.bus.write_data.eq(bus.write_data),
            bus.read_data.eq(Mux(own, file.bus.read_data, bridge.bus.read_data)),
            bus.done.eq(Mux(own, file.bus.done, bridge.bus.done)),
            file.live.eq(Cat(refused, link.broken_frames)),
        ]

    def _written(self, m: Module, link, name: str) -> data.View:
        """Return the word that a host writes to a register of the link, and when it does."""
        written = Signal(data.StructLayout({"valid": 1, "word": 8 * REGISTER_BYTES}), name=name)
        bus, first = link.registers, REGISTER_BYTES * HOST_ADDRESSES[name]
        m.d.sync += written.valid.eq(bus.write & (bus.address == first + REGISTER_BYTES - 1))
        with m.If(bus.write):
            m.d.sync += written.word.eq(Cat(written.word, bus.write_data) >> 8)
        return written
