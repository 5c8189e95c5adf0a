"""VectorLanes: the lanes of a vector unit, in lockstep."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..hierarchy import instantiate, numbers_below
from ..isa.codes import Format
from .beats import WORD, beat_layout, pass_layout, table_write_layout
from .lane import Lane
from .significand import RoundedSignificand

INTEGERS = (Format.INT8, Format.UINT8, Format.INT16, Format.UINT16, Format.INT32)


class VectorLanes(wiring.Component):
    """V lanes: from elements of x and y to the values that are reduced or written.

    A result comes exactly `latency` cycles after its beat, one beat per cycle. Never stalls.
    `error` is high two cycles after a beat with a wrong multiplier. A word of a table that is
    written in cycle n is found by beats of cycle n + 1 and later.

    `constants` must not change from the first beat of an instruction until its last beat has left.
    Only the lanes read them, each stage in its own cycle: they could as well travel with the beats.

    Parameters
    ----------
    lanes, tables : int
    lane : type
        Component of one lane, with the parameters, members and latency of Lane.
    significand : type
        See Scale.

    Members
    -------
    beats : stream of beat_layout(lanes) in
    constants : pass_layout() in
    results : stream of V x signed(32) out
    table_write : table_write_layout(tables) in. Writes a word to the tables of all lanes.
    error : 1 bit out. In a valid lane, F32 had a multiplier above 2**24 or below -2**24.
    """

    latency = Lane.latency
    error_latency = 2

    def __init__(
        self,
        *,
        lanes: int,
        tables: int,
        lane: type = Lane,
        significand: type = RoundedSignificand,
    ):
        self.lanes = lanes
        self.tables = tables
        self.lane = lane
        self.significand = significand
        super().__init__(
            {
                "beats": In(stream.Signature(beat_layout(lanes), always_ready=True)),
                "constants": In(pass_layout()),
                "results": Out(stream.Signature(Lanes(WORD, lanes), always_ready=True)),
                "table_write": In(table_write_layout(tables)),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat = self.beats.payload
        low, high = self._bounds(m)
        # A register, since the write port of every lane hangs on it.
        write = Signal(self.table_write.shape())
        m.d.sync += write.eq(self.table_write)
        wrong = Signal(self.lanes)
        for number, name in enumerate(numbers_below(self.lanes)):
            lane = instantiate(
                m,
                f"lane_{name}",
                platform,
                self.lane,
                place=(number,),
                tables=self.tables,
                significand=self.significand,
            )
            m.d.comb += [
                *[
                    getattr(lane, field).eq(beat[field][number])
                    for field in ("x", "y", "bias", "multiplier", "shift")
                ],
                lane.subtract.eq(beat.subtract),
                lane.constants.eq(self.constants),
                lane.low.eq(low),
                lane.high.eq(high),
                lane.table_write.eq(write),
                self.results.payload[number].eq(lane.o),
                wrong[number].eq(lane.wrong_multiplier),
            ]
        valid = instantiate(
            m, "valid", platform, DelayLine, width=1, cycles=self.latency, reset=True
        )
        checked = Signal(self.lanes)
        m.d.comb += [valid.i.eq(self.beats.valid), self.results.valid.eq(valid.o)]
        m.d.sync += [
            checked.eq(Mux(self.beats.valid, beat.valid, 0)),
            self.error.eq((checked & wrong).any()),
        ]
        return m

    def _bounds(self, m: Module) -> tuple[Value, Value]:
        """Return the least and the greatest value of a result, registered."""
        constants = self.constants
        least, most = (Signal(WORD, name=name) for name in ("least", "most"))
        with m.Switch(constants.destination_format):
            for number in INTEGERS:
                with m.Case(number):
                    m.d.comb += [least.eq(number.minimum), most.eq(number.maximum)]
        bounds = []
        for name, whole in (("minimum", least), ("maximum", most)):
            bound, given = Signal(WORD, name=f"{name}_bound", reset_less=True), constants[name]
            inside = Mux(given < least, least, Mux(given > most, most, given))
            m.d.sync += bound.eq(Mux(constants.destination_format == Format.INT32, whole, inside))
            bounds.append(bound)
        return bounds[0], bounds[1]
