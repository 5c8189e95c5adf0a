"""Plan: how a layer passes through the buffer, in bands of pixels and in parts of the channels.

While a band is computed, the next one is loaded, and the part of the output before is stored. Only
the load of the first band and the store of the last part overlap with nothing, so a plan may begin
and end with smaller bands. Plans are compared by an estimate of their cycles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from weft.isa.codes import Opcode
from weft.isa.instructions import KINDS

from .convolution import Convolution
from .products import most_pixels
from .program_builder import ProgramBuilder
from .tensor import Tensor

# Cycles that a byte of a program may save. Its check, before the program begins, costs a quarter.
_BYTE = 3.0
# The edges of a plan: the bands at each end of which every one is half as large as the next.
_HALVINGS = 4
# Numbers of parts of the output that are tried: 1, 2, 4, 8, 16.
_PART_SIZES = 5
_BYTES = {opcode: kind.bytes for opcode, kind in KINDS.items()}


@dataclass(frozen=True, kw_only=True)
class Band:
    """A part of the output: whole images, whole lines of an image, or pixels of a line."""

    image: int
    images: int
    y: int
    lines: int
    x: int
    width: int

    @property
    def pixels(self) -> int:
        return self.images * self.lines * self.width


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Bands, and how many of them are in the buffer.

    Parameters
    ----------
    bands : tuple of Band
    slots : int
        Bands of the input, and parts of the output, that are in the buffer at a time.
    blocks : int
        Blocks of N outputs in a part of the output, which is stored at once.
    """

    bands: tuple[Band, ...]
    slots: int
    blocks: int


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """A layer and the sizes of its input.

    Parameters
    ----------
    builder : ProgramBuilder
    layer : Convolution
    images, height, width : int
        Of the input, as its tensor is in the buffer.
    memory_bytes : float
        Bytes that the memory reads, and writes, in a cycle.
    """

    builder: ProgramBuilder
    layer: Convolution
    images: int
    height: int
    width: int
    memory_bytes: float

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the output."""
        return self.layer.output_sides(self.height, self.width)

    @property
    def output_blocks(self) -> int:
        return self.builder.blocks(self.layer.outputs)

    @property
    def tiles(self) -> int:
        """Tiles of weights of a block of outputs."""
        places = int(np.prod(self.layer.kernel))
        return places * (1 if self.layer.depthwise else self.builder.blocks(self.layer.channels))

    def source(self, band: Band) -> Tensor:
        """Return the part of the input that a band needs, at row 0."""
        top, bottom = self._needed(0, band.y, band.lines)
        left, right = self._needed(1, band.x, band.width)
        sizes = {"images": band.images, "lines": bottom - top, "width": right - left}
        return Tensor(row=0, top=top, left=left, channels=self.layer.channels, **sizes)

    def source_rows(self, band: Band) -> int:
        """Return the buffer rows of this part."""
        return self.source(band).pixels * self.builder.blocks(self.layer.channels)

    def _needed(self, axis: int, first: int, count: int) -> tuple[int, int]:
        """Return the first input, and the one after the last, of outputs along an axis.

        All, if they are all outputs; at least one.
        """
        layer, size = self.layer, (self.height, self.width)[axis]
        if count == self.sides[axis]:
            return 0, size
        start = first * layer.strides[axis] - layer.padding[axis][0]
        stop = start + (count - 1) * layer.strides[axis] + layer.extent(axis)
        low = min(max(start, 0), size - 1)
        return low, max(min(stop, size), low + 1)


def best_plan(shape: LayerShape) -> Plan:
    """Return the plan with the least cost: cycles, and what the bytes of its program are worth.

    Bands of parts of a line are the last resort.

    Raises
    ------
    ValueError
        If the buffer is too small for a pixel of the output.
    """
    area = shape.sides[0] * shape.sides[1]
    whole = (_bands_of_images, _bands_of_lines) if area else (_bands_of_images,)
    for ways in (whole, (_bands_of_parts,)):
        plans = [
            plan
            for way in ways
            for bands in way(shape)
            for slots in (1, 2)
            for plan in _fitting(shape, bands, slots)
        ]
        if plans:
            return min(plans, key=partial(_cost, shape))
    rows, least = shape.builder.needs.buffer_rows, _least_rows(shape)
    raise ValueError(
        f"a pixel of the output needs a buffer of at least {least:,} rows, not {rows:,}"
    )


def _bands_of_images(shape: LayerShape) -> Iterator[tuple[Band, ...]]:
    lines, width = shape.sides
    most = most_pixels(shape.builder) // (lines * width)
    for sizes in _divisions(shape.images, most):
        yield tuple(
            Band(image=first, images=count, y=0, lines=lines, x=0, width=width)
            for first, count in _places(sizes)
        )


def _bands_of_lines(shape: LayerShape) -> Iterator[tuple[Band, ...]]:
    lines, width = shape.sides
    for sizes in _divisions(lines, most_pixels(shape.builder) // width):
        yield tuple(
            Band(image=image, images=1, y=first, lines=count, x=0, width=width)
            for image in range(shape.images)
            for first, count in _places(sizes)
        )


def _bands_of_parts(shape: LayerShape) -> Iterator[tuple[Band, ...]]:
    lines, width = shape.sides
    for sizes in _divisions(width, most_pixels(shape.builder)):
        yield tuple(
            Band(image=image, images=1, y=y, lines=1, x=first, width=count)
            for image in range(shape.images)
            for y in range(lines)
            for first, count in _places(sizes)
        )


def _divisions(total: int, most: int) -> Iterator[list[int]]:
    """Yield divisions into parts of at most `most`: nearly equal, or smaller towards both ends."""
    done = set()
    for size in range(min(most, total), 0, -1):
        for halvings in range(_HALVINGS):
            edge = [size >> n for n in range(halvings, 0, -1)]
            middle = total - 2 * sum(edge)
            if (middle < size and halvings) or 0 in edge:
                break
            count = -(-middle // size)
            if (count, *edge) not in done:
                done.add((count, *edge))
                shared = [middle * (n + 1) // count - middle * n // count for n in range(count)]
                yield [*edge, *shared, *reversed(edge)]


def _places(sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the start and the size of each part."""
    first = 0
    for size in sizes:
        yield first, size
        first += size


