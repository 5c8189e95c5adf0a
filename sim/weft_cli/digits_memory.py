"""The memory of the digits network on a core: images, constants and scores.

Each image has a column of zeros on both sides, so that a row of the buffer can hold a pixel and its
neighbours in the same line: the columns of the 3 x 3 kernel are then lanes, and only its rows are
separate tiles.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from weft.isa.kind import REGIONS

from .digits import SIDE, Network, Requantization

# Regions of the memory.
IMAGES, CONSTANTS, SCORES = range(3)
LINE = SIDE + 2
IMAGE_BYTES = SIDE * LINE
RECORD = np.dtype([("bias", "<i4"), ("multiplier", "<i4"), ("shift", "<i4")])


@dataclass(frozen=True, kw_only=True)
class PlacedLayer:
    """Where the constants of a layer are.

    Parameters
    ----------
    number : int
        1 for the first layer.
    inputs, outputs : int
        Channels.
    minimum : int
        Least output.
    weights, records : int
        First byte of its weights, (K, outputs) int8, and of its parameters.
    parameters : int
        Its first parameter row in the core.
    """

    number: int
    inputs: int
    outputs: int
    minimum: int
    weights: int
    records: int
    parameters: int


def placed_layers(network: Network, lanes: int) -> list[PlacedLayer]:
    """Return the layers with the places of their constants, for a core of N lanes."""
    placed, offset, row, inputs = [], 0, 0, 1
    for number, layer in enumerate(network.layers, 1):
        outputs = layer.weights.shape[1]
        records = offset + layer.weights.size
        placed.append(
            PlacedLayer(
                number=number,
                inputs=inputs,
                outputs=outputs,
                minimum=layer.requantize.minimum,
                weights=offset,
                records=records,
                parameters=row,
            )
        )
        offset = records + outputs * RECORD.itemsize
        row += -(-outputs // lanes)
        inputs = outputs
    return placed


def region_sizes(network: Network, images: int) -> tuple[int, int, int]:
    """Return the bytes of the three regions."""
    constants = sum(map(len, _constants(network)))
    return images * IMAGE_BYTES, constants, images * _classes(network)


def digits_memory(network: Network, images: np.ndarray) -> list[np.ndarray]:
    """Return the memory at the start, uint8 regions; images are int8, (images, 8, 8)."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1))).astype(np.int8)
    memory = [np.zeros(0, np.uint8) for _ in range(REGIONS)]
    memory[IMAGES] = padded.view(np.uint8).ravel()
    memory[CONSTANTS] = np.frombuffer(b"".join(_constants(network)), np.uint8).copy()
    memory[SCORES] = np.zeros(len(images) * _classes(network), np.uint8)
    return memory


def scores_in(memory: list[np.ndarray], network: Network) -> np.ndarray:
    """Return the scores after the program has ended, int8 (images, 10)."""
    return memory[SCORES].view(np.int8).reshape(-1, _classes(network))


def _classes(network: Network) -> int:
    return network.layers[-1].weights.shape[1]


def _constants(network: Network) -> Iterator[bytes]:
    """Yield the weights and the parameters of each layer."""
    for layer in network.layers:
        yield layer.weights.tobytes()
        yield _records(layer.requantize)


def _records(requantize: Requantization) -> bytes:
    records = np.zeros(len(requantize.bias), RECORD)
    for name in RECORD.names or ():
        records[name] = getattr(requantize, name)
    return records.tobytes()
