"""Where the parts of a unit that come in numbers stand in the hierarchy of its Verilog."""

from weft.array.row import column_numbers
from weft.array.systolic_array import halves_of
from weft.blocks.chain import FLAT_LINKS
from weft.hierarchy import largest_power_of_two_below
from weft.matrix.accumulators import FLAT_COLUMNS as FLAT_BANKS
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.results import FLAT_COLUMNS as FLAT_RESULTS


def cells(config: MatrixUnitConfig) -> dict[tuple[int, int], str]:
    """The scope of each cell by its row of cells and its column in the whole array."""

    def walk(scope: str, rows: range, columns: range) -> dict[tuple[int, int], str]:
        if halves := halves_of(config, rows, columns):
            near, far = (walk(f"{scope}.{name}", *half) for name, half in halves.items())
            return near | far
        numbers = column_numbers(len(columns))
        return {
            (row, column): f"{scope}.row_{index}.cell_{number}"
            for index, row in enumerate(rows)
            for column, number in zip(columns, numbers, strict=True)
        }

    scope = "unit.array.cells" if config.inner_product == "fast" else "unit.array"
    return walk(scope, range(config.cell_rows), range(config.columns))


def activation_products(config: MatrixUnitConfig) -> list[str]:
    """The scope of what a fast array has west of each row of its cells."""
    return _lanes("unit.array.west", "link", config.cell_rows, FLAT_LINKS, ("near", "far"))


def banks(config: MatrixUnitConfig) -> list[str]:
    """The scope of each column's accumulators."""
    return _lanes("unit.accumulators", "bank", config.columns, FLAT_BANKS)


def result_columns(config: MatrixUnitConfig) -> list[str]:
    """The scope of each column of the result buffer, that of the checksums last."""
    return _lanes("unit.results.columns", "column", config.result_columns, FLAT_RESULTS)


def _lanes(
    scope: str, name: str, lanes: int, flat: int, halves: tuple[str, str] = ("west", "east")
) -> list[str]:
    if lanes <= flat:
        return [f"{scope}.{name}_{lane}" for lane in range(lanes)]
    cut = largest_power_of_two_below(lanes)
    first, second = halves
    near = _lanes(f"{scope}.{first}", name, cut, flat, halves)
    return near + _lanes(f"{scope}.{second}", name, lanes - cut, flat, halves)
