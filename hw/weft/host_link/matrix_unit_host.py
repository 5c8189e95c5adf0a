"""MatrixUnitHost: a matrix unit with a serial host link, the design for a board."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from ..hierarchy import instantiate
from ..matrix.config import MatrixUnitConfig
from ..matrix.layouts import counter_layout
from .beat_formats import ACTIVATIONS, RESULTS, WEIGHTS, beat_sizes
from .link_shape import LinkShape
from .matrix_unit_streams import MatrixUnitStreams
from .ports import REGISTER_BYTES
from .register_file import RegisterFile
from .registers import (
    BROKEN_FRAMES_BIT,
    CLEAR_ERRORS_BIT,
    FIRST_WRITABLE,
    REGISTERS,
    RESET_BIT,
    SNAPSHOT,
    SNAPSHOT_REGISTERS,
    HostParameters,
    constants,
)
from .serial_link import add_serial_link


class MatrixUnitHost(wiring.Component):
    """A MatrixUnit whose streams and registers a host accesses over a UART.

    See protocol.py, registers.py and beat_formats.py for requests, registers and beats. The link
    moves one byte at a time and the unit takes one beat per cycle, so the line limits the speed.

    Parameters
    ----------
    config : MatrixUnitConfig
    cycles_per_bit : int, 4 or more
        Clock cycles of a bit on the line; `uart.cycles_per_bit_of` computes it.
    clock_hz : int
        Frequency of the clock, which the host can read.
    payload_bytes : int, 16 to 32768
        Most bytes of a payload, at least as many as the largest beat. The link has two memories of
        this size.

    Members
    -------
    rx : 1 bit in, asynchronous
    tx : 1 bit out
    busy : 1 bit out. A request is being executed or answered.
    error : 1 bit out. The unit has an error that was not cleared.

    Raises
    ------
    ValueError
        As in HostParameters.
    """

    def __init__(
        self,
        *,
        config: MatrixUnitConfig,
        cycles_per_bit: int,
        clock_hz: int,
        payload_bytes: int = 1024,
    ):
        self.parameters = HostParameters(
            config=config,
            cycles_per_bit=cycles_per_bit,
            clock_hz=clock_hz,
            payload_bytes=payload_bytes,
        )
        super().__init__({"rx": In(1), "tx": Out(1, init=1), "busy": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        link = self._add_link(m, platform)
        control = self._add_control(m, link)
        unit = self._add_unit(m, platform, link, control[RESET_BIT])
        self._add_registers(m, platform, link, unit)
        m.d.comb += unit.clear_errors.eq(control[CLEAR_ERRORS_BIT])
        m.d.sync += [self.busy.eq(link.busy), self.error.eq(unit.errors.as_value().any())]
        return m

    def _add_link(self, m: Module, platform):
        """Add the UART and the host link, and return the link."""
        host = self.parameters
        input_beats, output_beats = beat_sizes(host.config)
        shape = LinkShape(
            payload_bytes=host.payload_bytes,
            registers=len(REGISTERS),
            first_writable=FIRST_WRITABLE,
            input_beats=input_beats,
            output_beats=output_beats,
        )
        return add_serial_link(
            m,
            platform,
            shape=shape,
            cycles_per_bit=host.cycles_per_bit,
            rx=self.rx,
            tx=self.tx,
        )

    def _add_control(self, m: Module, link) -> Signal:
        """Return the bits of the register `control`, high for the cycle after a write."""
        control = Signal(8)
        m.d.sync += control.eq(0)
        control_byte = REGISTER_BYTES * FIRST_WRITABLE
        with m.If(link.registers.write & (link.registers.address == control_byte)):
            m.d.sync += control.eq(link.registers.write_data)
        return control

    def _add_unit(self, m: Module, platform, link, reset: Value):
        """Add the unit, reset one cycle after `reset`; return its streams and status."""
        unit_reset = Signal(init=1)
        m.d.sync += unit_reset.eq(reset)
        m.domains.unit = ClockDomain("unit", local=True)
        m.d.comb += [
            ClockSignal("unit").eq(ClockSignal()),
            ResetSignal("unit").eq(unit_reset),
        ]
        config = self.parameters.config
        unit = instantiate(m, "streams", platform, MatrixUnitStreams, domain="unit", config=config)
        connect(m, link.inputs[WEIGHTS], unit.weights)
        connect(m, link.inputs[ACTIVATIONS], unit.activations)
        connect(m, link.outputs[RESULTS], unit.results)
        return unit

    def _add_registers(self, m: Module, platform, link, unit) -> None:
        """Add the registers: the status and counters of the unit, and constants."""
        file = instantiate(
            m,
            "registers",
            platform,
            RegisterFile,
            words=constants(self.parameters),
            snapshot=SNAPSHOT,
            snapshot_registers=SNAPSHOT_REGISTERS,
        )
        connect(m, link.registers, file.bus)
        status = Signal(32)
        errors = unit.errors.as_value()
        m.d.comb += [
            status[: len(errors)].eq(errors),
            status[BROKEN_FRAMES_BIT:].eq(link.broken_frames),
            file.live.eq(Cat(status, *[unit.counters[name] for name, _ in counter_layout()])),
        ]
