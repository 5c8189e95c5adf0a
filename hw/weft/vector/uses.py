"""What a VECTOR uses: its operands, and the buffer rows that a row of their elements takes."""

from collections.abc import Mapping

from amaranth.hdl import Cat, Mux, Value, ValueLike
from amaranth.lib import data

from ..isa.codes import (
    Bias,
    Format,
    Function,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    XSource,
    YSource,
)

# Formats of x, y and the destination.
ELEMENTS = (Format.INT8, Format.UINT8, Format.INT16, Format.INT32)
WIDTHS = tuple(sorted({number.width for number in ELEMENTS}))


def by_width(number: Value, values: Mapping[int, ValueLike]) -> Value:
    """Return the value of the width of a format, from one value per width."""
    narrow = Mux(number == Format.INT16, values[16], values[8])
    return Mux(number == Format.INT32, values[32], narrow)


def uses_layout() -> data.StructLayout:
    """Return the layout of what an instruction uses, one bit each.

    `function`: a function of row scalars, in place of all other stages. `x_buffer`, `x_results`,
    `x_scalar`, `y_buffer`, `y_scalar`: sources of x and y. `subtract`, `scale`: row scalars.
    `parameters`: a parameter row. `lanes`: a reduction over lanes. `reduce`: a row scalar is
    written. `destination`: rows are written.
    """
    return data.StructLayout(
        {
            name: 1
            for name in (
                *("function", "x_buffer", "x_results", "x_scalar", "y_buffer", "y_scalar"),
                *("subtract", "scale", "parameters", "lanes", "reduce", "destination"),
            )
        }
    )


def uses_of(instruction: data.View) -> dict[str, Value]:
    """Return what an instruction uses, by the names of `uses_layout`."""
    i = instruction
    function = i.function != Function.NONE
    scales = ~function & (i.rounding != Rounding.NONE)
    channels = [
        i.bias == Bias.CHANNEL,
        i.y_source == YSource.PARAMETERS,
        (i.rounding != Rounding.NONE) & (i.scale_source == ScaleSource.CHANNEL),
    ]
    lanes = (i.reduce == Reduce.LANES_MAX) | (i.reduce == Reduce.LANES_SUM)
    return {
        "function": function,
        "x_buffer": i.x_source == XSource.BUFFER,
        "x_results": i.x_source == XSource.RESULTS,
        "x_scalar": i.x_source == XSource.SCALARS,
        "y_buffer": ~function & (i.y_source == YSource.BUFFER),
        "y_scalar": ~function & (i.y_source == YSource.SCALARS),
        "subtract": ~function & (i.subtrahend == Subtrahend.SCALAR),
        "scale": scales & (i.scale_source == ScaleSource.SCALAR),
        "parameters": ~function & Cat(*channels).any(),
        "lanes": lanes,
        "reduce": function | lanes,
        "destination": i.write,
    }
