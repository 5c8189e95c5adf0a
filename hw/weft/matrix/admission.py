"""Admission: when an activation row enters the array, and whether its result counts."""

from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..hierarchy import instantiate
from .config import MatrixUnitConfig
from .layouts import Activity, Error, array_row_layout, row_control_layout
from .row_check import RowCheck
from .row_spacing import RowSpacing

# Slots of the lane memory: at most one row is at the gate, one in front of it and one behind it. A
# power of two, so that slot numbers wrap.
LANE_SLOTS = 4


def gate_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of a row at the gate, without `switch` and the check of its number."""
    members = row_control_layout(config).members
    return data.StructLayout({name: members[name] for name in members if name != "valid"})


class _Gate(NamedTuple):
    """The row at the gate: `waiting` if there is one, and then `switching` or `staying`."""

    switching: Signal
    staying: Signal
    waiting: Signal
    row: data.View
    in_range: Signal


class Admission(wiring.Component):
    """Let a row into the array once its tile of weights is complete and its result has a place.

    With `spacing`, a row also waits until it is far enough behind the one whose sum it needs. A row
    that carries `last` takes one of `credits` places in the result buffer; `released` returns
    a place. Nothing after this point ever stalls. Every decision uses registered state, so that no
    output of the unit depends on an input within a cycle.

    RowCheck checks each admitted row while its lanes are on their way to the array. A dropped row
    still enters the array and still switches tiles if it carries `switch`; only its control is
    cleared.

    The gate holds only the control of a row. The lanes, which are many wires, wait in a memory of a
    few rows and are read one cycle after the row is admitted, so that no decision has to reach them
    within a cycle.

    Latency 3 cycles from `activations` to `lanes` and `switch` if the row does not wait. From the
    cycle in which the row is admitted, `issue_latency` to `lanes` and `switch`, `control_latency`
    to `control` and `errors`, and `activity_latency` to `activity`.

    Parameters
    ----------
    config : MatrixUnitConfig
    credits : int
        Places in the result buffer.
    spacing : int
        Least cycles between a row and the next one that is added to the same sum; see RowSpacing.

    Members
    -------
    activations : stream of array_row_layout(config)
    tile_complete, tile_broken, tile_started, tile_transferring : 1 bit in, from the WeightLoader
    take : 1 bit out. Switch to the waiting tile in this cycle if it is complete.
    released : 1 bit in. A place in the result buffer became free; a row can use it `credit_latency`
        cycles later.
    lanes, switch : the row for the west edge of the array, out
    parities : R bits out, only with checksums. The parity of each lane, computed at the input.
    control : row_control_layout(config) out, for the accumulators. If no row is admitted, `valid`,
        `last` and `end` are zero, and the other fields and `lanes` are meaningless.
    activity : Activity out
    errors : Error out, for one cycle
    """

    latency = 3
    issue_latency = 2
    control_latency = RowCheck.latency
    activity_latency = RowCheck.unfinished_latency
    # From `released` to the admission of the row that uses the place.
    credit_latency = 2

    def __init__(self, *, config: MatrixUnitConfig, credits: int, spacing: int = 1):
        self.config = config
        self.credits = credits
        self.spacing = spacing
        layout = array_row_layout(config)
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
        ready = has_room
        too_soon = Const(0)
        if self.spacing > 1:
            too_soon = self._space(m, platform, gate, advance)
            ready = has_room & ~too_soon
        m.d.comb += [
            self.activations.ready.eq(~gate.waiting | advance),
            advance.eq((gate.staying | (gate.switching & self.tile_complete)) & ready),
            self.take.eq(gate.switching & ready),
        ]
        unfinished = self._check_row(m, platform, gate, advance, dropped)

        switch = Signal()
        m.d.sync += [switch.eq(self.take & self.tile_complete), self.switch.eq(switch)]
        self._pass_lanes(m, self.activations.valid & self.activations.ready, advance)
        self._report_activity(m, platform, gate, advance, too_soon, unfinished)
        return m

    def _take_rows(self, m: Module) -> _Gate:
        """Accept rows; return the gate. A row switches tiles or stays with the tile in use."""
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
        """Return whether the row at the gate has no result, or a place for it is free."""
        # Free places minus one, so that the sign bit alone shows that there is none.
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

    def _space(self, m: Module, platform, gate: _Gate, advance: Signal) -> Value:
        """Return whether the sum that the row at the gate is added to is not known soon enough."""
        offered = self.activations.payload
        spacing = instantiate(
            m,
            "row_spacing",
            platform,
            RowSpacing,
            cycles=self.spacing,
            row_width=self.config.address_width,
        )
        m.d.comb += [
            spacing.taken.eq(self.activations.ready),
            # A row that does not exist has no sum.
            spacing.row.eq(offered.row),
            spacing.adds.eq(~offered.first & (offered.row < self.config.accumulator_depth)),
            spacing.advance.eq(advance),
            spacing.advancing_row.eq(gate.row.row),
            spacing.stays.eq(~gate.row.last & gate.in_range),
        ]
        return spacing.too_soon

    def _check_row(
        self, m: Module, platform, gate: _Gate, advance: Signal, dropped: Signal
    ) -> Signal:
        """Pass the advancing row to RowCheck; return whether a sum is unfinished."""
        # The row uses the tile that it switches to, or else the tile in use; that one must be good.
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

    def _report_activity(
        self,
        m: Module,
        platform,
        gate: _Gate,
        advance: Signal,
        too_soon: Value,
        unfinished: Signal,
    ) -> None:
        """Report the activity, delayed until it is known whether a sum is unfinished."""
        activity_now = Signal(Activity)
        with m.If(advance):
            m.d.comb += activity_now.eq(Activity.COMPUTING)
        with m.Elif(gate.switching & ~self.tile_complete):
            with m.If(self.tile_transferring):
                m.d.comb += activity_now.eq(Activity.LOADING_WEIGHTS)
            with m.Else():
                m.d.comb += activity_now.eq(Activity.WAITING_FOR_WEIGHTS)
        with m.Elif(gate.waiting & too_soon):
            m.d.comb += activity_now.eq(Activity.WAITING_FOR_SUM)
        with m.Elif(gate.waiting):
            m.d.comb += activity_now.eq(Activity.WAITING_FOR_ROOM)
        with m.Elif(self.tile_started):
            m.d.comb += activity_now.eq(Activity.WAITING_FOR_ACTIVATIONS)
        wait = instantiate(
            m,
            "activity_delay",
            platform,
            DelayLine,
            width=Shape.cast(Activity).width,
            cycles=self.activity_latency,
            reset=True,
        )
        m.d.comb += [wait.i.eq(activity_now), self.activity.eq(wait.o)]
        with m.If((wait.o == Activity.IDLE) & unfinished):
            m.d.comb += self.activity.eq(Activity.WAITING_FOR_ACTIVATIONS)

    def _pass_lanes(self, m: Module, taken: Value, advance: Signal) -> None:
        """Write the lanes of a row when it is taken, and read them when it advances."""
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
