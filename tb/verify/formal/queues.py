"""The queue of a unit: instructions are offered and start in order, when their waits hold."""

from amaranth.hdl import Module, Mux, Signal, unsigned

from weft.sequencer.ports import wait_layout
from weft.sequencer.unit_queue import UnitQueue

from .harness import Harness, delayed, follow


class _Queue(Harness):
    """A queue between a dispatcher that respects its slots and a unit that respects its port."""

    def __init__(self, slots: int, most: int):
        super().__init__()
        self.slots = slots
        self.most = most

    def surround(self, m: Module) -> UnitQueue:
        """Add the queue and its neighbours; return it."""
        slots, most = self.slots, self.most
        m.submodules.queue = queue = UnitQueue(shape=unsigned(1), slots=slots, units=1, most=most)
        self.dispatches = self.anything(1, "dispatches")
        self.fields = self.anything(1, "fields")
        self.waits = self.anything(wait_layout(most), "waits")
        self.finished = self.anything(range(most + 1), "finished")
        ready, starts = self.anything(1, "ready"), self.anything(1, "starts")
        finishes = self.anything(1, "finishes")
        self.clear = self.anything(1, "clear")
        port = queue.port
        m.d.comb += [
            queue.dispatches.eq(self.dispatches),
            queue.fields.eq(self.fields),
            queue.waits[0].eq(self.waits),
            queue.finished[0].eq(self.finished),
            queue.clear.eq(self.clear),
            port.instructions.ready.eq(ready),
            port.starts.eq(starts),
            port.finishes.eq(finishes),
        ]
        takes = port.instructions.valid & ready
        self.takes, self.starts = takes, starts
        # Instructions that are in a slot, have not been taken, and have not started.
        counts = [Signal(range(slots + 2), name=n) for n in ("held", "untaken", "unstarted")]
        self.held, self.untaken, self.unstarted = counts
        for count, leaves in zip(counts, (finishes, takes, starts), strict=True):
            m.d.sync += count.eq(Mux(self.clear, 0, count + self.dispatches - leaves))
        self.assume(queue.free | ~self.dispatches)
        self.assume(~starts | (port.may_start & ((self.untaken < self.unstarted) | takes)))
        self.assume(~finishes | (self.held > self.unstarted) | starts)
        self.assume(self.finished >= delayed(m, self.finished, 1, "finished_before"))
        return queue

    def never_cleared_after(self, m: Module, enters) -> None:
        """Assume that nothing is discarded from the cycle on in which an instruction enters."""
        entered = Signal()
        m.d.sync += entered.eq(entered | enters)
        self.assume(~self.clear | ~(entered | enters))


class QueueKeepsOrder(_Queue):
    """Instructions are offered once, in order, with their own fields, and no slot is lost."""

    def describe(self, m: Module) -> None:
        queue = self.surround(m)
        offered = queue.port.instructions
        followed = follow(self, m, self.dispatches, self.takes, self.untaken)
        self.never_cleared_after(m, followed.enters)
        own = Signal()
        with m.If(followed.enters):
            m.d.sync += own.eq(self.fields)
        self.prove("free_is", queue.free == (self.held != self.slots))
        self.prove("nothing_is_invented", ~offered.valid | self.untaken.any())
        self.prove("fields_are_its_own", ~followed.leaves | (offered.payload == own))
        waits = delayed(m, offered.valid & ~offered.ready & ~self.clear, 1, "waits")
        same = offered.payload == delayed(m, offered.payload, 1, "payload")
        self.prove("offer_stays", ~waits | (offered.valid & same))
        missing = Signal(range(UnitQueue.offer_latency + 2))
        missed = self.untaken.any() & ~offered.valid & ~self.clear
        m.d.sync += missing.eq(Mux(missed, missing + 1, 0))
        self.prove("nothing_is_lost", missing < UnitQueue.offer_latency)
        behind = Signal()
        with m.If(followed.enters):
            m.d.sync += behind.eq(self.untaken > 1)
        self.reach("behind_others", followed.leaves & behind)
        self.reach("discards", delayed(m, self.clear & ~queue.free, 1, "full") & ~self.held.any())


class QueueObeysWaits(_Queue):
    """Instructions start in order, never before their waits hold, and at once when they do."""

    def describe(self, m: Module) -> None:
        queue = self.surround(m)
        may_start = queue.port.may_start
        followed = follow(self, m, self.dispatches, self.starts, self.unstarted)
        self.never_cleared_after(m, followed.enters)
        own = Signal(wait_layout(self.most))
        with m.If(followed.enters):
            m.d.sync += own.eq(self.waits)
        # The same for the instruction that has not started and is first in the queue.
        ahead, first = Signal(range(self.slots + 1)), Signal()
        with m.If(followed.enters):
            m.d.sync += ahead.eq(self.unstarted - self.starts)
        with m.Elif(self.starts & ahead.any()):
            m.d.sync += ahead.eq(ahead - 1)
        m.d.comb += first.eq(followed.inside & ~ahead.any())
        holds = ~own.waits | (own.number < self.finished)
        self.prove("no_permission_is_invented", ~may_start | self.unstarted.any())
        self.prove("no_start_before_its_waits", ~(first & may_start) | holds)
        was_permitted = delayed(m, may_start & ~self.starts & ~self.clear, 1, "permitted")
        self.prove("permission_stays", ~was_permitted | may_start)
        late = Signal(range(UnitQueue.permit_latency + 2))
        m.d.sync += late.eq(Mux(first & holds & ~may_start, late + 1, 0))
        self.prove("permission_comes", late < UnitQueue.permit_latency)
        behind = Signal()
        with m.If(followed.enters):
            m.d.sync += behind.eq(self.unstarted.any())
        self.reach("waits_behind_others", followed.leaves & own.waits & behind)
