"""What each instruction reads and writes, as sets of rows and bytes."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from weft.isa.codes import (
    Bias,
    Format,
    Function,
    Opcode,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    Target,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction
from weft.isa.kind import REGIONS
from weft.isa.requirements import Requirements

from .runs import Runs, corners, strided
from .state import rows_per_row
from .walks import LOOPS, axis_walk, row_bytes_of, vector_counts


class Space(IntEnum):
    """A memory that instructions of several units access; a region is REGION + its number."""

    BUFFER = 0
    PARAMETERS = 1
    TABLES = 2
    SCALARS = 3
    REGION = 4


SPACES = Space.REGION + REGIONS
_ELEMENTS = {
    Space.BUFFER: "buffer row",
    Space.PARAMETERS: "parameter row",
    Space.TABLES: "table",
    Space.SCALARS: "row scalar",
}
WALKED = ("outer", "middle", "inner", "reduce_outer", "reduce_inner")


def place_name(space: int, place: int) -> str:
    """Return how a sentence names a row or byte of a space, such as "buffer row 7"."""
    if space >= Space.REGION:
        return f"byte {place} of region {space - Space.REGION}"
    return f"{_ELEMENTS[Space(space)]} {place}"


def space_size(space: int, needs: Requirements) -> int:
    """Return the rows or bytes of a space."""
    if space >= Space.REGION:
        return needs.regions[space - Space.REGION]
    return {
        Space.BUFFER: needs.buffer_rows,
        Space.PARAMETERS: needs.parameter_rows,
        Space.TABLES: needs.tables,
        Space.SCALARS: needs.row_scalars,
    }[Space(space)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Access:
    """What one operand of an instruction reads or writes.

    Parameters
    ----------
    operand : str
    space : int
        A Space, or Space.REGION plus the number of a region.
    write : bool
    low, high : int
        Bounds: all places are from `low` up to, not including, `high`.
    places : callable
        Returns the exact set of places.
    walk : tuple, optional
        Start, loops of more than one step as (count, stride), and size of a step, if the places
        are visited in this order.
    """

    operand: str
    space: int
    write: bool
    low: int
    high: int
    places: Callable[[], Runs] = field(repr=False)
    walk: tuple[int, tuple[tuple[int, int], ...], int] | None = None

    @functools.cached_property
    def runs(self) -> Runs:
        return self.places()


def _walk(
    operand: str,
    space: int,
    start: int,
    counts: Sequence[int],
    strides: Sequence[int],
    size: int,
    *,
    write: bool = False,
) -> Access:
    """Return the access of nested loops, as in `strided`."""
    low, high = corners(start, counts, strides, size)
    loops = zip(counts, strides, strict=True)
    return Access(
        operand=operand,
        space=space,
        write=write,
        low=low,
        high=high,
        places=lambda: strided(start, counts, strides, size),
        walk=(start, tuple(loop for loop in loops if loop[0] > 1), size),
    )


def _set(operand: str, space: int, runs: Runs) -> Access:
    return Access(
        operand=operand, space=space, write=False, low=runs.low, high=runs.high, places=lambda: runs
    )


def accesses(instruction: Instruction, needs: Requirements) -> Iterator[Access]:
    """Yield what an instruction reads and writes; what is inside of the core comes first."""
    return _ACCESSES[instruction.opcode](instruction, needs)


def _none(i: Instruction, needs: Requirements) -> Iterator[Access]:
    return iter(())


def _move(i: Instruction, needs: Requirements) -> Iterator[Access]:
    """LOAD and STORE."""
    loads = i.opcode == Opcode.LOAD
    target = Target(i["target"]) if loads else Target.BUFFER
    row_bytes = row_bytes_of(target, lanes=needs.lanes, buffer_row=needs.row_bytes)
    lines = i["groups"] * i["lines"]
    rows = lines * -(-i["bytes"] // row_bytes)
    yield _walk("row", int(target), i["row"], (rows,), (1,), 1, write=loads)
    counts, pitches = (i["groups"], i["lines"]), (i["group_pitch"], i["line_pitch"])
    region = Space.REGION + i["region"]
    yield _walk("offset", region, i["offset"], counts, pitches, i["bytes"], write=not loads)


def _weights(i: Instruction, needs: Requirements) -> Iterator[Access]:
    space = Space.BUFFER if i["from_buffer"] else Space.REGION + i["region"]
    columns = i["valid_columns"]

    def tiles(count: int, first: int, height: int) -> tuple:
        """Return the walk of the tiles of all groups, from one on, with a number of rows."""
        rows, size = (columns, height) if i["transpose"] else (height, columns)
        if i["diagonal"]:
            rows, size = 1, min(height, columns)
        if i["from_buffer"]:
            size = 1
        start = i["offset"] + first * i["tile_pitch"]
        counts = i["groups"], count, rows
        return start, counts, (i["group_pitch"], i["tile_pitch"], i["row_pitch"]), size

    whole = i["tiles"] - 1
    if whole:
        yield _walk("offset", space, *tiles(whole, 0, needs.lanes))
    yield _walk("offset", space, *tiles(1, whole, i["valid_rows"]))


def _matmul(i: Instruction, needs: Requirements) -> Iterator[Access]:
    relative = _matmul_reads(tuple([i[name] for name in _WALK_FIELDS]))
    if relative is not None:
        yield _set("row", Space.BUFFER, relative.moved(i["row"]))


_WALK_FIELDS = (
    *(f"{axis}_{part}" for axis in ("y", "x", "ky", "kx") for part in ("count", "stride", "step")),
    *("y_origin", "x_origin", "height", "width"),
    *("block_count", "block_stride", "image_count", "image_stride"),
)


@functools.lru_cache(maxsize=4096)
def _matmul_reads(values: tuple[int, ...]) -> Runs | None:
    """Return the rows that a MATMUL of row 0 reads inside of the image; None if there are none."""
    i = dict(zip(_WALK_FIELDS, values, strict=True))
    ranges = []
    for axis in ("x", "y"):
        rows, inside = axis_walk(i, axis)
        ranges.append(np.unique(rows[inside]))
    x, y = ranges
    if not len(x) or not len(y):
        return None
    reads = Runs.of(x, x + 1).spread(y)
    return reads.spread(np.arange(i["block_count"]) * i["block_stride"]).spread(
        np.arange(i["image_count"]) * i["image_stride"]
    )


def _vector(i: Instruction, needs: Requirements) -> Iterator[Access]:
    counts = vector_counts(i)
    if i["write"]:
        size = rows_per_row(Format(i["destination_format"]), needs)
        strides = [i[f"destination_{loop}"] for loop in LOOPS]
        start = i["destination_row"]
        yield _walk("destination", Space.BUFFER, start, counts, strides, size, write=True)
    if Reduce(i["reduce"]).over_lanes or i["function"] != Function.NONE:
        yield _scalar_walk(i, "reduce_scalar", write=True)
        if i["accumulate"]:
            yield _scalar_walk(i, "reduce_scalar")
    yield from _vector_x(i, needs)
    if i["function"] == Function.NONE:
        yield from _vector_y(i, needs)
        yield from _vector_constants(i)


def _scalar_walk(i: Instruction, operand: str, *, write: bool = False) -> Access:
    strides = [i[f"scalar_{loop}"] for loop in LOOPS]
    return _walk(operand, Space.SCALARS, i[operand], vector_counts(i), strides, 1, write=write)


def _vector_x(i: Instruction, needs: Requirements) -> Iterator[Access]:
    counts = [i[f"{loop}_count"] for loop in WALKED]
    strides = [i[f"x_{loop}"] for loop in WALKED]
    if i["x_source"] == XSource.BUFFER:
        size = rows_per_row(Format(i["x_format"]), needs)
        yield _walk("x", Space.BUFFER, i["x_row"], counts, strides, size)
    elif i["x_source"] == XSource.SCALARS:
        yield _walk("x", Space.SCALARS, i["x_row"], counts, strides, 1)


def _vector_y(i: Instruction, needs: Requirements) -> Iterator[Access]:
    counts, strides = vector_counts(i), [i[f"y_{loop}"] for loop in LOOPS]
    if i["y_source"] == YSource.BUFFER:
        size = rows_per_row(Format(i["y_format"]), needs)
        yield _walk("y", Space.BUFFER, i["y_row"], counts, strides, size)
    elif i["y_source"] == YSource.SCALARS:
        yield _walk("y", Space.SCALARS, i["y_row"], counts, strides, 1)


def _vector_constants(i: Instruction) -> Iterator[Access]:
    """Parameters, tables and row scalars."""
    scales = i["rounding"] != Rounding.NONE
    if (
        i["bias"] == Bias.CHANNEL
        or i["y_source"] == YSource.PARAMETERS
        or (scales and i["scale_source"] == ScaleSource.CHANNEL)
    ):
        outer = (i["outer_count"],), (i["parameter_stride"],)
        yield _walk("parameters", Space.PARAMETERS, i["parameters"], *outer, 1)
    for name in ("x_table", "y_table", "output_table"):
        if i[name]:
            yield _walk(name, Space.TABLES, i[name] - 1, (), (), 1)
    if i["subtrahend"] == Subtrahend.SCALAR:
        yield _scalar_walk(i, "subtract_scalar")
    if scales and i["scale_source"] == ScaleSource.SCALAR:
        yield _scalar_walk(i, "scale_scalar")


_ACCESSES: dict[Opcode, Callable[[Instruction, Requirements], Iterator[Access]]] = {
    Opcode.HALT: _none,
    Opcode.LOAD: _move,
    Opcode.STORE: _move,
    Opcode.WEIGHTS: _weights,
    Opcode.MATMUL: _matmul,
    Opcode.VECTOR: _vector,
}
