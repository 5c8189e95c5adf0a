"""LaneReduce: the sum or the maximum of all lanes of all beats of a window."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..blocks.lanes import Lanes
from ..blocks.registers import registered
from ..hierarchy import instantiate
from .beats import WORD
from .reduction import identity, reduced

FLAGS = ("first", "last")


def lane_reduce_layout(lanes: int) -> data.StructLayout:
    """Return the layout of a beat: its place in its window, its elements, and which are valid."""
    return data.StructLayout(
        {**dict.fromkeys(FLAGS, 1), "valid": lanes, "values": Lanes(WORD, lanes)}
    )


class LaneReduce(wiring.Component):
    """Reduce the lanes of a beat in a tree, and the beats of a window one after the other.

    Lanes that are not valid do not change the result, and neither does a beat without valid lanes.
    A window of no valid lanes at all gives the identity: 0, or -2**31.

    Latency `latency_of(lanes)` cycles from the last beat of a window to its result: a register of
    the masked lanes, one for each level of the tree, and the accumulator. A beat per cycle, also
    from one window to the next; never stalls.

    Parameters
    ----------
    lanes : int

    Members
    -------
    maximum : 1 bit in. Take the maximum; otherwise the sum modulo 2**32. Static while there are
        beats of its instruction inside.
    beats : stream of lane_reduce_layout(lanes) in
    results : stream of signed(32) out
    """

    def __init__(self, *, lanes: int):
        self.lanes = lanes
        super().__init__(
            {
                "maximum": In(1),
                "beats": In(stream.Signature(lane_reduce_layout(lanes), always_ready=True)),
                "results": Out(stream.Signature(WORD, always_ready=True)),
            }
        )

    @staticmethod
    def latency_of(lanes: int) -> int:
        """Return the cycles from the last beat of a window to its result."""
        return 1 + _levels(lanes) + 1

    def elaborate(self, platform):
        m = Module()
        beat = self.beats.payload
        total = self._tree(m)
        flags = instantiate(
            m,
            "flags",
            platform,
            DelayLine,
            width=1 + len(FLAGS),
            cycles=self.latency_of(self.lanes) - 1,
            reset=True,
        )
        m.d.comb += flags.i.eq(Cat(self.beats.valid, *[beat[name] for name in FLAGS]))
        valid, first, last = flags.o
        sum_ = Signal(WORD, reset_less=True)
        both = reduced(m, sum_, total, maximum=self.maximum, name="both")
        with m.If(valid):
            m.d.sync += sum_.eq(Mux(first, total, both))
        m.d.sync += self.results.valid.eq(valid & last)
        m.d.comb += self.results.payload.eq(sum_)
        return m

    def _tree(self, m: Module) -> Value:
        """Return the reduced lanes of a beat; an odd lane passes a level unchanged."""
        beat = self.beats.payload
        level = [
            Mux(beat.valid[n], beat.values[n], identity(self.maximum)) for n in range(self.lanes)
        ]
        level = _registered(m, level, "masked")
        for depth in range(_levels(self.lanes)):
            name = f"level_{depth}"
            pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
            level = _registered(
                m,
                [
                    reduced(m, *pair, maximum=self.maximum, name=f"{name}_pair_{index}")
                    if len(pair) == 2
                    else pair[0]
                    for index, pair in enumerate(pairs)
                ],
                name,
            )
        return level[0]


def _levels(lanes: int) -> int:
    return (lanes - 1).bit_length()


def _registered(m: Module, numbers: list[Value], name: str) -> list[Value]:
    return [
        registered(m, number, stages=range(1), name=f"{name}_{index}")
        for index, number in enumerate(numbers)
    ]
