"""Random VECTOR instructions, and states on which they are legal."""

import numpy as np

from weft.isa.codes import (
    Combine,
    Function,
    Opcode,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction
from weft_model.core.state import ELEMENTS, CoreState

LOOPS = ("outer", "middle", "inner")
# Row scalars that nothing else changes.
POSITIVE = range(60, 87)
# The strides of each walk, and where it starts.
WALKS = {
    **{name: (f"{name}_row",) for name in ("x", "y", "destination")},
    "scalar": tuple(f"{name}_scalar" for name in ("subtract", "scale", "reduce")),
}


def random_vector(draw: np.random.Generator, lanes: int) -> Instruction:
    """Return a VECTOR of a core like NEEDS, whose x, y and destination are apart."""

    def pick(codes):
        return int(draw.choice([int(code) for code in codes]))

    def number(low: int, high: int) -> int:
        return int(draw.integers(low, high, endpoint=True))

    reduce = Reduce(pick(Reduce))
    windows = reduce != Reduce.NONE
    source_of_y = pick(YSource)
    values = {
        **{name: pick(codes) for name, codes in (("x_source", XSource), ("bias", (0, 1)))},
        "y_source": source_of_y,
        "combine": pick(list(Combine)[1:]) if source_of_y else 0,
        "subtrahend": pick(Subtrahend),
        **{f"{name}_format": pick(ELEMENTS) for name in ("x", "y", "destination")},
        **{"rounding": pick(Rounding), "scale_source": pick(ScaleSource), "reduce": reduce},
        **{f"{loop}_count": number(1, 3) for loop in LOOPS},
        **{f"reduce_{loop}_count": number(1, 3) if windows else 1 for loop in ("outer", "inner")},
        **{f"x_{loop}": number(0, 5) for loop in LOOPS},
        **{f"x_reduce_{loop}": number(0, 5) for loop in ("outer", "inner")},
        **{f"y_{loop}": number(0, 5) for loop in LOOPS},
        **{"destination_outer": 36, "destination_middle": 12, "destination_inner": 4},
        **{"destination_row": 128, "x_row": 0, "y_row": 64, "valid_lanes": number(1, lanes)},
        **{"parameters": number(0, 3), "parameter_stride": number(0, 2)},
        **{"subtract_scalar": 0, "scale_scalar": 10, "reduce_scalar": 90},
        **{"scalar_outer": 9, "scalar_middle": 3, "scalar_inner": 1},
        **{"x_zero_point": number(-200, 200), "y_zero_point": number(-200, 200)},
        **{"output_offset": number(-200, 200), "minimum": number(-200, 0)},
        **{"maximum": number(0, 300), "immediate": number(-(1 << 31), (1 << 31) - 1)},
        **{"multiplier": number(1 << 20, 1 << 24), "shift": number(20, 40)},
        **{"accumulate": number(0, 1), "y_table": pick((0, 0, 3))},
        # One or the other.
        **{("x_table", "output_table")[number(0, 1)]: pick((0, 1, 2))},
    }
    values["write"] = int(not (reduce.over_lanes and windows))
    return Instruction.make(Opcode.VECTOR, **values)


def small_multipliers(state: CoreState) -> None:
    """Make all multipliers legal for F32, and shifts large enough to matter."""
    state.parameters[:, :, 1] >>= 8
    state.scalars[:, 0] >>= 8


def legal_vector(draw: np.random.Generator, lanes: int) -> Instruction:
    """Return a random VECTOR that breaks no rule; some loops go backwards, some walks are equal."""
    i = random_vector(draw, lanes)
    fields = {name: value for name, value in i.values.items() if name != "opcode"}
    reduce = Reduce(i["reduce"])
    if not reduce.over_lanes:
        fields["accumulate"] = 0
    elif draw.random() < 0.4:
        fields |= {"write": 1, "reduce_outer_count": 1, "reduce_inner_count": 1}
    for walk, starts in WALKS.items():
        for loop in LOOPS:
            if draw.random() < 0.3:
                length = (i[f"{loop}_count"] - 1) * fields[f"{walk}_{loop}"]
                fields |= {start: fields[start] + length for start in starts}
                fields[f"{walk}_{loop}"] *= -1
    if draw.random() < 0.2:
        # In place.
        fields |= {"x_format": i["destination_format"], "x_source": XSource.BUFFER}
        fields |= {f"x_{part}": fields[f"destination_{part}"] for part in ("row", *LOOPS)}
        fields |= {f"x_reduce_{part}": 0 for part in ("outer", "inner")}
    return Instruction.make(Opcode.VECTOR, **fields)


def random_reciprocal(draw: np.random.Generator) -> Instruction:
    """Return a RECIPROCAL of some of the row scalars of POSITIVE."""
    return Instruction.make(
        Opcode.VECTOR,
        **dict(function=Function.RECIPROCAL, x_source=XSource.SCALARS, reduce_scalar=90),
        **dict(x_row=POSITIVE.start, x_outer=9, x_middle=3, x_inner=1),
        **dict(scalar_outer=9, scalar_middle=3, scalar_inner=1, shift=int(draw.integers(0, 33))),
        **{f"{loop}_count": int(draw.integers(1, 4)) for loop in LOOPS},
    )


def legal_drain(draw: np.random.Generator, lanes: int, rows: int) -> Instruction:
    """Return a random VECTOR that drains some results and writes as many rows."""
    i = legal_vector(draw, lanes)
    fields = {name: value for name, value in i.values.items() if name != "opcode"}
    fields |= {"x_source": XSource.RESULTS, "reduce": Reduce.NONE, "accumulate": 0, "write": 1}
    fields |= {f"{loop}_count": 1 for loop in ("outer", "middle", "reduce_outer", "reduce_inner")}
    fields |= {"inner_count": rows, "y_inner": int(draw.integers(0, 3)), "scalar_inner": 0}
    fields |= {"y_row": 64, "destination_row": 128, "destination_inner": int(draw.integers(1, 5))}
    return Instruction.make(Opcode.VECTOR, **(fields | {"parameter_stride": 0}))
