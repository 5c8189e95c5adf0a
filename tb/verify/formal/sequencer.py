"""The sequencer: waits mean what they say, orders are given once, and nothing blocks for ever."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned

from weft.sequencer.dispatcher import Dispatcher, order_layout
from weft.sequencer.issue import Issue, issued_layout
from weft.sequencer.ports import wait_layout
from weft.sequencer.unit_queue import UnitQueue
from weft.sequencer.waits import Waits

from .harness import Harness, delayed


class WaitsAreExact(Harness):
    """A stored wait holds exactly if few enough of the instructions in front are unfinished.

    The specification counts those of unit 0 that were given before one arbitrary instruction and
    have not finished. As many are given as the counts allow, they finish at any time, and the
    instruction waits for as long as nothing is cleared.
    """

    def __init__(self, wait_width: int, most: int):
        super().__init__()
        self.wait_width = wait_width
        self.most = most

    def describe(self, m: Module) -> None:
        most = self.most
        m.submodules.waits = waits = Waits(units=2, wait_width=self.wait_width, most=most)
        dispatches = self.anything(2, "dispatches")
        finishes = self.anything(2, "finishes")
        clear = self.anything(1, "clear")
        wait = self.anything(self.wait_width, "wait")
        m.d.comb += [
            waits.dispatches.eq(dispatches),
            waits.finishes.eq(finishes),
            waits.clear.eq(clear),
            waits.waits[0].eq(wait),
        ]
        unfinished = [Signal(range(most + 2), name=f"unfinished_{unit}") for unit in range(2)]
        total = Signal(range(most + 1))
        idle = ~Cat(*unfinished).any()
        for unit, count in enumerate(unfinished):
            m.d.sync += count.eq(count + dispatches[unit] - finishes[unit])
            self.assume(count.any() | ~finishes[unit])
        m.d.sync += total.eq(Mux(clear, 0, total + dispatches.any()))
        self.assume(~dispatches.all(), (total != most) | ~dispatches.any())
        self.assume(~clear | (idle & ~dispatches.any()))
        self.prove("idle_is", waits.idle == idle)

        chosen = self.anything(1, "chosen")
        followed = Signal()
        stored = Signal(wait_layout(most))
        asked = Signal(self.wait_width)
        left = Signal(range(most + 1))
        with m.If(clear):
            m.d.sync += followed.eq(0)
        with m.Elif(chosen & dispatches.any() & ~followed):
            m.d.sync += [
                followed.eq(1),
                stored.eq(waits.waited[0]),
                asked.eq(wait),
                left.eq(unfinished[0] - finishes[0]),
            ]
        with m.Elif(finishes[0] & left.any()):
            m.d.sync += left.eq(left - 1)
        holds = ~stored.waits | (stored.number < waits.finished[0])
        self.prove("wait_is_exact", ~followed | (holds == (~asked.any() | (left < asked))))
        self.reach("waits", followed & ~holds & (asked > 1))
        self.reach("waited", followed & holds & stored.waits)
        every = waits.finished[0] == most - 1
        self.reach("longest_wait", followed & every & (asked == (1 << self.wait_width) - 1))


class OrdersAreGiven(Harness):
    """Each order goes to its unit in the cycle in which it is taken, or ends the program.

    Streams, queues and counts are arbitrary. Never are more orders given than the counts allow.
    """

    def __init__(self, most: int):
        super().__init__()
        self.most = most

    def describe(self, m: Module) -> None:
        m.submodules.dispatcher = it = Dispatcher(units=2, most=self.most)
        order = self.anything(order_layout(2), "order")
        names = ("valid", "launch", "stop", "idle")
        valid, launch, stop, idle = (self.anything(1, name) for name in names)
        free = self.anything(2, "free")
        m.d.comb += [
            it.orders.payload.eq(order),
            it.orders.valid.eq(valid),
            it.launch.eq(launch),
            it.stop.eq(stop),
            it.free.eq(free),
            it.idle.eq(idle),
        ]
        self.assume(order.halt | (order.unit == 1) | (order.unit == 2))
        taken = valid & it.orders.ready
        gives, halts = taken & ~order.halt, taken & order.halt
        running, total = Signal(), Signal(range(self.most + 2))
        with m.If(launch & ~running):
            m.d.sync += running.eq(1)
        with m.Elif(stop | halts):
            m.d.sync += running.eq(0)
        m.d.sync += total.eq(Mux(it.clear, 0, total + gives))
        unit_is_free = (order.unit & free).any()
        self.prove("running_is", it.running == running)
        self.prove("unit_is_its_own", it.dispatches == Mux(gives, order.unit, 0))
        self.prove("never_into_a_full_queue", ~(it.dispatches & ~free).any())
        self.prove("never_more_than_counts", total <= self.most)
        self.prove("nothing_after_the_end", (running & ~stop) | ~taken)
        self.prove("halt_waits_for_all", ~halts | idle)
        can = running & ~stop & Mux(order.halt, idle, unit_is_free & (total != self.most))
        self.prove("nothing_waits_in_vain", ~(valid & can) | taken)
        ends = delayed(m, halts, 1, "halts")
        stops = delayed(m, running & stop, 1, "stops")
        self.prove("ends_are_reported", (it.done == ends) & (it.flush == stops))
        self.prove("counts_end_with_everything", ~it.clear | idle | it.flush | (launch & ~running))
        self.reach("counts_are_cleared", it.clear & (total == self.most) & running)
        self.reach("stop", stops & it.flush)


class InstructionsWaitAndStart(Harness):
    """All together: no instruction starts before its waits hold, and something always goes on.

    Two units execute arbitrary instructions, with arbitrary waits, at any speed. The specification
    counts, for one arbitrary instruction, the unfinished ones in front of it.
    """

    def __init__(self, *, slots: int, wait_width: int, most: int):
        super().__init__()
        self.slots = slots
        self.wait_width = wait_width
        self.most = most

    def describe(self, m: Module) -> None:
        shapes = (unsigned(1), unsigned(1))
        m.submodules.issue = issue = Issue(
            shapes=shapes, slots=self.slots, wait_width=self.wait_width, most=self.most
        )
        offered = self.anything(
            issued_layout(shapes=shapes, wait_width=self.wait_width), "instruction"
        )
        valid, launch, stop = (self.anything(1, name) for name in ("valid", "launch", "stop"))
        m.d.comb += [
            issue.instructions.payload.eq(offered),
            issue.instructions.valid.eq(valid),
            issue.launch.eq(launch),
            issue.stop.eq(stop),
        ]
        self.assume(offered.halt | (offered.unit == 1) | (offered.unit == 2))
        taken = valid & issue.instructions.ready
        given = Mux(taken & ~offered.halt, offered.unit, Const(0, 2))
        units = [self._add_unit(m, issue, unit, given[unit]) for unit in range(2)]
        self._follow(m, issue, offered, given, units)
        self._prove_progress(m, issue, valid & ~stop, taken, units)
        self.assume(~issue.flush | ~Cat(*(unit["acts"] for unit in units)).any())

    def _add_unit(self, m: Module, issue: Issue, number: int, given) -> dict:
        """Add an arbitrary unit behind a port; return its signals."""
        port = issue.ports[number]
        ready, starts, finishes = (
            self.anything(1, f"{name}_{number}") for name in ("ready", "starts", "finishes")
        )
        m.d.comb += [
            port.instructions.ready.eq(ready),
            port.starts.eq(starts),
            port.finishes.eq(finishes),
        ]
        takes = port.instructions.valid & ready
        held, untaken, unstarted = (
            Signal(range(self.slots + 1), name=f"{name}_{number}")
            for name in ("held", "untaken", "unstarted")
        )
        for count, leaves in ((held, finishes), (untaken, takes), (unstarted, starts)):
            m.d.sync += count.eq(Mux(issue.flush, 0, count + given - leaves))
        can_start = port.may_start & ((untaken < unstarted) | takes)
        self.assume(~starts | can_start)
        self.assume(~finishes | (held > unstarted) | starts)
        executes = held > unstarted
        return {
            "held": held,
            "unstarted": unstarted,
            "starts": starts,
            "finishes": finishes,
            "acts": Cat(starts, finishes),
            "idles": ready & ~(can_start & ~starts) & ~executes & ~starts & ~finishes,
        }

    def _follow(self, m: Module, issue: Issue, offered, given, units: list[dict]) -> None:
        """Follow one instruction until it starts."""
        chosen = self.anything(1, "chosen")
        entered, started = Signal(), Signal()
        enters = chosen & given.any() & ~entered
        own_unit, ahead = Signal(2), Signal(range(self.slots + 1))
        own_waits = Signal(offered.waits.shape())
        own_starts = Signal()
        for number, unit in enumerate(units):
            with m.If(enters & given[number]):
                m.d.sync += ahead.eq(unit["unstarted"] - unit["starts"])
            with m.If(entered & own_unit[number] & unit["starts"]):
                with m.If(ahead.any()):
                    m.d.sync += ahead.eq(ahead - 1)
                with m.Elif(~started):
                    m.d.comb += own_starts.eq(1)
        m.d.sync += [entered.eq(entered | enters), started.eq(started | own_starts)]
        with m.If(enters):
            m.d.sync += [own_unit.eq(given), own_waits.eq(offered.waits)]
        holds = []
        for number, unit in enumerate(units):
            left = Signal(range(self.slots + 1), name=f"left_{number}")
            with m.If(enters):
                m.d.sync += left.eq(unit["held"] - unit["finishes"])
            with m.Elif(unit["finishes"] & left.any()):
                m.d.sync += left.eq(left - 1)
            wait = own_waits[number]
            holds.append(~wait.any() | (left < wait))
        self.assume(~issue.flush | ~(entered | enters))
        self.prove("no_start_before_its_waits", ~own_starts | Cat(*holds).all())
        self.reach("starts_after_waiting", own_starts & delayed(m, ~Cat(*holds).all(), 2, "held"))

    def _prove_progress(self, m: Module, issue: Issue, valid, taken, units: list[dict]) -> None:
        """Prove that something happens as long as units do what they can."""
        work = Cat(*(unit["held"].any() for unit in units)).any() | valid
        eager = Cat(*(unit["idles"] for unit in units)).all()
        # Dispatch, permission, and the clearing of the counts.
        longest = UnitQueue.permit_latency + Dispatcher.drain_latency
        stuck = Signal(range(longest + 2))
        stays = issue.running & work & eager & ~taken
        with m.If(~stays):
            m.d.sync += stuck.eq(0)
        with m.Elif(stuck <= longest):
            m.d.sync += stuck.eq(stuck + 1)
        self.prove("something_goes_on", stuck < longest)
        full = Cat(*(unit["held"] == self.slots for unit in units)).any()
        self.reach("a_queue_is_full", full)
        self.reach("waits_for_a_permission", stuck == UnitQueue.wait_latency)
