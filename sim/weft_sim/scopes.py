"""Scopes of the replicated modules of a unit in the hierarchy of its Verilog."""

from weft.emit.export import hierarchy_of
from weft.matrix.accumulators import AccumulatorBank
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.float_accumulators import FloatAccumulatorBank
from weft.matrix.results import ResultColumn

ARRAY = "unit.array."


def cells(config: MatrixUnitConfig) -> dict[tuple[int, int], str]:
    """Return the scope of each cell, by its row of cells and its column in the whole array."""
    kind = config.multiplication.cell
    components = [cell.__name__ for cell in (kind.hard, kind.soft, kind.sharing) if cell]
    return {
        (place[0], place[1]): path
        for path, place, _ in hierarchy_of(config).find(*components)
        if path.startswith(ARRAY)
    }


def banks(config: MatrixUnitConfig) -> list[str]:
    """Return the scope of the accumulator bank of each column."""
    bank = FloatAccumulatorBank if config.chained else AccumulatorBank
    return _lanes(config, bank, "unit.accumulators.")


def result_columns(config: MatrixUnitConfig) -> list[str]:
    """Return the scope of each column of the result buffer; the checksum column is last."""
    return _lanes(config, ResultColumn, "unit.results.")


def _lanes(config: MatrixUnitConfig, component: type, within: str) -> list[str]:
    found = hierarchy_of(config).find(component.__name__)
    return [path for path, _, _ in sorted(found, key=lambda one: one[1]) if path.startswith(within)]
