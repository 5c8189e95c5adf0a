"""UnitQueue: the instructions of one unit, from their dispatch until they have finished."""

from amaranth.hdl import Cat, Module, Mux, ShapeLike, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..primitives.lut_memory import Read, Write, add_lut_memory
from .ports import count_bits, unit_port, wait_layout


class UnitQueue(wiring.Component):
    """Hold the instructions of one unit in order, offer them early, and permit them to start.

    An instruction occupies a slot from the cycle after its dispatch until it has finished. Its
    fields are offered to the unit as soon as possible, so that the unit can prepare it while it
    executes earlier ones. Its waits are compared with the counts of finished instructions, and once
    they hold, it may start.

    The cycles of an instruction, each of them the earliest that the queue allows:

    - dispatch: `release_latency` after the instruction that is `slots` before it finishes;
    - offer: `offer_latency` after the dispatch, 1 after the one before it is taken;
    - permission: `permit_latency` after the dispatch, `next_latency` after the one before it
      starts, `wait_latency` after the last instruction that it waits for finishes.

    Parameters
    ----------
    shape : ShapeLike
        Fields of an instruction.
    slots : int
        Unfinished instructions that it holds.
    units : int
        Units that an instruction can wait for.
    most : int
        Greatest count of finished instructions.

    Members
    -------
    free : 1 bit out. There is a free slot.
    dispatches : 1 bit in, only if `free`. An instruction enters.
    fields : `shape` in
    waits : wait_layout(most) per unit, in
    finished : count of the finished instructions of each unit, in
    clear : 1 bit in. Discard everything.
    waiting : `units` bits out. The next instruction to start waits for these.
    port : unit_port(shape), out
    """

    offer_latency = 2
    permit_latency = 3
    next_latency = 2
    wait_latency = 2
    release_latency = 1

    def __init__(self, *, shape: ShapeLike, slots: int, units: int, most: int):
        self.shape = shape
        self.slots = slots
        self.units = units
        self.most = most
        super().__init__(
            {
                "free": Out(1),
                "dispatches": In(1),
                "fields": In(shape),
                "waits": In(data.ArrayLayout(wait_layout(most), units)),
                "finished": In(data.ArrayLayout(count_bits(most), units)),
                "clear": In(1),
                "waiting": Out(units),
                "port": Out(unit_port(shape)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        held = Signal(range(self.slots + 1))
        m.d.sync += held.eq(held + self.dispatches - self.port.finishes)
        m.d.comb += self.free.eq(held != self.slots)
        write_slot = self._slot(m, self.dispatches, "write_slot")
        with m.If(self.clear):
            m.d.sync += held.eq(0)
        self._offer(m, platform, write_slot)
        self._permit(m, platform, write_slot)
        return m

    def _offer(self, m: Module, platform, write_slot: Signal) -> None:
        """Offer the fields of each instruction to the unit."""
        offered = self.port.instructions
        fields = self._read(
            m,
            platform,
            write_slot,
            stored=Value.cast(self.fields),
            full=offered.valid,
            leaves=offered.ready,
            name="fields",
        )
        m.d.comb += Value.cast(offered.payload).eq(fields)

    def _permit(self, m: Module, platform, write_slot: Signal) -> None:
        """Permit each instruction to start when its waits hold."""
        port = self.port
        known = Signal()
        waits = Signal(self.waits.shape())
        bits = self._read(
            m,
            platform,
            write_slot,
            stored=self.waits.as_value(),
            full=known,
            leaves=port.starts,
            name="waits",
        )
        m.d.comb += waits.eq(bits)
        unmet = [
            wait.waits & (wait.number >= count)
            for wait, count in zip(waits, self.finished, strict=True)
        ]
        m.d.comb += self.waiting.eq(Cat(*[known & wait for wait in unmet]))
        # It stays met, since counts only grow until everything has finished.
        m.d.sync += port.may_start.eq(known & ~Cat(*unmet).any() & ~port.starts & ~self.clear)

    def _read(
        self,
        m: Module,
        platform,
        write_slot: Signal,
        *,
        stored: Value,
        full: Signal,
        leaves: Value,
        name: str,
    ) -> Value:
        """Store a part of each instruction; return that of the oldest one that has not left.

        `full`: it is there. `leaves`: it leaves in this cycle if it is there.
        """
        behind = Signal(range(self.slots + 1), name=f"{name}_behind")
        fetch = Signal(name=f"{name}_fetch")
        m.d.comb += fetch.eq(behind.any() & (~full | leaves))
        m.d.sync += [
            behind.eq(behind + self.dispatches - fetch),
            full.eq(fetch | (full & ~leaves)),
        ]
        read_slot = self._slot(m, fetch, f"{name}_slot")
        with m.If(self.clear):
            m.d.sync += [behind.eq(0), full.eq(0)]
        inner = Module()
        m.submodules[name] = inner
        return add_lut_memory(
            inner,
            platform,
            shape=stored.shape(),
            depth=max(2, self.slots),
            write=Write(enable=self.dispatches, row=write_slot, data=stored),
            read=Read(enable=fetch, row=read_slot),
        )

    def _slot(self, m: Module, step: Value, name: str) -> Signal:
        """Return the number of a slot that goes to the next one in each cycle with `step`."""
        slot = Signal(range(max(2, self.slots)), name=name)
        with m.If(step):
            m.d.sync += slot.eq(Mux(slot == self.slots - 1, 0, slot + 1))
        with m.If(self.clear):
            m.d.sync += slot.eq(0)
        return slot
