"""The digits network as one program of a core: convolution, pooling and two dense layers."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from weft.checks import check
from weft.core.core_config import CoreConfig
from weft.isa.codes import Bias, Opcode, Reduce, Rounding, ScaleSource, Target, XSource
from weft.isa.instruction import Instruction
from weft.isa.program import Program
from weft_model.core.hazards import with_waits

from .digits import KERNEL, SIDE, Network
from .digits_memory import (
    CONSTANTS,
    IMAGE_BYTES,
    IMAGES,
    LINE,
    RECORD,
    SCORES,
    PlacedLayer,
    placed_layers,
    region_sizes,
)

PIXELS = SIDE * SIDE
POOLED_SIDE = SIDE // 2
POOLED = POOLED_SIDE * POOLED_SIDE


def digits_program(core: CoreConfig, network: Network, images: int) -> Program:
    """Return the program that classifies a number of images on a core.

    Raises
    ------
    ValueError
        If the buffer or the accumulators of the core are too small.
    """
    layers = placed_layers(network, core.lanes)
    accumulators, half = core.matrix.accumulator_depth, core.buffer.rows // 2
    # Two batches are in the buffer, so that one can be loaded while the other is computed.
    per_image = _Batch(core.lanes, accumulators, layers, base=0, first=0, count=1).end
    check(
        half >= per_image and accumulators >= SIDE,
        f"the digits need a core with at least {2 * per_image} buffer rows and {SIDE} "
        f"accumulators, not {core.buffer.rows} and {accumulators}",
    )
    size = min(images, half // per_image, accumulators)
    body = [_load_parameters(layer) for layer in layers]
    for number, first in enumerate(range(0, images, size)):
        count, base = min(size, images - first), number % 2 * half
        batch = _Batch(core.lanes, accumulators, layers, base=base, first=first, count=count)
        body += batch.instructions()
    body.append(Instruction.make(Opcode.HALT))
    needs = dataclasses.replace(
        core.capacity,
        regions=region_sizes(network, images),
        readable=(IMAGES, CONSTANTS),
        writable=(SCORES,),
    )
    return with_waits(Program(needs, tuple(body)))


def _load_parameters(layer: PlacedLayer) -> Instruction:
    return Instruction.make(
        Opcode.LOAD,
        tag=layer.number,
        target=Target.PARAMETERS,
        region=CONSTANTS,
        offset=layer.records,
        bytes=layer.outputs * RECORD.itemsize,
        row=layer.parameters,
    )


@dataclass(frozen=True)
class _Batch:
    """Some images on their way through the network, and the buffer rows of their tensors.

    A tensor of C channels has ⌈C / N⌉ blocks of N channels, one after the other; a block has a row
    for each pixel.

    Parameters
    ----------
    lanes : int
        N.
    accumulators : int
        Rows of the largest output tile.
    layers : list of PlacedLayer
    base : int
        First buffer row.
    first, count : int
        The images.
    """

    lanes: int
    accumulators: int
    layers: list[PlacedLayer]
    base: int
    first: int
    count: int

    @property
    def convolved(self) -> int:
        return self.base + PIXELS * self.count

    @property
    def pooled(self) -> int:
        return self.convolved + self._blocks(self.layers[0].outputs) * PIXELS * self.count

    @property
    def hidden(self) -> int:
        return self.pooled + self._blocks(self.layers[0].outputs) * POOLED * self.count

    @property
    def scores(self) -> int:
        return self.hidden + self._blocks(self.layers[1].outputs) * self.count

    @property
    def end(self) -> int:
        """The first row after those of the batch."""
        return self.scores + self._blocks(self.layers[2].outputs) * self.count

    def instructions(self) -> Iterator[Instruction]:
        """Yield the instructions of the batch, without waits."""
        yield self._load()
        yield from self._convolution()
        yield self._pooling()
        yield from self._hidden()
        yield from self._output()
        yield from self._store()

    def _blocks(self, channels: int) -> int:
        return -(-channels // self.lanes)

    def _valid(self, channels: int, block: int) -> int:
        """Return the channels of a block."""
        return min(self.lanes, channels - block * self.lanes)

    def _load(self) -> Instruction:
        """Each row gets a pixel and its two neighbours."""
        return Instruction.make(
            Opcode.LOAD,
            **dict(tag=1, region=IMAGES, offset=self.first * IMAGE_BYTES, row=self.base),
            **dict(groups=self.count * SIDE, group_pitch=LINE),
            **dict(lines=SIDE, line_pitch=1, bytes=KERNEL),
        )

    def _convolution(self) -> Iterator[Instruction]:
        layer = self.layers[0]
        for block in range(self._blocks(layer.outputs)):
            plane = self.convolved + block * PIXELS * self.count
            for image, y, images, lines in self._tiles():
                place = image * PIXELS + y * SIDE
                yield self._weights(layer, block, groups=KERNEL, height=KERNEL)
                yield Instruction.make(
                    Opcode.MATMUL,
                    **dict(tag=layer.number, first=1, last=1, row=self.base + place - SIDE),
                    **dict(height=SIDE, width=SIDE, y_origin=y - KERNEL // 2),
                    **dict(image_count=images, image_stride=PIXELS),
                    **dict(y_count=lines, y_stride=SIDE, x_count=SIDE, x_stride=1),
                    **dict(ky_count=KERNEL, ky_stride=SIDE),
                )
                yield self._drain(layer, block, row=plane + place, height=images * lines * SIDE)

    def _tiles(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield output tiles of the convolution: first image and line, and how many of each."""
        images = self.accumulators // PIXELS
        if images:
            for image in range(0, self.count, images):
                yield image, 0, min(images, self.count - image), SIDE
            return
        lines = self.accumulators // SIDE
        for image in range(self.count):
            for y in range(0, SIDE, lines):
                yield image, y, 1, min(lines, SIDE - y)

    def _pooling(self) -> Instruction:
        """Two lines of an image give a line of the result."""
        return Instruction.make(
            Opcode.VECTOR,
            **dict(tag=1, reduce=Reduce.ROWS_MAX, write=1, valid_lanes=self.lanes),
            **dict(outer_count=self._blocks(self.layers[0].outputs)),
            **dict(middle_count=self.count * POOLED_SIDE, inner_count=POOLED_SIDE),
            **dict(x_row=self.convolved, x_outer=PIXELS * self.count),
            **dict(x_middle=2 * SIDE, x_inner=2),
            **dict(reduce_outer_count=2, x_reduce_outer=SIDE),
            **dict(reduce_inner_count=2, x_reduce_inner=1),
            **dict(destination_row=self.pooled, destination_outer=POOLED * self.count),
            **dict(destination_middle=POOLED_SIDE, destination_inner=1),
        )

    def _hidden(self) -> Iterator[Instruction]:
        """A dense layer is a convolution whose kernel is as large as the image."""
        layer = self.layers[1]
        for block in range(self._blocks(layer.outputs)):
            yield self._weights(layer, block, groups=POOLED, height=layer.inputs)
            yield Instruction.make(
                Opcode.MATMUL,
                **dict(tag=layer.number, first=1, last=1, row=self.pooled),
                **dict(height=POOLED_SIDE, width=POOLED_SIDE),
                **dict(image_count=self.count, image_stride=POOLED),
                **dict(ky_count=POOLED_SIDE, ky_stride=POOLED_SIDE),
                **dict(kx_count=POOLED_SIDE, kx_stride=1),
                **dict(block_count=self._blocks(layer.inputs), block_stride=POOLED * self.count),
            )
            row = self.hidden + block * self.count
            yield self._drain(layer, block, row=row, height=self.count)

    def _output(self) -> Iterator[Instruction]:
        layer = self.layers[2]
        for block in range(self._blocks(layer.outputs)):
            yield self._weights(layer, block, groups=1, height=layer.inputs)
            yield Instruction.make(
                Opcode.MATMUL,
                **dict(tag=layer.number, first=1, last=1, row=self.hidden),
                **dict(x_count=self.count, x_stride=1, width=self.count),
                **dict(block_count=self._blocks(layer.inputs), block_stride=self.count),
            )
            row = self.scores + block * self.count
            yield self._drain(layer, block, row=row, height=self.count)

    def _store(self) -> Iterator[Instruction]:
        layer = self.layers[2]
        for block in range(self._blocks(layer.outputs)):
            yield Instruction.make(
                Opcode.STORE,
                **dict(tag=layer.number, region=SCORES, row=self.scores + block * self.count),
                **dict(offset=self.first * layer.outputs + block * self.lanes),
                **dict(lines=self.count, line_pitch=layer.outputs),
                bytes=self._valid(layer.outputs, block),
            )

    def _weights(self, layer: PlacedLayer, block: int, *, groups: int, height: int) -> Instruction:
        """Return the tiles of a block of outputs; a group has `height` rows."""
        tiles = self._blocks(height)
        return Instruction.make(
            Opcode.WEIGHTS,
            **dict(tag=layer.number, region=CONSTANTS, groups=groups, tiles=tiles),
            **dict(offset=layer.weights + block * self.lanes, row_pitch=layer.outputs),
            **dict(tile_pitch=self.lanes * layer.outputs, group_pitch=height * layer.outputs),
            **dict(valid_rows=self._valid(height, tiles - 1)),
            valid_columns=self._valid(layer.outputs, block),
        )

    def _drain(self, layer: PlacedLayer, block: int, *, row: int, height: int) -> Instruction:
        """Return the requantization of a block of outputs."""
        return Instruction.make(
            Opcode.VECTOR,
            **dict(tag=layer.number, x_source=XSource.RESULTS, inner_count=height),
            **dict(bias=Bias.CHANNEL, rounding=Rounding.UP, scale_source=ScaleSource.CHANNEL),
            **dict(parameters=layer.parameters + block, minimum=layer.minimum, maximum=127),
            **dict(destination_row=row, destination_inner=1, write=1),
            valid_lanes=self._valid(layer.outputs, block),
        )
