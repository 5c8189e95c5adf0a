"""CoreRegisters: the registers of a core, behind AXI4-Lite."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi_lite import WORD_BITS, WORD_BYTES, AxiLite, axi_lite_port
from ..bus.regions import REGIONS, regions_layout
from ..hierarchy import instantiate
from .core_control import State, ending_layout
from .register_table import (
    ADDRESS_WIDTH,
    ADDRESSES,
    CONTROL_BITS,
    INTERRUPT_BIT,
    LARGE_BIT,
    READABLE_BIT,
    REGISTERS,
    STATUS_FIELDS,
    WRITABLE_BIT,
    CoreParameters,
)
from .unit_counters import COUNTERS, counts_layout


class CoreRegisters(wiring.Component):
    """The registers of `register_table`, and the actions of their bits.

    An access to an address without a register, and a write to one that cannot be written, or not
    during a program, have no effect and are answered with SLVERR. A start during a program only
    sets `busy` in the status.

    Latency: `launch`, `abort` and `snapshot` are high AxiLite.latency - 1 cycles after the later of
    the address and the data of a write to `control` is taken; a new setting has its effect in the
    same cycle. A read returns the values of one cycle after it is taken.

    Parameters
    ----------
    parameters : CoreParameters

    Members
    -------
    bus : axi_lite_port(...) in
    launch, abort, snapshot : 1 bit out, for a cycle
    program_address : `address_width` bits out
    regions : regions_layout(address_width) out
    interrupt : 1 bit out
    state : State in
    done : 1 bit in
    ending : ending_layout() in
    ended : 1 bit in, for a cycle. See CoreControl.
    counts : counts_layout(counter_width) in
    """

    def __init__(self, *, parameters: CoreParameters):
        self.parameters = parameters
        address_width = parameters.config.bus.address_width
        super().__init__(
            {
                "bus": In(axi_lite_port(address_width=ADDRESS_WIDTH)),
                "launch": Out(1),
                "abort": Out(1),
                "snapshot": Out(1),
                "program_address": Out(address_width),
                "regions": Out(regions_layout(address_width)),
                "interrupt": Out(1),
                "state": In(State),
                "done": In(1),
                "ending": In(ending_layout()),
                "ended": In(1),
                "counts": In(counts_layout(parameters.counter_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lite = instantiate(m, "lite", platform, AxiLite, address_width=ADDRESS_WIDTH)
        connect(m, flipped(self.bus), lite.port)
        running, busy, pending = Signal(), Signal(), Signal()
        m.d.comb += running.eq((self.state != State.IDLE) | self.launch)
        written = self._write(m, lite.words, running)
        settings = self._settings(m, lite.words, written)
        self._act(m, lite.words, written["control"], running, busy, pending)
        values: dict[str, Value] = {
            **self._constants(),
            **settings,
            **self._counters(),
            "status": self._status(running, busy),
            "error_unit": self.ending.place.unit,
            "error_word": self.ending.place.word,
            "interrupt_status": pending << INTERRUPT_BIT,
        }
        self._read(m, lite.words, values)
        self._set(m, settings)
        m.d.comb += self.interrupt.eq(pending & settings["interrupt_enable"][INTERRUPT_BIT])
        return m

    def _constants(self) -> dict[str, Value]:
        """Return the values of the registers that never change."""
        return {
            name: Const(register.constant(self.parameters), WORD_BITS)
            for name, register in REGISTERS.items()
            if register.constant
        }

    def _write(self, m: Module, words, running: Value) -> dict[str, Value]:
        """Return, for each register that can be written, whether it is; refuse other writes."""
        written, refused = {}, Signal()
        m.d.comb += refused.eq(1)
        with m.Switch(words.write_number):
            for name, register in REGISTERS.items():
                if register.writable:
                    written[name] = Signal(name=f"writes_{name}")
                    allowed = 1 if register.while_running else ~running
                    with m.Case(ADDRESSES[name] // WORD_BYTES):
                        m.d.comb += [
                            refused.eq(~Value.cast(allowed)[0]),
                            written[name].eq(words.write & allowed),
                        ]
        m.d.sync += words.write_refused.eq(refused)
        return written

    def _settings(self, m: Module, words, written: dict[str, Value]) -> dict[str, Value]:
        """Add a register for each setting; return them."""
        settings = {}
        for name, register in REGISTERS.items():
            if register.setting:
                settings[name] = setting = Signal(WORD_BITS, name=name)
                kept = Const(register.setting(self.parameters), WORD_BITS)
                with m.If(written[name]):
                    for byte in range(WORD_BYTES):
                        with m.If(words.strobes[byte]):
                            m.d.sync += setting.word_select(byte, 8).eq(
                                words.write_data.word_select(byte, 8) & kept.word_select(byte, 8)
                            )
        return settings

    def _act(self, m: Module, words, written: Value, running: Value, busy, pending) -> None:
        """Do what the bits of `control` say; keep the interrupt and the refusal of a start."""
        control = Signal(len(CONTROL_BITS))
        bits = {name: control[bit] for bit, name in enumerate(CONTROL_BITS)}
        with m.If(written & words.strobes[0]):
            m.d.comb += control.eq(words.write_data)
        m.d.sync += [
            self.launch.eq(bits["start"] & ~running),
            self.abort.eq(bits["abort"]),
            self.snapshot.eq(bits["snapshot"]),
            busy.eq((busy & ~bits["clear"]) | (bits["start"] & running)),
            pending.eq((pending & ~bits["clear"]) | self.ended),
        ]

    def _status(self, running: Value, busy: Value) -> Value:
        """Return the value of the register `status`."""
        values = {
            "running": running,
            "done": self.done,
            "busy": busy,
            "state": self.state,
            "error": self.ending.error,
            "reporter": self.ending.reporter,
        }
        assert values.keys() == STATUS_FIELDS.keys()
        status: Value = Const(0, WORD_BITS)
        for name, value in values.items():
            status = status | (Value.cast(value) << STATUS_FIELDS[name].low)
        return status[:WORD_BITS]

    def _counters(self) -> dict[str, Value]:
        """Return the values of the registers of the counters."""
        values = {}
        for name in COUNTERS:
            values[f"count_{name}"] = self.counts[name][:WORD_BITS]
            values[f"count_{name}_high"] = self.counts[name][WORD_BITS:]
        return values

    def _read(self, m: Module, words, values: dict[str, Value]) -> None:
        """Answer reads; bits that act when they are written read as zero."""
        m.d.sync += [words.read_data.eq(0), words.read_refused.eq(0)]
        with m.Switch(words.read_number):
            for name, register in REGISTERS.items():
                with m.Case(ADDRESSES[name] // WORD_BYTES):
                    if not register.acts:
                        m.d.sync += words.read_data.eq(values[name])
            with m.Default():
                m.d.sync += words.read_refused.eq(1)

    def _set(self, m: Module, settings: dict[str, Value]) -> None:
        """Connect the settings."""
        m.d.comb += self.program_address.eq(Cat(settings["program_low"], settings["program_high"]))
        for number in range(REGIONS):
            names = ("base_low", "base_high", "size", "access")
            low, high, size, access = (settings[f"region_{number}_{name}"] for name in names)
            region = self.regions[number]
            m.d.comb += [
                region.base.eq(Cat(low, high)),
                region.size.eq(Cat(size, access[LARGE_BIT])),
                region.readable.eq(access[READABLE_BIT]),
                region.writable.eq(access[WRITABLE_BIT]),
            ]
