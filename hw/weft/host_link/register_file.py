"""RegisterFile: registers in one memory, with a consistent snapshot of the changing ones."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from .ports import REGISTER_BYTES, register_bus


class RegisterFile(wiring.Component):
    """Registers that hold constants, and registers that hold a snapshot of `live`.

    A read of the lowest byte of register `snapshot` samples all of `live` in one cycle and copies
    it to that register and the following ones. All other reads return the latest snapshot.

    Latency 3 cycles from `bus.read` to `bus.done`; 3 + 4 * snapshot_registers cycles if the read
    takes a snapshot. Writes are ignored.

    Parameters
    ----------
    words : tuple of int
        Initial value of each register.
    snapshot, snapshot_registers : int
        First register of the snapshot, and the number of registers in it.

    Members
    -------
    bus : register_bus()
    live : 32 * snapshot_registers bits in
    """

    def __init__(self, *, words: tuple[int, ...], snapshot: int, snapshot_registers: int):
        self.words = words
        self.snapshot = snapshot
        self.snapshot_registers = snapshot_registers
        super().__init__(
            {"bus": In(register_bus()), "live": In(8 * REGISTER_BYTES * snapshot_registers)}
        )

    def elaborate(self, platform):
        m = Module()
        contents = b"".join(word.to_bytes(REGISTER_BYTES, "little") for word in self.words)
        # No deeper than it must be: Yosys would map it to a block memory, which takes 6 ns on ECP5.
        size = len(contents)
        m.submodules.memory = memory = Memory(shape=8, depth=size, init=contents)
        write = memory.write_port()
        read = memory.read_port()
        first = REGISTER_BYTES * self.snapshot
        last = first + REGISTER_BYTES * self.snapshot_registers - 1
        taken = Signal(len(self.live))
        address = Signal.like(self.bus.address)
        at = Signal(range(size))
        taking = Signal()
        m.d.comb += [
            read.addr.eq(address),
            write.addr.eq(at),
            write.data.eq(taken[:8]),
        ]
        # Registers directly before and behind the memory, because it is slow.
        m.d.sync += [address.eq(self.bus.address), self.bus.read_data.eq(read.data)]
        m.d.sync += self.bus.done.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [at.eq(first), taking.eq(address == first)]
                with m.If(self.bus.read):
                    m.next = "LOOK"
            with m.State("LOOK"):
                with m.If(taking):
                    m.d.sync += taken.eq(self.live)
                    m.next = "COPY"
                with m.Else():
                    m.next = "FETCH"
            with m.State("COPY"):
                m.d.comb += write.en.eq(1)
                m.d.sync += [taken.eq(taken >> 8), at.eq(at + 1)]
                with m.If(at == last):
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.sync += self.bus.done.eq(1)
                m.next = "DONE"
            with m.State("DONE"):
                m.next = "IDLE"
        return m
