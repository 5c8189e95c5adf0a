"""VECTOR in plain Python, one element at a time: a second definition, to compare with."""

import itertools
from fractions import Fraction

from weft.isa.codes import (
    Combine,
    Format,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction
from weft_model.core.state import CoreState


def wrap(value: int, bits: int = 32) -> int:
    """Return the value modulo 2**bits, signed."""
    half = 1 << (bits - 1)
    return (value + half) % (2 * half) - half


def to_float32(value: Fraction) -> Fraction:
    """Return the nearest number with 24 significant bits, ties to even."""
    if value == 0:
        return value
    exponent = 0
    while abs(value) / Fraction(2) ** exponent >= 1 << 24:
        exponent += 1
    while abs(value) / Fraction(2) ** exponent < 1 << 23:
        exponent -= 1
    return Fraction(round(value / Fraction(2) ** exponent)) * Fraction(2) ** exponent


def plain_scale(rounding: Rounding, x: int, multiplier: int, shift: int) -> int:
    """Return a scaled integer in Python's own integers and fractions."""
    if rounding == Rounding.NONE:
        return x
    if rounding == Rounding.F32:
        # Python rounds a fraction to the nearest integer, ties to even.
        scale = to_float32(Fraction(multiplier, 1 << shift))
        return round(to_float32(to_float32(Fraction(x)) * scale))
    total = x * multiplier + (1 << shift >> 1)
    if rounding == Rounding.DOUBLE and shift > 31:
        total += (1 << 30) if x >= 0 else -(1 << 30)
    return total >> shift


def element(state: CoreState, row: int, lane: int, number: Format) -> int:
    """Return an element of a row that begins at a buffer row."""
    size = number.width // 8
    place = row * state.needs.row_bytes + lane * size
    data = bytes(state.buffer.reshape(-1)[place : place + size])
    return int.from_bytes(data, "little", signed=number.signed)


def write_element(state: CoreState, row: int, lane: int, number: Format, value: int) -> None:
    """Write an element, saturated to its format."""
    size = number.width // 8
    place = row * state.needs.row_bytes + lane * size
    kept = min(max(value, number.minimum), number.maximum)
    data = kept.to_bytes(size, "little", signed=number.signed)
    state.buffer.reshape(-1)[place : place + size] = list(data)


def plain_vector(state: CoreState, i: Instruction) -> None:
    """Execute a VECTOR that has no function."""
    loops = [range(i[f"{loop}_count"]) for loop in ("outer", "middle", "inner")]
    for steps in itertools.product(*loops):
        _output_row(state, i, steps)


def _at(i: Instruction, start: str, strides: str, steps: tuple[int, ...]) -> int:
    names = (f"{strides}_{loop}" for loop in ("outer", "middle", "inner"))
    return i[start] + sum(i[name] * step for name, step in zip(names, steps, strict=True))


def _output_row(state: CoreState, i: Instruction, steps: tuple[int, ...]) -> None:
    lanes = range(state.needs.lanes)
    window = []
    for a, b in itertools.product(range(i["reduce_outer_count"]), range(i["reduce_inner_count"])):
        row = _at(i, "x_row", "x", steps) + a * i["x_reduce_outer"] + b * i["x_reduce_inner"]
        drained = None
        if i["x_source"] == XSource.RESULTS:
            drained = state.results.pop(1)[0]
        window.append([_element(state, i, steps, row, drained, lane) for lane in lanes])
    _finish(state, i, steps, window)


def _element(state: CoreState, i: Instruction, steps, row: int, drained, lane: int) -> int:
    """Return an element after all stages in front of the reduction."""
    if drained is not None:
        x = int(drained[lane])
    elif i["x_source"] == XSource.SCALARS:
        x = int(state.scalars[row, 0])
    else:
        x = element(state, row, lane, Format(i["x_format"]))
    if i["subtrahend"] == Subtrahend.SCALAR:
        x = wrap(x - int(state.scalars[_at(i, "subtract_scalar", "scalar", steps), 0]))
    else:
        x = wrap(x - i["x_zero_point"])
    x = _table(state, i["x_table"], x)
    bias, multiplier, last = map(
        int, state.parameters[i["parameters"] + steps[0] * i["parameter_stride"], lane]
    )
    if i["y_source"] != YSource.NONE:
        x = _combined(i, x, _y(state, i, steps, lane, operand=last >> 16))
    x = wrap(x + bias) if i["bias"] else x
    shift = last & 63
    if i["scale_source"] == ScaleSource.INSTRUCTION:
        multiplier, shift = i["multiplier"], i["shift"]
    elif i["scale_source"] == ScaleSource.SCALAR:
        pair = state.scalars[_at(i, "scale_scalar", "scalar", steps)]
        multiplier, shift = int(pair[0]), int(pair[1]) & 63
    x = plain_scale(Rounding(i["rounding"]), x, multiplier, shift) + i["output_offset"]
    number = Format(i["destination_format"])
    if number != Format.INT32:
        x = min(max(x, i["minimum"]), i["maximum"])
    return _table(state, i["output_table"], min(max(x, number.minimum), number.maximum))


def _table(state: CoreState, number: int, value: int) -> int:
    return int(state.tables[number - 1, value % 256]) if number else value


def _y(state: CoreState, i: Instruction, steps, lane: int, *, operand: int) -> int:
    row = _at(i, "y_row", "y", steps)
    if i["y_source"] == YSource.BUFFER:
        y = element(state, row, lane, Format(i["y_format"]))
    elif i["y_source"] == YSource.PARAMETERS:
        y = operand
    elif i["y_source"] == YSource.SCALARS:
        y = int(state.scalars[row, 0])
    else:
        y = i["immediate"]
    return _table(state, i["y_table"], wrap(y - i["y_zero_point"]))


def _combined(i: Instruction, x: int, y: int) -> int:
    return {
        Combine.ADD: lambda: wrap(x + y),
        Combine.SUBTRACT: lambda: wrap(x - y),
        Combine.MULTIPLY: lambda: wrap(wrap(x, 17) * wrap(y, 17)),
        Combine.MAX: lambda: max(x, y),
        Combine.MIN: lambda: min(x, y),
    }[Combine(i["combine"])]()


def _finish(state: CoreState, i: Instruction, steps, window: list[list[int]]) -> None:
    reduce, valid = Reduce(i["reduce"]), i["valid_lanes"]
    if reduce.over_lanes:
        scalar = _at(i, "reduce_scalar", "scalar", steps)
        numbers = [value for row in window for value in row[:valid]]
        if i["accumulate"]:
            numbers.append(int(state.scalars[scalar, 0]))
        state.scalars[scalar] = (
            max(numbers) if reduce == Reduce.LANES_MAX else wrap(sum(numbers)),
            0,
        )
    if i["write"]:
        row = _at(i, "destination_row", "destination", steps)
        for lane in range(state.needs.lanes):
            column = [values[lane] for values in window]
            value = wrap(sum(column)) if reduce == Reduce.ROWS_SUM else max(column)
            number = Format(i["destination_format"])
            write_element(state, row, lane, number, value if lane < valid else 0)
