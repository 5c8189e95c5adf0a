"""How an array multiplies: the kinds of array that a unit can have, by name."""

from amaranth.hdl import Shape, unsigned

from ..checks import check
from ..formats import MULTIPLIER_BITS
from ..hierarchy import Part
from ..operand_pair import OperandPair
from ..sign_magnitude import SignMagnitude
from ..stepped_magnitude import SteppedMagnitude
from .arithmetic import Arithmetic
from .cell import PLAIN
from .fast_array import CheckedFastArray, FastArray
from .fast_cell import FAST
from .float_cell import CHAINED
from .magnitude_cell import MAGNITUDE
from .packed_array import PackedArray
from .packed_cell import PACKED, can_pack, operand_shapes
from .pairs import operand_shape
from .stepped_cell import STEPPED
from .systolic_array import Block, SystolicArray


class PlainInnerProduct:
    """One multiplier for each row and column."""

    cell = PLAIN
    tile_rows = PLAIN.tile_rows
    shares_multipliers = PLAIN.sharing is not None

    @staticmethod
    def check(operands: OperandPair, arithmetic, *, checksum: bool) -> None:
        """Raise ValueError if an array cannot multiply so; a plain array always can."""

    @staticmethod
    def operand_shapes(arithmetic: Arithmetic) -> tuple[Shape, Shape]:
        """Return the shapes of the operands that a cell multiplies."""
        return arithmetic.activation.shape, arithmetic.weight.shape

    @staticmethod
    def multipliers(*, rows: int, columns: int) -> int:
        """Return the hard multipliers of an array for tiles of `rows` rows; `columns` are hard."""
        return rows * columns

    @classmethod
    def latency_of(cls, arithmetic: Arithmetic, *, rows: int) -> int:
        """Return the cycles from the activation of row 0 to the last part of column 0's sum."""
        return cls.cell.latency_of(arithmetic, rows=rows)

    @classmethod
    def array(
        cls, *, arithmetic: Arithmetic, rows: int, columns: int, soft_columns: int = 0
    ) -> Part:
        """Return the array for tiles of `rows` rows; it has the ports of a SystolicArray."""
        return Part(
            SystolicArray,
            {
                "cell": cls.cell,
                "arithmetic": arithmetic,
                "rows": rows,
                "columns": columns,
                "soft_columns": soft_columns,
                "block": Block.of_array(rows=rows, columns=columns),
            },
        )

    # The checks need only what every array outputs at its east edge.
    checked_array = array
    checking_array = array


class MagnitudeInnerProduct(PlainInnerProduct):
    """The same for operands that are SignMagnitude."""

    cell = MAGNITUDE
    shares_multipliers = MAGNITUDE.sharing is not None
    # The sums of weights are integers.
    checking_array = PlainInnerProduct.array

    @staticmethod
    def operand_shapes(arithmetic: Arithmetic) -> tuple[Shape, Shape]:
        """Return the shapes of the operands that a cell multiplies."""
        first, second = arithmetic.activation, arithmetic.weight
        return unsigned(first.magnitude_width), unsigned(second.magnitude_width)


class SteppedInnerProduct(MagnitudeInnerProduct):
    """The same for operands that are SteppedMagnitude."""

    cell = STEPPED
    shares_multipliers = STEPPED.sharing is not None


class ChainedInnerProduct(PlainInnerProduct):
    """The same for operands that are NormalizedFloat; its sums are rounded in each row."""

    cell = CHAINED
    shares_multipliers = CHAINED.sharing is not None

    @staticmethod
    def operand_shapes(arithmetic) -> tuple[Shape, Shape]:
        """Return the shapes of the operands that a cell multiplies."""
        first, second = arithmetic.activation, arithmetic.weight
        return unsigned(first.significand_width), unsigned(second.significand_width)


class FastInnerProduct:
    """One multiplier per pair of rows and column, one more per pair of rows, and some adders."""

    cell = FAST
    tile_rows = FAST.tile_rows
    shares_multipliers = FAST.sharing is not None

    @staticmethod
    def check(operands: OperandPair, arithmetic, *, checksum: bool) -> None:
        """Raise ValueError if an array cannot multiply so; a fast array always can."""

    @staticmethod
    def operand_shapes(arithmetic: Arithmetic) -> tuple[Shape, Shape]:
        """Return the shapes of the operands that a cell multiplies."""
        shape = operand_shape(arithmetic)
        return shape, shape

    @staticmethod
    def multipliers(*, rows: int, columns: int) -> int:
        """Return the multipliers of the cells, and of a column for products of activations."""
        return rows // FAST.tile_rows * (columns + 1)

    @staticmethod
    def latency_of(arithmetic: Arithmetic, *, rows: int) -> int:
        """Return the cycles from pair 0 of the activations to the last part of column 0's sum."""
        return FastArray.latency_of(arithmetic, rows=rows)

    @staticmethod
    def array(**parameters) -> Part:
        """Return the array; parameters as in PlainInnerProduct, ports as in FastArray."""
        return Part(FastArray, parameters)

    @staticmethod
    def checked_array(**parameters) -> Part:
        """Return the array of a unit with checksums: it checks the pairs that cross it."""
        return Part(CheckedFastArray, parameters)

    @staticmethod
    def checking_array(**parameters) -> Part:
        """Return the array of the checksum column: it outputs its products for comparison."""
        return Part(FastArray, {**parameters, "shows_products": True})


class PackedInnerProduct:
    """One multiplier per pair of rows and column, whose operands hold two narrow numbers each."""

    cell = PACKED
    tile_rows = PACKED.tile_rows
    shares_multipliers = PACKED.sharing is not None

    @staticmethod
    def check(operands: OperandPair, arithmetic, *, checksum: bool) -> None:
        """Raise ValueError unless two products fit one multiplier, and there is no checksum."""
        check(
            can_pack(arithmetic),
            f"inner_product must be plain or fast for {operands.activation} and {operands.weight}"
            f"{' with zero points' if operands.zero_points else ''}, not packed: two packed "
            f"numbers must fit {MULTIPLIER_BITS} bits, as those of at most 5 bits do, or of at "
            "most 4 bits with zero points or mixed signs",
        )
        check(
            not checksum,
            "checksum must be off for the packed inner product: sums of weights are too wide to "
            "pack",
        )

    @staticmethod
    def operand_shapes(arithmetic: Arithmetic) -> tuple[Shape, Shape]:
        """Return the shapes of the operands that a cell multiplies."""
        return operand_shapes(arithmetic)

    @staticmethod
    def multipliers(*, rows: int, columns: int) -> int:
        """Return the hard multipliers of an array for tiles of `rows` rows; `columns` are hard."""
        return rows // PACKED.tile_rows * columns

    @staticmethod
    def latency_of(arithmetic: Arithmetic, *, rows: int) -> int:
        """Return the cycles from pair 0 of the activations to the last part of column 0's sum."""
        return PackedArray.latency_of(arithmetic, rows=rows)

    @staticmethod
    def array(**parameters) -> Part:
        """Return the array; parameters as in PlainInnerProduct, ports as in PackedArray."""
        return Part(PackedArray, parameters)

    # A configuration with checksums is refused: sums of weights are too wide to pack.
    checked_array = array
    checking_array = array


INNER_PRODUCTS = {
    "plain": PlainInnerProduct,
    "fast": FastInnerProduct,
    "packed": PackedInnerProduct,
}
# For operands that are magnitudes.
MAGNITUDE_PRODUCTS = {SignMagnitude: MagnitudeInnerProduct, SteppedMagnitude: SteppedInnerProduct}
