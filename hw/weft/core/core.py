"""Core: a TPU that reads a program and its data from a memory, and writes results there."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi_lite import axi_lite_port
from ..hierarchy import instantiate
from ..isa.codes import Unit
from .core_config import CoreConfig
from .core_control import CoreControl, State
from .core_registers import CoreRegisters
from .processor import Processor, memory_channels
from .program_fetch import ProgramFetch
from .register_table import ADDRESS_WIDTH, CoreParameters
from .reporter import UNITS, Reporter
from .unit_counters import UnitCounters


class Core(wiring.Component):
    """Registers for the host, the reader of programs, and the processor that executes them.

    The host writes the address of a program and the regions of the memory, and starts it. Then the
    core works by itself until the program ends, and raises its interrupt.

    Parameters
    ----------
    config : CoreConfig
    digest : int
        32 bits that identify the build.

    Members
    -------
    host : axi_lite_port(...) in; the registers are those of register_table
    memory : memory_channels(config) out
    interrupt : 1 bit out. A program has ended.
    unit_starts, unit_finishes : a bit per Unit out, for a cycle
    """

    def __init__(self, *, config: CoreConfig, digest: int = 0):
        self.config = config
        self.parameters = CoreParameters(config=config, digest=digest)
        super().__init__(
            {
                "host": In(axi_lite_port(address_width=ADDRESS_WIDTH)),
                "memory": Out(memory_channels(config)),
                "interrupt": Out(1),
                "unit_starts": Out(len(Unit)),
                "unit_finishes": Out(len(Unit)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        registers = instantiate(m, "registers", platform, CoreRegisters, parameters=self.parameters)
        control = instantiate(
            m,
            "control",
            platform,
            CoreControl,
            standstill_bits=self.parameters.standstill_bits,
        )
        m.domains.fetching = ClockDomain("fetching", local=True)
        m.d.comb += [
            ClockSignal("fetching").eq(ClockSignal()),
            ResetSignal("fetching").eq(ResetSignal() | control.flush),
        ]
        fetch = instantiate(
            m, "fetch", platform, ProgramFetch, domain="fetching", config=self.config
        )
        processor = instantiate(m, "processor", platform, Processor, config=self.config)
        connect(m, flipped(self.host), registers.bus)
        connect(m, fetch.memory, processor.reader)
        connect(m, fetch.units, processor.program)
        connect(m, processor.memory, flipped(self.memory))
        self._control(m, registers, control, fetch, processor)
        self._count(m, platform, registers, control, processor)
        return m

    def _control(self, m: Module, registers, control, fetch, processor) -> None:
        """Connect what begins and ends programs."""
        m.d.comb += [
            control.launch.eq(registers.launch),
            control.abort.eq(registers.abort),
            fetch.launch.eq(control.read),
            fetch.address.eq(registers.program_address),
            *[part.regions.eq(registers.regions) for part in (fetch, processor)],
            control.checked.eq(fetch.checked),
            processor.launch.eq(control.start),
            processor.stop.eq(control.stop),
            processor.flush.eq(control.flush),
            control.sequencer.running.eq(processor.running),
            control.sequencer.done.eq(processor.done),
            control.sequencer.flush.eq(processor.stopped),
            control.sequencer.fault.eq(processor.fault),
            control.errors.program.eq(fetch.error),
            control.place.eq(fetch.place),
            *[
                control.errors[reporter.name.lower()].eq(processor.errors[reporter.name.lower()])
                for reporter in UNITS
                if reporter != Reporter.PROGRAM
            ],
            control.progress.eq(processor.progress | fetch.memory.r.valid),
            control.idle.eq(processor.idle),
            registers.state.eq(control.state),
            registers.done.eq(control.done),
            registers.ending.eq(control.ending),
            registers.ended.eq(control.ended),
            self.interrupt.eq(registers.interrupt),
            self.unit_starts.eq(processor.unit_starts),
            self.unit_finishes.eq(processor.unit_finishes),
        ]

    def _count(self, m: Module, platform, registers, control, processor) -> None:
        """Count the cycles of the program by unit and cause."""
        counters = instantiate(
            m, "counters", platform, UnitCounters, width=self.parameters.counter_width
        )
        # A cycle late, because the causes are the last to be known in a cycle.
        m.d.sync += [
            counters.clear.eq(control.read),
            counters.running.eq(control.state == State.RUNNING),
            counters.causes.eq(processor.causes),
        ]
        m.d.comb += [
            counters.snapshot.eq(registers.snapshot),
            registers.counts.eq(counters.counts),
        ]
