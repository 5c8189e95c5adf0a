"""CoreControl: begin and end the programs of a core."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from ..buffer.unified_buffer import UnifiedBuffer
from ..sequencer.ports import FaultCode, fault_layout
from .errors import CoreError
from .reporter import UNITS, Reporter, place_layout


class State(enum.Enum, shape=3):
    """What a core does with its program."""

    IDLE = 0
    READING = 1
    RUNNING = 2
    STOPPING = 3
    FLUSHING = 4
    WAITING = 5


STATE_SENTENCES = {
    State.IDLE: "there is no program",
    State.READING: "the program is read once, and its header and CRC are checked",
    State.RUNNING: "instructions are executed",
    State.STOPPING: "the sequencer is stopped",
    State.FLUSHING: "all units are reset",
    State.WAITING: "the memory takes the writes that were announced to it, and answers them",
}


def ending_layout() -> data.StructLayout:
    """Return the layout of how a program ended.

    `error`: NONE if HALT ended it. `reporter`: who reported the error. `place`: where it is, if the
    reporter knows a place.
    """
    return data.StructLayout({"error": CoreError, "reporter": Reporter, "place": place_layout()})


def sequencer_layout() -> data.StructLayout:
    """Return the layout of the outputs of a Sequencer of the same names."""
    return data.StructLayout({"running": 1, "done": 1, "flush": 1, "fault": fault_layout()})


def errors_layout() -> data.StructLayout:
    """Return the layout of the errors of UNITS, named in lower case."""
    return data.StructLayout({unit.name.lower(): CoreError for unit in UNITS})


class CoreControl(wiring.Component):
    """Begin a program, collect the errors of all units, and leave the core ready for the next one.

    `launch` begins to read a program; when its header is checked, the sequencer is launched. HALT
    ends the program, or the first error does: that of a unit, of the sequencer or of the header;
    `abort`; or 2**`standstill_bits` cycles without any progress. Of several errors in
    a cycle, that of the first Reporter counts, and all later ones are ignored.

    An error stops the sequencer. Then, and after HALT as well, `flush` is high until all rows that
    the buffer owes to a unit have come, and the core is idle when no writes are owed.

    | Cycle | |
    | --- | --- |
    | 0 | an error is reported |
    | 1 | `ending` has it; `stop` is high, if the sequencer is running |
    | 2 | the sequencer ends the program, and its `flush` begins `flush` |
    | 2 + flush_cycles | last cycle of `flush` |
    | 3 + flush_cycles | or later: `idle` is high |
    | one later | `ended` is high, and a program can be launched |

    Parameters
    ----------
    standstill_bits : int

    Members
    -------
    launch : 1 bit in, ignored if there is a program
    abort : 1 bit in. End the program.
    checked : 1 bit in. The header of the program has been checked.
    errors : errors_layout() in, held until `flush`
    place : place_layout() in. Where the error of the program's reader is.
    sequencer : sequencer_layout() in
    progress : 1 bit in. Something of the program is done, such as a row that is read.
    idle : 1 bit in. No write is owed to the memory, and no answer to one by it.
    read : 1 bit out, for a cycle. Begin to read the program.
    start : 1 bit out, for a cycle. Launch the sequencer.
    stop : 1 bit out. Stop the sequencer.
    flush : 1 bit out. All units discard what they do.
    state : State out
    done : 1 bit out. HALT has ended the last program.
    ending : ending_layout() out, of this program or of the last one
    ended : 1 bit out, for a cycle. The program has ended.
    """

    # A row comes so many cycles after a request in the first cycle of `flush`.
    flush_cycles = UnifiedBuffer.latency + 1

    def __init__(self, *, standstill_bits: int):
        self.standstill_bits = standstill_bits
        inputs = {"launch": 1, "abort": 1, "checked": 1}
        inputs |= {"errors": errors_layout(), "place": place_layout()}
        inputs |= {"sequencer": sequencer_layout(), "progress": 1, "idle": 1}
        outputs = {"read": 1, "start": 1, "stop": 1, "flush": 1, "state": State, "done": 1}
        outputs |= {"ending": ending_layout(), "ended": 1}
        super().__init__(
            {name: In(shape) for name, shape in inputs.items()}
            | {name: Out(shape) for name, shape in outputs.items()}
        )

    def elaborate(self, platform):
        m = Module()
        ending = self._collect(m)
        found = ending.error != CoreError.NONE
        left = Signal(range(self.flush_cycles))
        m.d.comb += self.flush.eq(self.sequencer.flush | (self.state == State.FLUSHING))
        m.d.sync += [self.read.eq(0), self.start.eq(0), self.ended.eq(0)]
        with m.Switch(self.state):
            with m.Case(State.IDLE), m.If(self.launch):
                m.d.sync += [
                    self.state.eq(State.READING),
                    self.read.eq(1),
                    self.ending.eq(0),
                    self.done.eq(0),
                ]
            with m.Case(State.READING):
                with m.If(found):
                    m.d.sync += self.state.eq(State.FLUSHING)
                with m.Elif(self.checked):
                    m.d.sync += [self.state.eq(State.RUNNING), self.start.eq(1)]
            with m.Case(State.RUNNING):
                with m.If(found):
                    m.d.sync += self.state.eq(State.STOPPING)
                with m.Elif(self.sequencer.done):
                    m.d.sync += [self.state.eq(State.FLUSHING), self.done.eq(1)]
            with m.Case(State.STOPPING):
                m.d.comb += self.stop.eq(1)
                with m.If(~self.sequencer.running):
                    m.d.sync += self.state.eq(State.FLUSHING)
            with m.Case(State.FLUSHING):
                m.d.sync += left.eq(left - 1)
                with m.If(~left.any()):
                    m.d.sync += self.state.eq(State.WAITING)
            with m.Case(State.WAITING), m.If(self.idle):
                m.d.sync += [self.state.eq(State.IDLE), self.ended.eq(1)]
        with m.If(self.state != State.FLUSHING):
            m.d.sync += left.eq(self.flush_cycles - 1)
        with m.If(found & self._has_program()):
            m.d.sync += self.ending.eq(ending)
        return m

    def _has_program(self) -> Value:
        """Whether a program is read or executed, so that an error ends it."""
        return (self.state == State.READING) | (self.state == State.RUNNING)

    def _collect(self, m: Module) -> data.View:
        """Return the error of this cycle that counts."""
        fault = self.sequencer.fault
        ending, sequencer_error = Signal(ending_layout()), Signal(CoreError)
        # Until the sequencer is launched, it has the fault of the program before.
        with m.If((self.state == State.RUNNING) & ~self.start), m.Switch(fault.code):
            for code in FaultCode:
                with m.Case(code):
                    m.d.comb += sequencer_error.eq(CoreError[code.name])
        errors: dict[Reporter, Value | CoreError] = {
            unit: self.errors[unit.name.lower()] for unit in UNITS
        }
        errors[Reporter.SEQUENCER] = sequencer_error
        for reporter, found, error in (
            (Reporter.STANDSTILL, self._stands_still(m), CoreError.STANDSTILL),
            (Reporter.HOST, self.abort, CoreError.ABORTED),
        ):
            errors[reporter] = Mux(found, error, CoreError.NONE)
        # The last assignment has the highest priority.
        for reporter in sorted(errors, key=lambda r: r.value, reverse=True):
            error = errors[reporter]
            with m.If(error != CoreError.NONE):
                m.d.comb += [ending.error.eq(error), ending.reporter.eq(reporter)]
        with m.If(ending.reporter == Reporter.SEQUENCER):
            m.d.comb += [ending.place.unit.eq(fault.unit), ending.place.word.eq(fault.word)]
        with m.If(ending.reporter == Reporter.PROGRAM):
            m.d.comb += ending.place.eq(self.place)
        return ending

    def _stands_still(self, m: Module) -> Value:
        """Count the cycles since the last progress; return whether there are many."""
        count = Signal(self.standstill_bits + 1)
        with m.If(self.progress | ~self._has_program()):
            m.d.sync += count.eq(0)
        with m.Else():
            m.d.sync += count.eq(count + 1)
        return count[-1]
