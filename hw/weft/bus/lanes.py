"""Convert between byte-wide lanes, as in numpy, and lanes of the width of a format."""

from amaranth.hdl import Cat, Value
from amaranth.lib import data

from ..formats import IntegerFormat, NumberFormat


def narrow(lanes: Value, number: IntegerFormat) -> Value:
    """Return lanes of a format from byte-wide lanes; bits above its width are ignored."""
    step = number.lane_width
    if step == number.width:
        return lanes
    return Cat(*[lanes[at : at + number.width] for at in range(0, len(lanes), step)])


def widen(lanes: data.View, number: NumberFormat) -> Value:
    """Return byte-wide lanes from lanes of a format; signed integers are sign extended."""
    extend = number.lane_width - number.width
    if extend == 0:
        return lanes.as_value()
    return Cat(*[Cat(lane, lane[-1].replicate(extend)) for lane in lanes])
