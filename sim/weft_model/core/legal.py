"""Rules for the fields of one instruction that go beyond the range of each field."""

from collections.abc import Callable, Iterable, Iterator

from weft.isa.codes import (
    Combine,
    Conversion,
    Format,
    Function,
    Opcode,
    Reduce,
    Rounding,
    ScaleSource,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction
from weft.isa.requirements import Requirements

from .rounding import MOST_F32_MULTIPLIER
from .state import ELEMENTS, OPERANDS
from .walks import matmul_height, vector_height, window_size

# Most rows that one walk of an instruction visits, which bounds the time of the checker.
MOST_STEPS = 1 << 20


def violations(instruction: Instruction, needs: Requirements) -> Iterator[str]:
    """Yield a sentence for each rule that an instruction breaks; it names the operand."""
    return _RULES[instruction.opcode](instruction, needs)


def _halt(i: Instruction, needs: Requirements) -> Iterator[str]:
    return iter(())


def _load(i: Instruction, needs: Requirements) -> Iterator[str]:
    if i["conversion"] != Conversion.NONE:
        yield "conversion must be none"
    yield from _region(i, needs.readable, "readable")
    yield from _steps("groups times lines", i["groups"] * i["lines"])


def _store(i: Instruction, needs: Requirements) -> Iterator[str]:
    yield from _region(i, needs.writable, "writable")
    yield from _steps("groups times lines", i["groups"] * i["lines"])


def _weights(i: Instruction, needs: Requirements) -> Iterator[str]:
    yield from _operand(i, "weights")
    for name in ("valid_rows", "valid_columns"):
        yield from _at_most(i, name, needs.lanes)
    if not i["from_buffer"]:
        yield from _region(i, needs.readable, "readable")
    if i["transpose"] and not i["from_buffer"]:
        yield "transpose must be 0 unless from_buffer is 1"
    if i["transpose"] and i["diagonal"]:
        yield "transpose must be 0 if diagonal is 1"
    yield from _steps("groups times tiles times N", i["groups"] * i["tiles"] * needs.lanes)


def _matmul(i: Instruction, needs: Requirements) -> Iterator[str]:
    yield from _operand(i, "activations")
    rows = matmul_height(i)
    top = i["accumulator"] + rows
    if top > needs.accumulators:
        yield (
            f"accumulator {i['accumulator']} and {rows:,} rows need {top:,} accumulators, but the "
            f"program needs only {needs.accumulators:,}"
        )
    for axis in ("y", "x"):
        steps = i[f"k{axis}_count"] * i[f"{axis}_count"]
        yield from _steps(f"k{axis}_count times {axis}_count", steps)


def _vector(i: Instruction, needs: Requirements) -> Iterator[str]:
    yield from _steps("the product of all counts", vector_height(i) * window_size(i))
    yield from _at_most(i, "valid_lanes", needs.lanes)
    yield from _format(i, "destination_format", needs)
    if i["x_source"] == XSource.BUFFER:
        yield from _format(i, "x_format", needs)
    if i["y_source"] == YSource.BUFFER:
        yield from _format(i, "y_format", needs)
    if i["function"] != Function.NONE:
        yield from _function(i)
    else:
        yield from _stages(i)
        yield from _reduction(i)


def _function(i: Instruction) -> Iterator[str]:
    """A function takes the place of all stages."""
    if i["function"] != Function.RECIPROCAL:
        name = Function(i["function"]).name.lower()
        yield f"function must be none or reciprocal, not {name}"
    if i["x_source"] != XSource.SCALARS:
        yield "x_source must be scalars with a function"
    for name in ("write", "reduce", "accumulate"):
        if i[name]:
            yield f"{name} must be {i.kind.by_name[name].text(0)} with a function"
    if window_size(i) != 1:
        yield "the reduction counts must be 1 with a function"


def _stages(i: Instruction) -> Iterator[str]:
    """The stages in front of the reduction."""
    y_source, combine = YSource(i["y_source"]), Combine(i["combine"])
    if (y_source == YSource.NONE) != (combine == Combine.NONE):
        yield (
            "combine must be none without a y, and another with one, not "
            f"{combine.name.lower()} with y_source {y_source.name.lower()}"
        )
    if i["x_table"] and i["output_table"]:
        yield "output_table must be 0 if x_table is not"
    if i["minimum"] > i["maximum"]:
        yield f"minimum must be at most maximum, {i['maximum']}, not {i['minimum']}"
    constant = i["rounding"] == Rounding.F32 and i["scale_source"] == ScaleSource.INSTRUCTION
    if constant and abs(i["multiplier"]) > MOST_F32_MULTIPLIER:
        yield (
            f"multiplier must be from {-MOST_F32_MULTIPLIER} to {MOST_F32_MULTIPLIER} for f32, "
            f"not {i['multiplier']}"
        )


def _reduction(i: Instruction) -> Iterator[str]:
    """The reduction, and what is written."""
    reduce, single = Reduce(i["reduce"]), window_size(i) == 1
    if reduce == Reduce.NONE and not single:
        yield "the reduction counts must be 1 without a reduction"
    if reduce.over_lanes and i["write"] and not single:
        yield "the reduction counts must be 1 if rows are written and lanes are reduced"
    if i["accumulate"] and not reduce.over_lanes:
        yield "accumulate must be 0 without a reduction over lanes"
    if not i["write"] and not reduce.over_lanes:
        yield "write must be 1 without a reduction over lanes, or there is no result"


def _region(i: Instruction, allowed: tuple[int, ...], name: str) -> Iterator[str]:
    if i["region"] not in allowed:
        listed = ", ".join(map(str, allowed)) or "none"
        yield f"region must be a {name} one of the program ({listed}), not {i['region']}"


def _steps(what: str, steps: int) -> Iterator[str]:
    if steps > MOST_STEPS:
        yield f"{what} must be at most {MOST_STEPS:,}, not {steps:,}"


def _at_most(i: Instruction, name: str, most: int) -> Iterator[str]:
    if i[name] > most:
        yield f"{name} must be at most {most}, not {i[name]}"


def _operand(i: Instruction, what: str) -> Iterator[str]:
    """The format of weights or activations, and its zero point."""
    number = Format(i["format"])
    if number not in OPERANDS:
        yield f"format must be {_names(OPERANDS)}, not {number.name.lower()}"
    elif not number.minimum <= i["zero_point"] <= number.maximum:
        yield (
            f"zero_point must be from {number.minimum} to {number.maximum} for {what} of "
            f"{number.name.lower()}, not {i['zero_point']}"
        )


def _format(i: Instruction, name: str, needs: Requirements) -> Iterator[str]:
    """The format of x, y or the destination of VECTOR."""
    number = Format(i[name])
    if number not in ELEMENTS or number.width < needs.operand_width:
        legal = [known for known in ELEMENTS if known.width >= needs.operand_width]
        yield f"{name} must be {_names(legal)}, not {number.name.lower()}"


def _names(formats: Iterable[Format]) -> str:
    return " or ".join(number.name.lower() for number in formats)


_RULES: dict[Opcode, Callable[[Instruction, Requirements], Iterator[str]]] = {
    Opcode.HALT: _halt,
    Opcode.LOAD: _load,
    Opcode.STORE: _store,
    Opcode.WEIGHTS: _weights,
    Opcode.MATMUL: _matmul,
    Opcode.VECTOR: _vector,
}
