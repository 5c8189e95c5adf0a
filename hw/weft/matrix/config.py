"""MatrixUnitConfig: every parameter of a matrix unit, and nothing else."""

import functools
from dataclasses import dataclass

from ..array.arithmetic import Arithmetic, equal_parts
from ..array.chained_arithmetic import CellArithmetic, ChainedArithmetic
from ..array.inner_product import (
    INNER_PRODUCTS,
    MAGNITUDE_PRODUCTS,
    ChainedInnerProduct,
    FastInnerProduct,
    PackedInnerProduct,
    PlainInnerProduct,
)
from ..checks import check, check_kind
from ..float_format import BFLOAT16, FLOAT32, OPERAND_FLOATS
from ..formats import (
    INT8,
    MAX_OPERAND_WIDTH,
    MAX_PORT_WIDTH,
    MAX_WIDTH,
    IntegerFormat,
    NumberFormat,
    OperandFormats,
    products_width,
)
from ..hierarchy import Part
from ..normalized_float import NormalizedFloat
from ..operand_pair import FLOAT_SUM, OperandPair
from ..operand_port import OperandPort
from ..parameters import OperandField, check_parameters, documented, parameter

# Sizes of TPU v1 (Jouppi et al., ISCA 2017, section 2).
MAX_SIDE = 256
MAX_DEPTH = 4096

DEFAULT_ACCUMULATOR = 32

FORMATS = (
    f"int8, uint5 or similar, at most {MAX_OPERAND_WIDTH} bits; or several, as in int8,uint8, and "
    f"each product uses one of them. Or one of {', '.join(OPERAND_FLOATS)}."
)


