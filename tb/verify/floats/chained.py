"""Sums of bfloat16 products: random numbers through the cell, compared with numpy."""

import numpy as np

from weft.float_format import BFLOAT16, FLOAT32
from weft_cli.console import console, progress_bar
from weft_model.chained import fused_step

from .cell import CompiledCell

# Numbers drawn at a time.
BATCH = 500_000


def compare_chained(count: int, seed: int) -> bool:
    """Compare `count` steps of the RTL and of its model in C++ with numpy; return if all agree."""
    cells = {"RTL": CompiledCell(), "model": CompiledCell(model=True)}
    source = np.random.default_rng(seed)
    wrong, done = dict.fromkeys(cells, 0), 0
    console.print(f"seed {seed}")
    with progress_bar("sums of bfloat16 products") as (_, step):
        while done < count:
            totals, first, second = draw(source, min(BATCH, count - done))
            expected = fused_step(
                totals.view(np.float32), first.view(BFLOAT16.dtype), second.view(BFLOAT16.dtype)
            ).view(np.uint32)
            for name, cell in cells.items():
                differ = cell(totals, first, second) != expected
                wrong[name] += int(differ.sum())
                if differ.any() and wrong[name] == differ.sum():
                    at = int(differ.argmax())
                    console.print(
                        f"[red]{name}[/red]: {totals[at]:#010x} + {first[at]:#06x} * "
                        f"{second[at]:#06x} is not {expected[at]:#010x}"
                    )
            done += len(totals)
            step(done, count)
    for name, number in wrong.items():
        console.print(f"{name}: {number:,} of {done:,} sums differ from numpy's")
    return not any(wrong.values())


def draw(source: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return codes of totals, float32, and of both operands, bfloat16.

    Most totals are near the product in size: they cancel it, are ties, or barely count. Some
    numbers are subnormal, infinite or NaN, and some have random bits.
    """
    first, second = (_codes(source, BFLOAT16, source.integers(1, 255, count)) for _ in range(2))
    exponent = (first >> 7 & 255).astype(int) + (second >> 7 & 255).astype(int) - 127
    near = exponent + source.integers(-3, 28, count)
    totals = _codes(source, FLOAT32, np.clip(near, 0, 254))
    # The exact opposite of the product, or a few units beside it.
    with np.errstate(all="ignore"):
        product = fused_step(
            np.zeros(count, np.float32),
            first.astype(np.uint16).view(BFLOAT16.dtype),
            second.astype(np.uint16).view(BFLOAT16.dtype),
        )
    opposite = (product.view(np.uint32) ^ 1 << 31) + source.integers(-2, 3, count)
    totals = np.where(source.random(count) < 0.2, opposite, totals)
    return (
        totals.astype(np.uint32),
        first.astype(np.uint16),
        second.astype(np.uint16),
    )


def _codes(source: np.random.Generator, number, exponents: np.ndarray) -> np.ndarray:
    """Return codes with the given exponents, and some others."""
    count, bits = len(exponents), number.fraction
    special = source.random(count) < 0.03
    exponents = np.where(special, source.choice([0, 255], count), exponents)
    fraction = source.integers(0, 1 << bits, count)
    kind = source.random(count)
    fraction = np.where(kind < 0.1, 0, np.where(kind < 0.2, (1 << bits) - 1, fraction))
    fraction = np.where(kind > 0.8, fraction & ~0 << bits // 2, fraction)
    return source.integers(0, 2, count) << number.width - 1 | exponents << bits | fraction
