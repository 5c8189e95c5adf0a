"""`weft sim`: run matrix products and the digits network on the RTL, checked against numpy."""

import sys
from dataclasses import dataclass

import numpy as np

from weft.float_format import FloatFormat
from weft.matrix.config import MatrixUnitConfig
from weft_model.operands import draw_products
from weft_sim import toolchain
from weft_sim.checked_run import CheckedResult, run

from .console import progress_bar
from .durations import simulation_build

# Images per batch.
BATCH = 60


@dataclass(frozen=True)
class Options:
    """The options of `weft sim`.

    `stalls`: random gaps and back-pressure on all streams. `float_model`: as in
    MatrixUnitSimulator.
    """

    config: MatrixUnitConfig
    simulator: str
    seed: int
    waves: bool
    stalls: bool
    float_model: bool = False


@dataclass(frozen=True)
class ProductRun:
    """Products Z = A . B of random operands on the RTL, one for each pair of formats."""

    m: int
    k: int
    n: int
    results: list[CheckedResult]


@dataclass(frozen=True)
class DigitsRun:
    """Classification of the held-out digits, with all products on the RTL.

    `network`: its formats. `accuracy`, `int8_accuracy` and `float_accuracy`: fraction of the images
    that this network, the int8 network and their float32 parent classify correctly.
    """

    images: int
    products: int
    network: str
    accuracy: float
    int8_accuracy: float
    float_accuracy: float
    results: list[CheckedResult]


def run_product(options: Options, m: int, k: int, n: int) -> ProductRun:
    """Multiply two random matrices in each pair of formats of the unit.

    Raises
    ------
    ValueError
        If a size is below 1.
    MemoryError
        If a matrix is larger than an address space.
    """
    for name, size in (("M", m), ("K", k), ("N", n)):
        if size < 1:
            raise ValueError(f"{name} must be an integer of at least 1, not {size}")
    if max(m * k, k * n, m * n) > sys.maxsize // np.dtype(np.int64).itemsize:
        raise MemoryError
    operands = draw_products(options.config, m, k, n, seed=options.seed)
    return ProductRun(m, k, n, [_run(options, f"{m}x{k} by {k}x{n}", operands, f"{m}x{k}x{n}")])


def run_digits(options: Options) -> DigitsRun:
    """Classify the held-out digits, with the integer network or in floats.

    Raises
    ------
    ValueError
        See FloatNetwork.
    """
    from . import digits, train_digits
    from .float_digits import FloatNetwork

    config = options.config
    parent, _ = train_digits.stored_parameters()
    integers, kind = digits.load(), "int8"
    network = integers
    formats = config.activation.default, config.weight.default
    if any(isinstance(number, FloatFormat) for number in formats):
        network = FloatNetwork.of(config, parent)
        kind = " x ".join(dict.fromkeys(map(str, formats)))
    images, labels = digits.held_out()
    results: list[CheckedResult] = []

    def multiply(operands: list) -> list[np.ndarray]:
        layer = train_digits.LAYERS[len(results)]
        what = f"{layer} layer, {len(operands)} batches"
        results.append(_run(options, what, operands, f"digits-{layer}"))
        return results[-1].products

    batches = np.array_split(images, -(-len(images) // BATCH))
    scores = np.concatenate(network.forward(batches, multiply))
    (int8_scores,) = integers.forward([images])
    float_scores = train_digits.forward(parent, train_digits.as_pixels(images))[-1]
    return DigitsRun(
        images=len(labels),
        products=len(batches) * len(results),
        network=kind,
        accuracy=digits.accuracy(scores, labels),
        int8_accuracy=digits.accuracy(int8_scores, labels),
        float_accuracy=digits.accuracy(float_scores, labels),
        results=results,
    )


def _run(options: Options, what: str, operands: list, name: str) -> CheckedResult:
    config = options.config
    folder = f"{config.rows}x{config.columns}-{name}-{options.simulator}"
    with progress_bar(what, simulation_build(config)) as (building, step):
        return run(
            config,
            operands,
            simulator=options.simulator,
            directory=toolchain.build_root() / "sim" / folder,
            waves=options.waves,
            stalls=options.seed if options.stalls else None,
            float_model=options.float_model,
            building=building,
            progress=step,
        )
