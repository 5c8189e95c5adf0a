"""Random cases of the soak: case number i of a seed is always the same case."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from weft.array.arithmetic import Arithmetic
from weft.array.inner_product import INNER_PRODUCTS
from weft.array.packed_cell import can_pack
from weft.float_format import OPERAND_FLOATS
from weft.formats import INT8, MAX_OPERAND_WIDTH, MAX_PORT_WIDTH, MAX_WIDTH, IntegerFormat
from weft.matrix.config import MAX_DEPTH, MatrixUnitConfig
from weft.operand_port import MAX_PIECES
from weft_model.cycle_model import predict

from .cases import Case, PlannedRun, Product, StallRates


@dataclass(frozen=True)
class Kind:
    """A kind of array: its share of the cases, sides to choose from, cycles of its big product.

    Small arrays build in seconds and find most defects. Large arrays contribute most of the
    multiply-accumulates. They resemble a TPU, which also makes them fast to simulate: narrow
    numbers, deep accumulators, few registers, and no soft columns.
    """

    share: float
    sides: tuple[int, ...]
    big_cycles: int
    large: bool = False


KINDS = (
    Kind(0.50, tuple(range(1, 9)), 100_000),
    Kind(0.33, tuple(range(1, 17)), 100_000),
    Kind(0.11, tuple(range(9, 41)), 50_000),
    Kind(0.06, (64, 64, *range(65, 128, 9), 96, 128, 128), 700_000, large=True),
)
# Soft columns are slow to build and to simulate, and all are alike.
MOST_SOFT = 6
# Rows and columns of cells of bfloat16, which take long to build and to simulate.
MOST_CHAINED = 9
# Cycles of any other product: enough for every situation, but short.
MOST_CYCLES = 20_000


def cases(seed: int) -> Iterator[Case]:
    """Iterate over the cases of a seed, indefinitely."""
    number = 0
    while True:
        yield draw_case(seed, number)
        number += 1


def draw_case(seed: int, number: int) -> Case:
    source = random.Random(f"{seed} {number}")
    kind = source.choices(KINDS, [kind.share for kind in KINDS])[0]
    config = draw_config(source, kind)
    runs = [
        _draw_run(source, config, _small),
        _draw_run(source, config, _small, stalled=True),
        _draw_run(source, config, _small, stalled=source.random() < 0.5, reset=True),
        _draw_run(source, config, _deep, stalled=source.random() < 0.3),
        _draw_run(source, config, _big, most_cycles=kind.big_cycles, stalled=source.random() < 0.2),
    ]
    for _ in range(source.randrange(4)):
        stalled, reset = source.random() < 0.5, source.random() < 0.5
        runs.append(_draw_run(source, config, _small, stalled=stalled, reset=reset))
    source.shuffle(runs)
    # The last run shows that the earlier runs left the unit in a good state.
    return Case(config, (*runs, _draw_run(source, config, _small)))


def draw_config(source: random.Random, kind: Kind) -> MatrixUnitConfig:
    rows, columns = source.choice(kind.sides), source.choice(kind.sides)
    soft = 0 if kind.large or source.random() < 0.6 else source.randint(1, min(columns, MOST_SOFT))
    near, far = source.randint(1, 64), source.randint(65, MAX_DEPTH)
    widest = 8 if kind.large else MAX_OPERAND_WIDTH
    operands = _draw_operands(source, widest)
    plain = MatrixUnitConfig(**operands)
    inner_product = _draw_inner_product(source, kind, plain)
    operand = plain.activation_port.operand
    checked = columns >= 2 and operand.width >= 2 and source.random() < 0.3
    checked = checked and inner_product != "packed"
    if plain.chained:
        return MatrixUnitConfig(
            rows=min(rows, MOST_CHAINED),
            columns=min(columns, MOST_CHAINED),
            **operands,
            accumulator_depth=source.choice([1, 2, near, near, 512, far]),
            multiplier_stages=source.choice([0, 1, 2, 3]),
            soft_columns=min(soft, columns, MOST_CHAINED),
        )
    return MatrixUnitConfig(
        rows=rows + rows % INNER_PRODUCTS[inner_product].tile_rows,
        columns=columns,
        **{"accumulator_width": source.choice([8, 32, 32, 64, source.randint(8, 64)]), **operands},
        accumulator_depth=source.choice([512, far] if kind.large else [1, 2, near, near, 512, far]),
        multiplier_stages=source.choice([0, 1, 1, 1, 2, 3] if kind.large else [0, 1, 2, 3]),
        adder_stages=source.choice([1, 1, 1, 1, 2, 3, 4] if kind.large else [1, 2, 3, 4]),
        inner_product=inner_product,
        soft_columns=soft,
        checksum=checked,
    )


def _draw_inner_product(source: random.Random, kind: Kind, plain: MatrixUnitConfig) -> str:
    """Return an inner product that the operands of a plain unit allow."""
    arithmetic = plain.arithmetic
    if plain.operands.magnitude or not isinstance(arithmetic, Arithmetic):
        return "plain"
    shares = {"plain": 0.8, "fast": 0.2} if kind.large else {"plain": 0.6, "fast": 0.4}
    if can_pack(arithmetic):
        # Few operands are narrow enough.
        shares["packed"] = 1
    return source.choices([*shares], [*shares.values()])[0]


def _draw_operands(source: random.Random, widest: int) -> dict[str, Any]:
    """Return the parameters of the operands: one format each, floats, or several formats."""
    kind = source.random()
    if kind < 0.05:
        both = dict.fromkeys(("activation", "weight"), "bfloat16")
        return {**both, "result": source.choice(["float32", "bfloat16"])}
    if kind < 0.6:
        return {name: _draw_format(source, widest) for name in ("activation", "weight")}
    if kind < 0.75:
        names = [
            name for name, number in OPERAND_FLOATS.items() if number.largest_integer < 1 << 16
        ]
        # Beside the largest floats, both are floats.
        other = source.choice(["float8_e4m3fn", "float8_e5m2", "int8"])
        pair = [source.choice([*names, other]), source.choice([*names, other])]
        if pair == ["int8", "int8"]:
            pair[0] = names[0]
        source.shuffle(pair)
        infinite = "float8_e5m2" in pair
        integer = [] if infinite else ["integer"]
        return {
            **dict(zip(("activation", "weight"), pair, strict=True)),
            "result": source.choice(["automatic", "float32", "bfloat16", *integer]),
            "accumulator_width": source.choice([0, MAX_WIDTH if infinite else MAX_PORT_WIDTH]),
        }
    several = {
        name: list({_draw_format(source, MAX_OPERAND_WIDTH) for _ in range(source.randint(1, 3))})
        for name in ("activation", "weight")
    }
    several = {name: sorted(formats, key=str) for name, formats in several.items()}
    most = max(number.width for formats in several.values() for number in formats)
    pieces = source.choice([1, 2, 2, MAX_PIECES])
    return {
        **several,
        "cell_width": source.choice([0, -(-most // pieces)]),
        "zero_points": source.random() < 0.5,
    }


def _draw_format(source: random.Random, widest: int) -> IntegerFormat:
    if source.random() < 0.3:
        return INT8
    return IntegerFormat(source.randint(1, widest), signed=source.random() < 0.5)


Sizes = list[tuple[int, int, int]]


def _draw_run(
    source: random.Random,
    config: MatrixUnitConfig,
    sizes: Callable[[random.Random, MatrixUnitConfig], Sizes],
    *,
    most_cycles: int = MOST_CYCLES,
    stalled: bool = False,
    reset: bool = False,
) -> PlannedRun:
    products = tuple(
        _fitted(config, Product(*shape, _draw_seed(source)), most_cycles)
        for shape in sizes(source, config)
    )
    stalls = None
    if stalled:
        rates = [source.choice([0, 0.05, 0.2, 0.5, 0.9]) for _ in range(3)]
        stalls = StallRates(_draw_seed(source), *rates)
    reset_after = None
    if reset:
        schedules = [product.schedule(config) for product in products]
        reset_after = source.randint(0, predict(config, schedules).cycles)
    return PlannedRun(products, stalls, reset_after)


def _fitted(config: MatrixUnitConfig, product: Product, most_cycles: int) -> Product:
    """Reduce N, then M, then K of a product until it takes at most `most_cycles`."""
    while predict(config, [product.schedule(config)]).cycles > most_cycles:
        m, k, n = product.m, product.k, product.n
        if n > config.columns:
            product = replace(product, n=max(config.columns, n * 3 // 4))
        elif m > 1:
            product = replace(product, m=m * 3 // 4)
        elif k > 1:
            product = replace(product, k=k // 2)
        else:
            break
    return product


def _draw_seed(source: random.Random) -> int:
    return source.getrandbits(32)


def _small(source: random.Random, config: MatrixUnitConfig) -> Sizes:
    """Return sizes near those of the array, from 1 x 1 x 1, ragged or whole."""
    depth = config.accumulator_depth
    near_depth = [depth, depth + 1, 2 * depth + 1] if depth <= 600 else []
    return [
        (
            _size_near(source, config.rows, *near_depth),
            _size_near(source, config.rows),
            _size_near(source, config.columns),
        )
        for _ in range(source.randint(1, 8))
    ]


def _size_near(source: random.Random, side: int, *others: int) -> int:
    drawn = source.randint(1, 3 * side)
    return source.choice([1, side, 2 * side, side + 1, max(1, side - 1), drawn, *others])


def _deep(source: random.Random, config: MatrixUnitConfig) -> Sizes:
    """Return one product of one or two rows through many tiles along K."""
    k = source.randint(1, 60 * config.rows)
    return [(source.randint(1, 2), k, _size_near(source, config.columns))]


def _big(source: random.Random, config: MatrixUnitConfig) -> Sizes:
    """Return one product of many ragged tiles, which `_fitted` reduces."""
    m = source.randint(config.rows, 1000 + 8 * config.rows)
    k = source.randint(1, 12 * config.rows)
    n = source.randint(100, 400) * config.columns - source.randrange(config.columns)
    return [(m, k, n)]
