"""Admission: which activation row enters the array, when, and whether its result counts."""

from typing import NamedTuple

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..hierarchy import instantiate
from .config import MatrixUnitConfig
from .layouts import Activity, Error, activation_layout, row_control_layout
from .row_check import RowCheck

# Rows whose lanes are on their way past the gate: one at it, one before and one behind it.
LANE_SLOTS = 4


def gate_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """What the gate keeps of a row, beside whether it switches and whether its number is legal."""
    members = row_control_layout(config).members
    return data.StructLayout({name: members[name] for name in members if name != "valid"})


class _Gate(NamedTuple):
    """The row at the gate, if one is `waiting`; it is either `switching` or `staying`."""

    switching: Signal
    staying: Signal
    waiting: Signal
    row: data.View
    in_range: Signal


class Admission(wiring.Component):
    """Let a row into the array once its tile of weights is complete and its result has a place.

    A row that carries `last` takes one of `credits` places in the result buffer, which `released`
    gives back. Nothing behind this point ever stalls. Every decision is made on registered
    state, so that no port of the unit depends on another within a cycle.

    Whether a row can be computed rightly is seen behind the gate, by RowCheck, while its lanes are
    on their way: a row that is dropped enters the array all the same, and only its control goes.
    The switch that it carried takes place.

    Only the control of a row is held at the gate. Its lanes, which are many wires, go through a
    memory of a few rows and are read a cycle after the row was let in, so that no decision has to
    reach them within a cycle.

    Latency 3 cycles from `activations` to `lanes` and `switch` when nothing is waited for, of which
    `issue_latency` from the cycle in which the row is let in; from that cycle, `control_latency` to
    `control` and `errors`, and `activity_latency` to `activity`.

    Parameters
    ----------
    config : MatrixUnitConfig
    credits : int
        Places of the result buffer.

    Members
    -------
    activations : stream of activation_layout(config)
    tile_complete, tile_broken, tile_started, tile_transferring : 1 bit in, from the WeightLoader
    take : 1 bit out. If a tile is complete, it is switched to.
    released : 1 bit in. The result buffer has one place more; a row can have it 2 cycles later.
    lanes, switch : the row for the west edge of the array
    parities : R bits out, only with checksums. The parity of each of the lanes, as it came.
    control : row_control_layout(config), for the accumulators. Where no row is admitted `valid`,
        `last` and `end` are zero, and the rest and `lanes` mean nothing.
    activity : Activity out
    errors : Error out, for one cycle
    """

    latency = 3
    issue_latency = 2
    control_latency = RowCheck.latency
    activity_latency = RowCheck.unfinished_latency

    def __init__(self, *, config: MatrixUnitConfig, credits: int):
        self.config = config
        self.credits = credits
        layout = activation_layout(config)
        super().__init__(
            {
                "activations": In(stream.Signature(layout)),
                "tile_complete": In(1),
                "tile_broken": In(1),
                "tile_started": In(1),
                "tile_transferring": In(1),
                "take": Out(1),
                "released": In(1),
                "lanes": Out(layout["lanes"].shape),
                **({"parities": Out(config.rows)} if config.checksum else {}),
                "switch": Out(1),
                "control": Out(row_control_layout(config)),
                "activity": Out(Activity),
                "errors": Out(Error),
            }
        )

    def elaborate(self, platform):
        m = Module()
        gate = self._take_rows(m)
        advance = Signal()
        dropped = Signal()
        has_room = self._count_places(m, gate.row.last, advance, dropped)
        m.d.comb += [
            self.activations.ready.eq(~gate.waiting | advance),
            advance.eq((gate.staying | (gate.switching & self.tile_complete)) & has_room),
            self.take.eq(gate.switching & has_room),
        ]
        unfinished = self._check_row(m, platform, gate, advance, dropped)

        switch = Signal()
        m.d.sync += [switch.eq(self.take & self.tile_complete), self.switch.eq(switch)]
        self._pass_lanes(m, self.activations.valid & self.activations.ready, advance)
        self._tell_activity(m, platform, gate, advance, unfinished)
        return m

    def _take_rows(self, m: Module) -> _Gate:
        """The row at the gate: one that switches, or one that stays with the tile in use."""
        switching = Signal()
        staying = Signal()
        waiting = Signal()
        row = Signal(gate_layout(self.config))
        in_range = Signal()
        offered = self.activations.payload
        m.d.comb += waiting.eq(switching | staying)
        with m.If(self.activations.ready):
            m.d.sync += [
                switching.eq(self.activations.valid & offered.switch),
                staying.eq(self.activations.valid & ~offered.switch),
                *[row[name].eq(offered[name]) for name, _ in row.shape()],
                in_range.eq(offered.row < self.config.accumulator_depth),
            ]
        return _Gate(switching, staying, waiting, row, in_range)

    def _count_places(self, m: Module, last: Value, advance: Signal, dropped: Signal) -> Signal:
        """Whether there is a place for the result of the row at the gate, if it has one."""
        # One less than the places left, so that its sign alone says that there is none.
        spare = Signal(range(-1, self.credits), init=self.credits - 1)
        has_room = Signal()
        returned = Signal(range(3))
        change = Signal(range(-1, 3))
        m.d.sync += [returned.eq(self.released + dropped), spare.eq(spare + change)]
        m.d.comb += [
            has_room.eq(~last | ~spare[-1]),
            change.eq(returned - (advance & last)),
        ]
        return has_room

    def _check_row(
        self, m: Module, platform, gate: _Gate, advance: Signal, dropped: Signal
    ) -> Signal:
        """Send the row that advances to the check; whether a sum is unfinished."""
        # The tile that it meets is good, if the one in use is, or the one that it switches to.
        tile_in_use = Signal()
        tile_good = Signal()
        check = instantiate(m, "row_check", platform, RowCheck, config=self.config)
        m.d.comb += [
            tile_good.eq(Mux(gate.switching, ~self.tile_broken, tile_in_use)),
            check.row.valid.eq(advance),
            check.row.good_tile.eq(tile_good),
            check.row.in_range.eq(gate.in_range),
            *[check.row[name].eq(gate.row[name]) for name, _ in gate.row.shape()],
            self.control.eq(check.control),
            self.errors.eq(check.errors),
            dropped.eq(check.dropped),
        ]
        with m.If(advance):
            m.d.sync += tile_in_use.eq(tile_good)
        return check.unfinished

    def _tell_activity(
        self, m: Module, platform, gate: _Gate, advance: Signal, unfinished: Signal
    ) -> None:
        """How the cycle is spent, once it is known whether earlier rows left a sum unfinished."""
        activity_now = Signal(Activity)
        with m.If(advance):
            m.d.comb += activity_now.eq(Activity.COMPUTING)
        with m.Elif(gate.switching & ~self.tile_complete):
            with m.If(self.tile_transferring):
                m.d.comb += activity_now.eq(Activity.LOADING_WEIGHTS)
            with m.Else():
                m.d.comb += activity_now.eq(Activity.WAITING_FOR_WEIGHTS)
        with m.Elif(gate.waiting):
            m.d.comb += activity_now.eq(Activity.WAITING_FOR_ROOM)
        with m.Elif(self.tile_started):
            m.d.comb += activity_now.eq(Activity.WAITING_FOR_ACTIVATIONS)
        wait = instantiate(
            *(m, "activity_delay", platform, DelayLine),
            width=Shape.cast(Activity).width,
            cycles=self.activity_latency,
            reset=True,
        )
        m.d.comb += [wait.i.eq(activity_now), self.activity.eq(wait.o)]
        with m.If((wait.o == Activity.IDLE) & unfinished):
            m.d.comb += self.activity.eq(Activity.WAITING_FOR_ACTIVATIONS)

    def _pass_lanes(self, m: Module, taken: Value, advance: Signal) -> None:
        """Write the lanes of a row that is taken, and read them once it advances."""
        offered = self.activations.payload.lanes
        stored, shown = offered.as_value(), self.lanes.as_value()
        if self.config.checksum:
            stored = Cat(stored, *(lane.xor() for lane in offered))
            shown = Cat(shown, self.parities)
        lanes = Signal(len(stored), reset_less=True)
        writes = Signal()
        write_slot = Signal(range(LANE_SLOTS))
        read_slot = Signal(range(LANE_SLOTS))
        advanced = Signal()
        m.submodules.rows = memory = Memory(shape=lanes.shape(), depth=LANE_SLOTS, init=[])
        write = memory.write_port()
        read = memory.read_port()
        m.d.sync += [
            lanes.eq(stored),
            writes.eq(taken),
            write_slot.eq(write_slot + writes),
            advanced.eq(advance),
            read_slot.eq(read_slot + advanced),
        ]
        m.d.comb += [
            write.en.eq(writes),
            write.addr.eq(write_slot),
            write.data.eq(lanes),
            read.addr.eq(read_slot),
            shown.eq(read.data),
        ]
