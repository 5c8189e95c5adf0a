"""Admission: which activation row enters the array, when, and whether it may."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .config import MatrixUnitConfig
from .layouts import Activity, Error, activation_layout, row_control_layout


class Admission(wiring.Component):
    """Let a row into the array once its tile of weights is complete and its result has a place.

    A row that carries `last` takes one of `credits` places in the result buffer, which `released`
    gives back. Nothing behind this point ever stalls. Every decision is made on registered
    state, so that no port of the unit depends on another within a cycle.

    A row that cannot be computed rightly is dropped and its error reported: its tile of weights
    was broken or never came, its accumulator row does not exist, or it would be added to a sum
    that was never begun. A dropped row ends the sum that it was part of, so that no wrong sum can
    come out later. The switch that it carried takes place all the same.

    Latency 2 cycles from `activations` to `lanes`, `switch` and `control` when nothing is waited
    for.

    Members
    -------
    activations : stream of activation_layout(config)
    tile_complete, tile_broken, tile_started, tile_transferring : 1 bit in, from the WeightLoader
    take : 1 bit out. The waiting tile is switched to.
    released : 1 bit in. The result buffer has one place more.
    lanes, switch : the row for the west edge of the array; zeros where there is none
    control : row_control_layout(config), for the accumulators
    activity : Activity of this cycle
    errors : Error out, for one cycle
    """

    latency = 2

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

        # The row at the gate.
        waiting = Signal()
        row = Signal(activation_layout(self.config))
        advance = Signal()
        m.d.comb += self.activations.ready.eq(~waiting | advance)
        with m.If(self.activations.ready):
            m.d.sync += waiting.eq(self.activations.valid)
            m.d.sync += row.eq(self.activations.payload)

        credit = Signal(range(self.credits + 1), init=self.credits)
        has_tile = Signal()
        has_room = Signal()
        m.d.comb += [
            has_tile.eq(~row.switch | self.tile_complete),
            has_room.eq(~row.last | (credit != 0)),
            advance.eq(waiting & has_tile & has_room),
            self.take.eq(advance & row.switch),
        ]

        # May it be computed?
        tile_in_use = Signal()
        tile_good = Signal()
        begun = Signal(depth)
        row_is_begun = Signal()
        in_range = Signal()
        admitted = Signal()
        m.d.comb += [
            tile_good.eq(Mux(row.switch, ~self.tile_broken, tile_in_use)),
            in_range.eq(row.row < depth),
            row_is_begun.eq(begun.bit_select(row.row, 1)),
            admitted.eq(advance & tile_good & in_range & (row.first | row_is_begun)),
        ]
        with m.If(advance):
            m.d.sync += tile_in_use.eq(tile_good)
            m.d.comb += self.errors.eq(
                Cat(
                    *[0, 0],
                    ~tile_good,
                    ~in_range,
                    tile_good & in_range & ~row.first & ~row_is_begun,
                )
            )
            this_row = Signal(depth)
            m.d.comb += this_row.eq(1 << row.row)
            with m.If(admitted & ~row.last):
                m.d.sync += begun.eq(begun | this_row)
            with m.Else():
                m.d.sync += begun.eq(begun & ~this_row)

        m.d.sync += credit.eq(credit - (admitted & row.last) + self.released)

        m.d.sync += [
            self.switch.eq(self.take),
            self.lanes.eq(Mux(admitted, row.lanes.as_value(), 0)),
            self.control.eq(0),
        ]
        with m.If(admitted):
            m.d.sync += [
                self.control.valid.eq(1),
                self.control.first.eq(row.first),
                self.control.last.eq(row.last),
                self.control.end.eq(row.end),
                self.control.row.eq(row.row),
            ]

        with m.If(advance):
            m.d.comb += self.activity.eq(Activity.COMPUTING)
        with m.Elif(waiting & ~has_tile):
            with m.If(self.tile_transferring):
                m.d.comb += self.activity.eq(Activity.LOADING_WEIGHTS)
            with m.Else():
                m.d.comb += self.activity.eq(Activity.WAITING_FOR_WEIGHTS)
        with m.Elif(waiting):
            m.d.comb += self.activity.eq(Activity.WAITING_FOR_ROOM)
        with m.Elif(self.tile_started | begun.any()):
            m.d.comb += self.activity.eq(Activity.WAITING_FOR_ACTIVATIONS)
        return m
