"""The tables of programming.md."""

from collections.abc import Callable

import numpy as np

from markdown_table import table
from weft.core.core_config import CORES, SMALL
from weft.isa.codes import Rounding
from weft_model.programs.blocks import BLOCKS
from weft_model.programs.convolution import Convolution, Padding, same_padding
from weft_model.programs.layer_program import layer_program
from weft_model.programs.program_builder import BuiltProgram
from weft_model.programs.requantization import Requantization

_KINDS = ("LOAD", "WEIGHTS", "MATMUL", "VECTOR", "STORE")
# Layers of ResNet-50: shape of the weights, side of the image, stride, packed.
_LAYERS = {
    "first, 7 x 7, packed": ((7, 7, 3, 64), 224, 2, True),
    "3 x 3 over 64 channels": ((3, 3, 64, 64), 56, 1, False),
    "1 x 1 to 2,048 channels": ((1, 1, 512, 2048), 7, 1, False),
    "last, fully connected": ((1, 1, 2048, 1000), 1, 1, False),
}


def block_instructions() -> str:
    """The instructions of each block on a core of 16 lanes."""
    rows = []
    for name, make in BLOCKS.items():
        block = make(np.random.default_rng(1), SMALL.lanes)
        rows.append((f"`{name}`", *_counts(block.program(SMALL))))
    return table(("Block", *_KINDS, "Bytes"), rows)


def layer_instructions() -> str:
    """The instructions of some layers of ResNet-50 on two cores."""
    rows = []
    for name, (shape, side, stride, packed) in _LAYERS.items():
        around = same_padding(size=side, kernel=shape[0], stride=stride)
        layer = _layer(shape, stride, (around, around))
        for core in ("small", "tpu_v1"):
            sizes = {"height": side, "width": side}
            built = layer_program(CORES[core], layer, packed=packed, **sizes)
            rows.append((name, f"`{core}`", *_counts(built)))
    return table(("Layer of ResNet-50", "Core", *_KINDS, "Bytes"), rows)


def _counts(built: BuiltProgram) -> list[str]:
    counts = built.counts()
    size = len(built.program.encode())
    return [*(f"{counts.get(kind, 0):,}" for kind in _KINDS), f"{size:,}"]


def _layer(shape: tuple[int, ...], stride: int, padding: Padding) -> Convolution:
    """Return a layer whose weights are zero."""
    numbers = np.ones(shape[-1], np.int32)
    return Convolution(
        weights=np.zeros(shape, np.int8),
        zero_point=0,
        requantize=Requantization(
            bias=numbers, multiplier=numbers, shift=numbers, rounding=Rounding.UP
        ),
        strides=(stride, stride),
        padding=padding,
    )


PARTS: dict[str, Callable[[], str]] = {
    "block_instructions": block_instructions,
    "layer_instructions": layer_instructions,
}
