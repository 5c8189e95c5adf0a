"""Products of small floats whose sums nearly cancel, in whole units, compared with numpy."""

import numpy as np

from weft import MatrixUnitConfig
from weft.float_format import OPERAND_FLOATS, FloatFormat
from weft_cli.console import console, progress_bar
from weft_model.reference import differs, matmul
from weft_sim import MatrixUnitSimulator

_EXACT = [name for name, number in OPERAND_FLOATS.items() if not number.chains]
# Formats of both operands.
PAIRS = (*((name, name) for name in _EXACT), ("float8_e4m3fn", "float8_e5m2"))
SIDE = 8
# Shape of a product.
M, K, N = 512, 64, 64


def unit_of(activation: str, weight: str) -> MatrixUnitConfig:
    """Return the unit for a pair of formats."""
    return MatrixUnitConfig(
        rows=SIDE,
        columns=SIDE,
        activation=activation,  # type: ignore[arg-type]
        weight=weight,  # type: ignore[arg-type]
    )


def compare_exact(count: int, seed: int) -> bool:
    """Compare `count` products of each pair of formats with numpy; return whether all agree.

    Each product of matrices is computed a second time, with K in another order.
    """
    wrong = {}
    with progress_bar("exact sums of products") as (_, step):
        for index, pair in enumerate(PAIRS):
            config = unit_of(*pair)
            source = np.random.default_rng([seed, index])
            with MatrixUnitSimulator(config) as unit:
                wrong[pair] = sum(
                    _wrong_sums(config, unit, source) for _ in range(-(-count // (M * K * N)))
                )
            step(index + 1, len(PAIRS))
    for pair, number in wrong.items():
        console.print(
            f"{' by '.join(pair)}: {number:,} sums of at least {count:,} products differ from "
            "numpy's"
        )
    return not any(wrong.values())


def _wrong_sums(config: MatrixUnitConfig, unit, source: np.random.Generator) -> int:
    a, b = draw(config, source)
    order = source.permutation(K)
    expected = matmul(config, a, b)
    products = unit.matmul(a, b), unit.matmul(a[:, order], b[order])
    return sum(int(differs(product, expected).sum()) for product in products)


def draw(config: MatrixUnitConfig, source: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return A and B with random codes, of which few are infinite or NaN.

    In half of the rows of A, the second half of each sum cancels the first but for a few products.
    """
    a = _codes(source, config.activation.default, (M, K))
    b = _codes(source, config.weight.default, (K, N))
    half = K // 2
    b[half:] = b[:half]
    opposite = a[:, :half].astype(np.float32) * -1
    kept = source.random((M, half)) < 0.1
    kept[M // 2 :] = True
    a[:, half:] = np.where(kept, a[:, half:], opposite.astype(a.dtype))
    return a, b


def _codes(source: np.random.Generator, number, shape: tuple[int, int]) -> np.ndarray:
    assert isinstance(number, FloatFormat)
    codes = source.integers(0, 1 << number.width, shape).astype(np.uint8).view(number.dtype)
    finite = np.isfinite(codes.astype(np.float32)) | (source.random(shape) < 0.01)
    return np.where(finite, codes, number.dtype.type(1))
