"""Control: programs end once, for their first reason, and the counters know what each unit did."""

from amaranth.hdl import Module, Signal

from weft.core.core_control import CoreControl, State, ending_layout, errors_layout
from weft.core.errors import CoreError
from weft.core.reporter import place_layout
from weft.core.unit_counters import Cause, UnitCounters, causes_layout, causes_of, counter_name
from weft.isa.codes import Unit
from weft.sequencer.ports import fault_layout

from .harness import Harness, delayed


class ProgramsEnd(Harness):
    """A program ends once, after everything has been reset, and keeps its first error.

    Hosts, units, the sequencer and the memory are arbitrary, but the sequencer runs only after it
    has been launched, and ends in the cycle after it is stopped.
    """

    def __init__(self, *, standstill_bits: int):
        super().__init__()
        self.standstill_bits = standstill_bits

    def describe(self, m: Module) -> None:
        m.submodules.control = control = CoreControl(standstill_bits=self.standstill_bits)
        names = ("launch", "abort", "checked", "progress", "idle", "done", "wrong")
        given = {name: self.anything(1, name) for name in names}
        fault = self.anything(fault_layout(), "fault")
        running, flushed = Signal(), Signal()
        sequencer = control.sequencer
        m.d.sync += [
            running.eq(
                control.start | (running & ~control.stop & ~given["done"] & ~given["wrong"])
            ),
            flushed.eq(running & (control.stop | given["wrong"])),
        ]
        m.d.comb += [
            *[getattr(control, name).eq(given[name]) for name in names[:5]],
            control.errors.eq(self.anything(errors_layout(), "errors")),
            control.place.eq(self.anything(place_layout(), "place")),
            sequencer.running.eq(running),
            sequencer.flush.eq(flushed),
            sequencer.done.eq(delayed(m, running & given["done"] & ~control.stop, 1, "halted")),
            sequencer.fault.eq(fault),
        ]
        idle = control.state == State.IDLE
        ending = Signal(ending_layout())
        m.d.comb += ending.eq(control.ending)
        launched = delayed(m, given["launch"] & idle, 1, "launched")
        self.prove("read_follows_launch", control.read == launched)
        self.prove("sequencer_is_launched_once", ~control.start | ~running)
        self.prove("ended_is_the_end", control.ended == delayed(m, ~idle, 1, "active") & idle)
        owes = delayed(m, ~given["idle"], 1, "owes")
        self.prove("ends_when_nothing_is_owed", ~control.ended | ~owes)
        self.prove("sequencer_has_ended", ~idle | ~running)
        has_error = ending.error != CoreError.NONE
        before = delayed(m, ending.as_value(), 1, "ending")
        had_error = delayed(m, has_error, 1, "had_error")
        self.prove("first_error_is_kept", launched | ~had_error | (ending.as_value() == before))
        self.prove("done_is_without_error", ~control.done | ~has_error)
        self.prove("end_has_a_reason", ~control.ended | (control.done != has_error))
        # Cycles of `flush` without a pause.
        held = Signal(range(CoreControl.flush_cycles))
        with m.If(~control.flush):
            m.d.sync += held.eq(0)
        with m.Elif(held != CoreControl.flush_cycles - 1):
            m.d.sync += held.eq(held + 1)
        flushed_since = Signal()
        with m.If(control.read):
            m.d.sync += flushed_since.eq(0)
        with m.Elif(control.flush & (held == CoreControl.flush_cycles - 1)):
            m.d.sync += flushed_since.eq(1)
        self.prove("all_is_flushed", ~control.ended | flushed_since)
        stopping = delayed(m, control.stop, 3, "stopped")
        self.prove("stop_is_short", ~stopping | ~control.stop)
        self.reach("halts", control.ended & control.done)
        self.reach("fails", control.ended & has_error)
        self.reach("begins_again", control.read & delayed(m, control.ended, 1, "ended"))


class CausesPartitionTime(Harness):
    """In each cycle of a program, one counter of each unit goes on; causes are arbitrary."""

    def __init__(self, *, width: int):
        super().__init__()
        self.width = width

    def describe(self, m: Module) -> None:
        m.submodules.counters = counters = UnitCounters(width=self.width)
        running, causes = self.anything(1, "running"), self.anything(causes_layout(), "causes")
        m.d.comb += [
            counters.running.eq(running),
            counters.causes.eq(causes),
            counters.clear.eq(self.anything(1, "clear")),
            # A copy in each cycle, so that the counters of each cycle are seen.
            counters.snapshot.eq(1),
        ]
        counts = counters.counts
        for unit in Unit:
            total = Signal(self.width, name=f"total_{unit.name}")
            own = (Cause.WORKING, *causes_of(unit))
            m.d.comb += total.eq(sum(counts[counter_name(unit, cause)] for cause in own))
            self.prove(f"{unit.name.lower()}_adds_up", total == counts.cycles)
        self.reach("counts", counts.cycles == 2)