@documented
@dataclass(frozen=True, kw_only=True)
class MatrixUnitConfig:
    """Shape, formats, pipelining and arithmetic of one matrix unit.

    A format is given as an IntegerFormat, its name or a numpy dtype; several as a tuple or list, or
    as names with commas.

    Parameters
    ----------
    {parameters}

    Raises
    ------
    ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    rows: int = parameter(
        16,
        "R: height of the array, the part of the reduction (K) computed in one pass.",
        low=1,
        high=MAX_SIDE,
    )
    columns: int = parameter(
        16, "C: width of the array, outputs (N) computed in parallel.", low=1, high=MAX_SIDE
    )
    activation: OperandField = parameter(
        OperandField(OperandFormats((INT8,))), f"Format of activations: {FORMATS}"
    )
    weight: OperandField = parameter(
        OperandField(OperandFormats((INT8,))), f"Format of weights: {FORMATS}"
    )
    cell_width: int = parameter(
        0,
        "Bits of the numbers that a cell multiplies; wider numbers pass in pieces, one after the "
        "other. With 0, cells are as wide as the widest format.",
        low=0,
        high=MAX_OPERAND_WIDTH,
    )
    zero_points: bool = parameter(
        False,
        "Subtract a zero point from each operand on its way into the array: one for each activation"
        " row, and one for each column of a weight row.",
    )
    accumulator_width: int = parameter(
        0,
        f"Bits of a finished sum, which wraps in two's complement; 8 to {MAX_PORT_WIDTH}, or more "
        f"for float8_e5m2. With 0, 32 bits, or more if sums of {FLOAT_SUM} products of floats need "
        "them. Sums of bfloat16 are float32.",
        low=0,
        high=MAX_WIDTH,
    )
    accumulator_depth: int = parameter(
        512, "Rows of partial sums that each column can hold.", low=1, high=MAX_DEPTH
    )
    multiplier_stages: int = parameter(
        1,
        "Registers between the operand registers and the adder of a cell; with 0, a cell multiplies"
        " and adds in one cycle.",
        low=0,
        high=4,
    )
    adder_stages: int = parameter(
        1,
        "Parts of a partial sum, added one cycle apart; each part adds one cycle to the latency.",
        low=1,
        high=4,
    )
    inner_product: str = parameter(
        "plain",
        "How the array multiplies: plain, with one multiplier per row and column; fast, with half "
        "as many and some adders; or packed, with half as many, for numbers of at most 5 bits. The "
        "last two need an even number of rows.",
        values=tuple(INNER_PRODUCTS),
    )
    soft_columns: int = parameter(
        0,
        "How many of the last columns multiply with adders instead of hard multipliers.",
        low=0,
        high="columns",
    )
    result: str = parameter(
        "automatic",
        "What the unit outputs: integer, the sum itself, for floats in units of the product of the "
        "smallest positive values of their formats; or float32 or bfloat16, the sum rounded once, "
        "ties to even. automatic: integer for integers, float32 for floats.",
        values=("automatic", "integer", "float32", "bfloat16"),
    )
    checksum: bool = parameter(
        False,
        "Check each result row against an extra column, whose weights are the sums of the other "
        "columns' weights, and each activation against a parity bit; needs at least 2 columns and "
        "activations of at least 2 bits.",
    )

    def __post_init__(self):
        check_parameters(self)
        operands = self.operands
        operands.check()
        check(
            self.inner_product == "plain" or not operands.magnitude,
            f"inner_product must be plain for {self.activation} and {self.weight}, not "
            f"{self.inner_product}: such numbers take a whole multiplier",
        )
        if self.chained:
            self._check_chained()
        else:
            self._check_sums()
        check(
            self.rows % self.rows_per_cell == 0,
            f"rows must be even for the {self.inner_product} inner product, not {self.rows}",
        )
        self.multiplication.check(operands, self.arithmetic, checksum=self.checksum)
        # The sums of one column are its weights, and the parity of one bit is that bit. Synthesis
        # would merge such copies with the values that they check.
        check(
            not self.checksum or self.columns >= 2,
            f"columns must be at least 2 for checksums, not {self.columns}: the checksum of "
            "one column would be a copy of it",
        )
        # Not the cached property, so that a proof can still narrow the formats.
        check(
            not self.checksum or operands.port("activation").operand.width >= 2,
            f"activations must have at least 2 bits for checksums, not {self.activation}: the "
            "parity of one bit is that bit",
        )

    def _check_chained(self) -> None:
        """Check the parameters that sums of float32 do not have."""
        what = f"for {self.activation} and {self.weight}, whose sums are {FLOAT32}"
        for name, only in (
            ("accumulator_width", FLOAT32.width),
            ("adder_stages", 1),
            ("inner_product", "plain"),
        ):
            given = getattr(self, name)
            check(given in (0, only), f"{name} must be {only} {what}, not {given}")
        check(not self.checksum, f"checksum must be off {what}: a checksum needs exact sums")
        exact = self.result == "integer"
        check(not exact, f"result must be {FLOAT32} or {BFLOAT16} {what}, not integer")
        object.__setattr__(self, "accumulator_width", FLOAT32.width)

    def _check_sums(self) -> None:
        """Choose the width of the sums if it is not given, and check it."""
        operands = self.operands
        least, most = operands.least_sum_width, operands.most_sum_width
        if self.accumulator_width == 0:
            object.__setattr__(self, "accumulator_width", max(DEFAULT_ACCUMULATOR, least))
        reason = f": {FLOAT_SUM} products of {self.activation} and {self.weight} must not overflow"
        check(
            least <= self.accumulator_width <= most,
            f"accumulator_width must be an integer from {least} to {most}, not "
            f"{self.accumulator_width}{reason if operands.has_floats else ''}",
        )
        check(
            self.result != "integer" or not operands.can_be_infinite,
            f"result must be {FLOAT32} or {BFLOAT16} for {self.activation} and {self.weight}, not "
            "integer: a sum can be infinite",
        )

    @functools.cached_property
    def most_products(self) -> int | None:
        """Products of floats whose sum cannot overflow; None for integers, whose sums wrap."""
        if self.chained or not self.operands.has_floats:
            return None
        return ((1 << self.accumulator_width - 1) - 1) // self.operands.largest_product

    @property
    def chained(self) -> bool:
        """Whether sums are floating-point numbers, rounded at each step; else they are exact."""
        return self.operands.chained

    @functools.cached_property
    def result_format(self) -> NumberFormat:
        """Format of the results."""
        chosen = self.result
        if chosen == "automatic":
            chosen = "float32" if self.operands.has_floats else "integer"
        return {"float32": FLOAT32, "bfloat16": BFLOAT16}.get(chosen, self.accumulator)

    @functools.cached_property
    def sum_format(self) -> NumberFormat:
        """Format of a finished sum in the accumulators."""
        return FLOAT32 if self.chained else self.accumulator

    @property
    def least_exponent(self) -> int:
        """A finished sum is in units of 2**least_exponent."""
        return self.activation_port.least_exponent + self.weight_port.least_exponent

    @property
    def label(self) -> str:
        """Shape and formats, as in: 16x16, int8 x int8 -> int32."""
        formats = f"{self.activation} x {self.weight} -> {self.result_format}"
        return f"{self.rows}x{self.columns}, {formats}"

    @property
    def operands(self) -> OperandPair:
        """The formats of both operands together."""
        return OperandPair(
            activation=self.activation,
            weight=self.weight,
            cell_width=self.cell_width,
            zero_points=self.zero_points,
        )

    @functools.cached_property
    def activation_port(self) -> OperandPort:
        """How activations cross the port and enter the array."""
        return self.operands.port("activation")

    @functools.cached_property
    def weight_port(self) -> OperandPort:
        """How weights cross the port and enter the array."""
        return self.operands.port("weight")

    @functools.cached_property
    def shift_bits(self) -> int:
        """Bits of the field `shift` of an activation row; 0 if no operand passes in pieces."""
        return self.operands.highest_shift.bit_length()

    @property
    def multiplication(self) -> type[PlainInnerProduct | FastInnerProduct | PackedInnerProduct]:
        """How the array multiplies, and its components."""
        if self.chained:
            return ChainedInnerProduct
        if self.operands.magnitude:
            return MAGNITUDE_PRODUCTS[self.operands.magnitude]
        return INNER_PRODUCTS[self.inner_product]

    @property
    def array(self) -> Part:
        """The array of this unit: its component and parameters; with checksums, a checked array."""
        kind = self.multiplication
        array = kind.checked_array if self.checksum else kind.array
        return array(
            arithmetic=self.arithmetic,
            rows=self.rows,
            columns=self.columns,
            soft_columns=self.soft_columns,
        )

    @property
    def rows_per_cell(self) -> int:
        """Rows of a tile whose products one cell of the array adds up."""
        return self.multiplication.tile_rows

    @property
    def cell_rows(self) -> int:
        """Height of the array in cells."""
        return self.rows // self.rows_per_cell

    @functools.cached_property
    def accumulator(self) -> IntegerFormat:
        """Format of a finished sum: always signed."""
        return IntegerFormat(self.accumulator_width)

    @property
    def arithmetic(self) -> CellArithmetic:
        """Formats and widths in the cells of the array."""
        activation, weight = self.activation_port.operand, self.weight_port.operand
        if isinstance(activation, NormalizedFloat) and isinstance(weight, NormalizedFloat):
            return ChainedArithmetic(
                activation=activation,
                weight=weight,
                total=FLOAT32,
                multiplier_stages=self.multiplier_stages,
            )
        width = min(self.accumulator_width, products_width(activation, weight, self.rows))
        return Arithmetic(
            activation=activation,
            weight=weight,
            sum_parts=equal_parts(width, self.adder_stages),
            multiplier_stages=self.multiplier_stages,
        )

    @property
    def result_columns(self) -> int:
        """Columns that have accumulators and finished sums: C, plus 1 with checksums."""
        return self.columns + self.checksum

    @property
    def row_width(self) -> int:
        """Bits of an accumulator row number on the activation port.

        It can hold the first illegal row number, so that an illegal row can be detected.
        """
        return self.accumulator_depth.bit_length()

    @property
    def address_width(self) -> int:
        """Bits of a legal accumulator row number."""
        return max(1, (self.accumulator_depth - 1).bit_length())


def check_config(config: MatrixUnitConfig) -> None:
    """Raise TypeError unless the value is a MatrixUnitConfig."""
    check_kind(config, MatrixUnitConfig, "config must be a MatrixUnitConfig")


TINY = MatrixUnitConfig(rows=4, columns=4, accumulator_depth=16)
SMALL = MatrixUnitConfig(rows=16, columns=16)
TPU_V1 = MatrixUnitConfig(rows=256, columns=256, accumulator_depth=4096)
