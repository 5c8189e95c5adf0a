"""Write the costs of int4 at the double rate and of MX to formats.md: `make format-costs`."""

import dataclasses
from collections.abc import Callable
from statistics import median

import measured
from markdown_table import table
from tables import DOCS
from weft import MatrixUnitConfig
from weft.array.cell import PLAIN
from weft.array.cell_kind import CellKind
from weft.array.packed_cell import PACKED
from weft.array.systolic_array import Block, SystolicArray
from weft.blocks.to_float import ToFloat
from weft.boards import BOARDS
from weft.float_format import FLOAT32
from weft.hierarchy import Part
from weft.matrix.float_accumulators import FloatAccumulatorBank, bank_of
from weft_cli.fpga.cells import cost_of, placed_mhz
from weft_cli.fpga.scaled_sum import ScaledSum
from weft_cli.fpga.table import FAST
from weft_model import Schedule, predict

PAGE = DOCS / "formats.md"
FAMILY = "ecp5"
SEEDS = (1, 2, 3)
# Rows and columns of the tiles whose cells are counted, and of the small array that is placed.
COUNTED = (16, 8)
PLACED = 4
# Formats of the elements of MX, and sides of square arrays that divide its blocks of 32.
ELEMENTS = ("float8_e4m3fn", "float4_e2m1fn", "int8")
SIDES = (8, 16, 32)
BLOCK = 32

# Returns an array for tiles of a number of rows, with a number of columns.
Arrays = Callable[[int, int], Part]


def unit(formats: str, rows: int, columns: int, **options) -> MatrixUnitConfig:
    """The unit of the board in other formats."""
    given = {"activation": formats, "weight": formats, "accumulator_width": 0, "rows": rows}
    config = BOARDS["ulx3s-85f"].config
    return dataclasses.replace(config, columns=columns, **given, **options)


def cells_of(formats: str, *, kind: CellKind = PLAIN, soft: bool = False) -> Arrays:
    """Arrays of cells, without edges."""

    def array(rows: int, columns: int) -> Part:
        height = rows // kind.tile_rows
        return Part(
            SystolicArray,
            {
                "cell": kind,
                "arithmetic": unit(formats, rows, columns).arithmetic,
                "rows": height,
                "columns": columns,
                "soft_columns": columns if soft else 0,
                "block": Block.of_array(rows=height, columns=columns),
            },
        )

    return array


def fast(rows: int, columns: int) -> Part:
    """An array with the fast inner product of int4, with its edges."""
    return unit("int4", rows, columns, **FAST).array


def packed(rows: int, columns: int) -> Part:
    """An array with two products of int4 per multiplier, with its edges."""
    return unit("int4", rows, columns, inner_product="packed").array


def double_rate() -> str:
    """Cells of int4 with one and two products, with and without a multiplier, beside int8."""
    rows = []
    for name, products, array in (
        ("int8", 1, cells_of("int8")),
        ("int4", 1, cells_of("int4")),
        ("int4, with adders", 1, cells_of("int4", soft=True)),
        ("int4, fast, with its edges", 2, fast),
        ("int4, two products", 2, cells_of("int4", kind=PACKED)),
        ("int4, two products, with its edges", 2, packed),
        ("int5, two products", 2, cells_of("int5", kind=PACKED)),
    ):
        high, wide = COUNTED
        cost = cost_of(array(high, wide), FAMILY)
        mhz = placed_mhz(array(PLACED * products, PLACED), SEEDS)
        per_product = [cost[key] / (high * wide) for key in ("lut", "ff", "dsp")]
        lut, ff, dsp = (number * products for number in per_product)
        rows.append(
            (
                name,
                products,
                f"{lut:.1f}, {ff:.1f}, {dsp:.2f}",
                *(f"{number:.2f}" for number in per_product),
                f"**{median(mhz):.0f}**",
                f"{min(mhz):.0f} to {max(mhz):.0f}",
            )
        )
    heads = (
        *("Cell", "Products per cycle", "LUT, flip-flops, multipliers", "LUT per MAC"),
        *("Flip-flops per MAC", "Multipliers per MAC", "MHz, median", "MHz, range"),
    )
    return table(heads, rows)


def microscaling() -> str:
    """A column south of its cells, with exact sums and with MX, and the share of each MAC."""
    floats = cost_of(Part(FloatAccumulatorBank, {"number": FLOAT32, "depth": 512}), FAMILY)
    rows = []
    for name in ELEMENTS:
        for side in SIDES:
            config = unit(name, side, side, result="float32")
            cells = cost_of(
                config.multiplication.array(
                    arithmetic=config.arithmetic, rows=PLACED, columns=PLACED
                ),
                FAMILY,
            )
            exact, scaled = exact_column(config), scaled_column(config, floats)
            now, then = (
                [cells[key] / PLACED**2 + column[key] / side for key in ("lut", "ff")]
                for column in (exact, scaled)
            )
            rows.append(
                (
                    f"`{name}`",
                    f"{side} x {side}",
                    *(
                        f"{column['lut']:,}, {column['ff']:,}, {column['bram']}"
                        for column in (exact, scaled)
                    ),
                    f"{now[0]:.0f}, {now[1]:.0f}",
                    f"{then[0]:.0f}, {then[1]:.0f}",
                    f"{then[0] / now[0] - 1:+.0%}, {then[1] / now[1] - 1:+.0%}",
                )
            )
    heads = (
        *("Elements", "Array", "Exact column: LUT, flip-flops, memories", "MX column"),
        *("Exact, per MAC: LUT, flip-flops", "MX, per MAC", "Change"),
    )
    return table(heads, rows)


def exact_column(config: MatrixUnitConfig) -> dict[str, int]:
    """The accumulators of a column, and the rounding of its results."""
    bank = bank_of(config, sum_parts=config.arithmetic.sum_parts)
    rounding = {"width": config.accumulator_width, "least_exponent": config.least_exponent}
    return _added(
        cost_of(bank, FAMILY), cost_of(Part(ToFloat, {**rounding, "number": FLOAT32}), FAMILY)
    )


def scaled_column(config: MatrixUnitConfig, floats: dict[str, int]) -> dict[str, int]:
    """The rounding and scaling of the block sums of a column, and its accumulators."""
    arithmetic = config.arithmetic
    scaling = {
        "width": arithmetic.sum_width,
        "flags": arithmetic.flags,
        "least_exponent": config.least_exponent,
    }
    return _added(cost_of(Part(ScaledSum, scaling), FAMILY), floats)


def _added(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {key: number + second[key] for key, number in first.items()}


def blocks() -> str:
    """A product computed whole, and in products of one block each: cycles and result rows."""
    rows = []
    m, k, n = 64, 1024, 64
    for side in SIDES:
        config = unit("float8_e4m3fn", side, side)
        whole = predict(config, [Schedule(config, m, k, n)]).cycles
        parts = predict(config, [Schedule(config, m, BLOCK, n)] * (k // BLOCK)).cycles
        results = 4 * m * n
        rows.append(
            (
                f"{side} x {side}",
                f"{whole:,}",
                f"{parts:,}",
                f"{results:,}",
                f"{results * k // BLOCK:,}",
            )
        )
    heads = (
        *("Array", "Cycles, whole", "Cycles, in blocks"),
        *("Bytes of results, whole", "Bytes of results, in blocks"),
    )
    return table(heads, rows)


PARTS = {"double_rate": double_rate, "microscaling": microscaling, "blocks": blocks}


def main() -> None:
    """Write the page."""
    measured.rewrite(PAGE, lambda name: PARTS[name]())
    print(PAGE)


if __name__ == "__main__":
    main()
