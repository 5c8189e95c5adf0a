"""How an array multiplies: the kinds of array that a unit can be made of, by name."""

from amaranth.hdl import Shape

from ..hierarchy import Part
from .arithmetic import Arithmetic
from .cell import PLAIN
from .fast_array import CheckedFastArray, FastArray
from .fast_cell import FAST
from .pairs import operand_shape
from .systolic_array import Block, SystolicArray


class PlainInnerProduct:
    """A multiplier for each row and column."""

    tile_rows = PLAIN.tile_rows
    shares_multipliers = PLAIN.sharing is not None

    @staticmethod
    def operand_shapes(arithmetic: Arithmetic) -> tuple[Shape, Shape]:
        """What a cell multiplies."""
        return arithmetic.activation.shape, arithmetic.weight.shape

    @staticmethod
    def multipliers(*, rows: int, columns: int) -> int:
        """Hard multipliers of an array for tiles of `rows` rows with so many hard columns."""
        return rows * columns

    @staticmethod
    def latency_of(arithmetic: Arithmetic, *, rows: int) -> int:
        """Cycles from row 0's activation to column 0's sum, all its parts there."""
        return PLAIN.latency_of(arithmetic, rows=rows)

    @staticmethod
    def array(*, arithmetic: Arithmetic, rows: int, columns: int, soft_columns: int = 0) -> Part:
        """The array for tiles of `rows` rows; it has a SystolicArray's ports."""
        return Part(
            SystolicArray,
            {
                "cell": PLAIN,
                "arithmetic": arithmetic,
                "rows": rows,
                "columns": columns,
                "soft_columns": soft_columns,
                "block": Block.of_array(rows=rows, columns=columns),
            },
        )

    # A check needs no more than what leaves the array at its east edge in any case.
    checked_array = array
    checking_array = array


class FastInnerProduct:
    """A multiplier for each two rows and column, one more for each two rows, and some adders."""

    tile_rows = FAST.tile_rows
    shares_multipliers = FAST.sharing is not None

    @staticmethod
    def operand_shapes(arithmetic: Arithmetic) -> tuple[Shape, Shape]:
        """What a cell multiplies."""
        shape = operand_shape(arithmetic)
        return shape, shape

    @staticmethod
    def multipliers(*, rows: int, columns: int) -> int:
        """Those of the cells, and a column more for the products of the activations."""
        return rows // FAST.tile_rows * (columns + 1)

    @staticmethod
    def latency_of(arithmetic: Arithmetic, *, rows: int) -> int:
        """Cycles from pair 0 of the activations to column 0's sum, all its parts there."""
        return FastArray.latency_of(arithmetic, rows=rows)

    @staticmethod
    def array(**parameters) -> Part:
        """As of a PlainInnerProduct, with a FastArray's ports."""
        return Part(FastArray, parameters)

    @staticmethod
    def checked_array(**parameters) -> Part:
        """The array of a unit with checksums: it checks what rides through it, and shows it."""
        return Part(CheckedFastArray, parameters)

    @staticmethod
    def checking_array(**parameters) -> Part:
        """The array of the column of checksums: it shows the products to compare with."""
        return Part(FastArray, {**parameters, "shows_products": True})


INNER_PRODUCTS = {"plain": PlainInnerProduct, "fast": FastInnerProduct}
