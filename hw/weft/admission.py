"""Admission: which activation row enters the array, when, and whether it may."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .begun import BegunRows
from .config import MatrixUnitConfig
from .hierarchy import instantiate
from .layouts import Activity, Error, activation_layout, row_control_layout

# Rows whose lanes are on their way past the gate: one at it, one before and one behind it.
LANE_SLOTS = 4


def gate_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """What the gate keeps of a row, beside whether it switches and whether its number is legal."""
    flags = {name: 1 for name in ("first", "last", "end")}
    return data.StructLayout({**flags, "row": config.address_width})


class Admission(wiring.Component):
    """Let a row into the array once its tile of weights is complete and its result has a place.

    A row that carries `last` takes one of `credits` places in the result buffer, which `released`
    gives back. Nothing behind this point ever stalls. Every decision is made on registered
    state, so that no port of the unit depends on another within a cycle.

    A row that cannot be computed rightly is dropped and its error reported: its tile of weights
    was broken or never came, its accumulator row does not exist, or it would be added to a sum
    that was never begun. A dropped row ends the sum that it was part of, so that no wrong sum can
    come out later. The switch that it carried takes place all the same.

    Only the control of a row is held at the gate. Its lanes, which are many wires, go through a
    memory of a few rows and are read a cycle after the row was let in, so that no decision has to
    reach them within a cycle.

    Latency 3 cycles from `activations` to `lanes`, `switch` and `control` when nothing is waited
    for, of which `issue_latency` from the cycle in which the row is let in.

    Members
    -------
    activations : stream of activation_layout(config)
    tile_complete, tile_broken, tile_started, tile_transferring : 1 bit in, from the WeightLoader
    take : 1 bit out. If a tile is complete, it is switched to.
    released : 1 bit in. The result buffer has one place more.
    lanes, switch : the row for the west edge of the array
    control : row_control_layout(config), for the accumulators. Where no row is admitted `valid`,
        `last` and `end` are zero, and the rest and `lanes` mean nothing.
    activity : Activity of this cycle
    errors : Error out, for one cycle
    """

    latency = 3
    issue_latency = 2

    def __init__(self, config: MatrixUnitConfig, credits: int):
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
                "switch": Out(1),
                "control": Out(row_control_layout(config)),
                "activity": Out(Activity),
                "errors": Out(Error),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth = self.config.accumulator_depth

        # The row at the gate: one that switches, or one that stays with the tile in use.
        switching = Signal()
        staying = Signal()
        waiting = Signal()
        row = Signal(gate_layout(self.config))
        in_range = Signal()
        advance = Signal()
        offered = self.activations.payload
        m.d.comb += [
            waiting.eq(switching | staying),
            self.activations.ready.eq(~waiting | advance),
        ]
        with m.If(self.activations.ready):
            m.d.sync += [
                switching.eq(self.activations.valid & offered.switch),
                staying.eq(self.activations.valid & ~offered.switch),
                *[row[name].eq(offered[name]) for name, _ in row.shape()],
                in_range.eq(offered.row < depth),
            ]

        # One less than the places left, so that its sign alone says that there is none.
        spare = Signal(range(-1, self.credits), init=self.credits - 1)
        has_room = Signal()
        m.d.comb += [
            has_room.eq(~row.last | ~spare[-1]),
            advance.eq((staying | (switching & self.tile_complete)) & has_room),
            self.take.eq(switching & has_room),
        ]

        # May it be computed?
        tile_in_use = Signal()
        tile_good = Signal()
        admitted = Signal()
        begun = instantiate(m, "begun_rows", platform, BegunRows, self.config)
        m.d.comb += [
            begun.look.eq(self.activations.ready),
            begun.row.eq(offered.row),
            tile_good.eq(Mux(switching, ~self.tile_broken, tile_in_use)),
            admitted.eq(advance & tile_good & in_range & (row.first | begun.begun)),
            begun.change.eq(advance & in_range),
            begun.value.eq(tile_good & ~row.last & (row.first | begun.begun)),
        ]
        with m.If(advance):
            m.d.sync += tile_in_use.eq(tile_good)
            m.d.comb += self.errors.eq(
                Cat(
                    *[0, 0],
                    ~tile_good,
                    ~in_range,
                    tile_good & in_range & ~row.first & ~begun.begun,
                )
            )

        # A dropped row's place is given back a cycle late: whether it is dropped is known late.
        control = Signal.like(self.control)
        place_taken = Signal()
        m.d.sync += [
            place_taken.eq(advance & row.last),
            spare.eq(spare - (advance & row.last) + self.released + (place_taken & ~control.valid)),
        ]

        # What marks a row as one is gated; the rest means nothing without it.
        switch = Signal()
        m.d.sync += [
            switch.eq(self.take & self.tile_complete),
            control.valid.eq(admitted),
            control.first.eq(row.first),
            control.last.eq(admitted & row.last),
            control.end.eq(admitted & row.end),
            control.row.eq(row.row),
            self.switch.eq(switch),
            self.control.eq(control),
        ]
        self._pass_lanes(m, self.activations.valid & self.activations.ready, advance)

        with m.If(advance):
            m.d.comb += self.activity.eq(Activity.COMPUTING)
        with m.Elif(switching & ~self.tile_complete):
            with m.If(self.tile_transferring):
                m.d.comb += self.activity.eq(Activity.LOADING_WEIGHTS)
            with m.Else():
                m.d.comb += self.activity.eq(Activity.WAITING_FOR_WEIGHTS)
        with m.Elif(waiting):
            m.d.comb += self.activity.eq(Activity.WAITING_FOR_ROOM)
        with m.Elif(self.tile_started | begun.unfinished):
            m.d.comb += self.activity.eq(Activity.WAITING_FOR_ACTIVATIONS)
        return m

    def _pass_lanes(self, m: Module, taken, advance) -> None:
        """Write the lanes of a row that is taken, and read them once it advances."""
        lanes = Signal(self.lanes.shape(), reset_less=True)
        writes = Signal()
        write_slot = Signal(range(LANE_SLOTS))
        read_slot = Signal(range(LANE_SLOTS))
        advanced = Signal()
        m.submodules.rows = memory = Memory(shape=lanes.shape(), depth=LANE_SLOTS, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.sync += [
            lanes.eq(self.activations.payload.lanes),
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
            self.lanes.eq(read.data),
        ]