def _fitting(shape: LayerShape, bands: tuple[Band, ...], slots: int) -> Iterator[Plan]:
    """Yield plans of some bands, with more and more parts of the output, that fit the buffer."""
    source, pixels = max(map(shape.source_rows, bands)), max(band.pixels for band in bands)
    sources = min(slots, len(bands)) * source
    for blocks in _part_sizes(shape.output_blocks):
        parts = -(-shape.output_blocks // blocks)
        outputs = min(slots, len(bands) * parts) * pixels * blocks
        if sources + outputs <= shape.builder.needs.buffer_rows:
            yield Plan(bands=bands, slots=slots, blocks=blocks)


def _part_sizes(blocks: int) -> list[int]:
    """Return the blocks in a part of the output, for 1, 2, 4 and more parts."""
    return [-(-blocks // (1 << n)) for n in range(_PART_SIZES) if 1 << n <= blocks]


def _cost(shape: LayerShape, plan: Plan) -> float:
    return _cycles(shape, plan) + _BYTE * _bytes(shape, plan)


def _bytes(shape: LayerShape, plan: Plan) -> int:
    """Return the bytes of a plan's instructions, without LOADs of parameters."""
    parts = -(-shape.output_blocks // plan.blocks)
    band = _BYTES[Opcode.LOAD] + _BYTES[Opcode.WEIGHTS] + parts * _BYTES[Opcode.STORE]
    band += shape.output_blocks * (_BYTES[Opcode.MATMUL] + _BYTES[Opcode.VECTOR])
    return len(plan.bands) * band


def _cycles(shape: LayerShape, plan: Plan) -> float:
    """Estimate the cycles of a plan.

    A band takes as long as the unit that has most to do, which for LOAD is the next band. With one
    slot, loads and stores overlap with nothing.
    """
    core, blocks, tiles = shape.builder.core, shape.output_blocks, shape.tiles
    row = max(core.lanes * core.operand_width / 8 / shape.memory_bytes, 1.0)
    drain = core.lanes / core.vector.lanes
    loads = [shape.source_rows(band) * row for band in plan.bands]
    weights, total = tiles * blocks * core.lanes * row, loads[0]
    for band, load in zip(plan.bands, [*loads[1:], 0.0], strict=True):
        products = tiles * blocks * max(band.pixels, core.lanes)
        elements, store = band.pixels * blocks * drain, band.pixels * blocks * row
        if plan.slots == 1:
            total += max(products, elements, weights) + load + store
        else:
            total += max(products, elements, weights + load, store)
    last = plan.bands[-1].pixels
    return total + last * drain + last * plan.blocks * row


def _least_rows(shape: LayerShape) -> int:
    """Return the buffer rows that a pixel of the output needs at most, wherever it is."""
    pixels = 1
    for axis, size in enumerate((shape.height, shape.width)):
        all_of_it = shape.sides[axis] == 1
        pixels *= size if all_of_it else min(shape.layer.extent(axis), size)
    inputs = pixels * shape.builder.blocks(shape.layer.channels)
    return inputs + min(_part_sizes(shape.output_blocks))
