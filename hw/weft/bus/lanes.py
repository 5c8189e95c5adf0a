"""Lanes as numpy has them, in whole bytes, and as the unit has them, in the width of a format."""

from amaranth.hdl import Cat, Value
from amaranth.lib import data

from ..formats import IntegerFormat


def narrow(lanes: Value, number: IntegerFormat) -> Value:
    """Lanes of a format out of byte-wide lanes; bits above the format's are left out."""
    step = number.lane_width
    if step == number.width:
        return lanes
    return Cat(*[lanes[at : at + number.width] for at in range(0, len(lanes), step)])


def widen(lanes: data.View, number: IntegerFormat) -> Value:
    """Byte-wide lanes out of lanes of a signed format."""
    extend = number.lane_width - number.width
    if extend == 0:
        return lanes.as_value()
    return Cat(*[Cat(lane, lane[-1].replicate(extend)) for lane in lanes])
