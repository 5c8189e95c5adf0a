"""MatrixUnitConfig: every number that fixes one matrix unit, and nothing else."""

from dataclasses import dataclass, fields
from typing import ClassVar

from ..formats import INT8, MAX_OPERAND_WIDTH, IntegerFormat, width_for

# The largest array and the deepest accumulators: TPU v1's (Jouppi et al., ISCA 2017, section 2).
MAX_SIDE = 256
MAX_DEPTH = 4096

INNER_PRODUCTS = ("plain", "fast")


def _check(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


def _check_range(name: str, value: object, low: int, high: int) -> None:
    _check(
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"{name} must be an integer from {low} to {high}, not {value!r}",
    )


@dataclass(frozen=True, kw_only=True)
class MatrixUnitConfig:
    """Shape, formats, pipelining and arithmetic of one matrix unit.

    Parameters
    ----------
    rows : int, 1..256
        R: height of the array, the part of the reduction (K) done in one pass.
    columns : int, 1..256
        C: width of the array, outputs (N) computed side by side.
    activation, weight : IntegerFormat
        Operand formats, 1 to 16 bits, signed or not, each its own. Text such as "uint8" is read.
    accumulator_width : int, 8..64
        Bits of a finished sum, which wraps in two's complement.
    accumulator_depth : int, 1..4096
        Rows of partial sums that each column can hold.
    multiplier_stages : int, 0..4
        Registers between the operand registers and the adder of a cell. 0: multiply and add in
        one cycle; 1: a registered product.
    adder_stages : int, 1..4
        Parts that the partial sum is cut into, one cycle each. The parts of one sum move south
        one cycle apart, so that a further part costs one cycle in all, not one a row.
    inner_product : plain or fast
        How the array multiplies. plain: a multiplier for each row and column. fast: one for each
        two rows and column, one more for each two rows, and some adders; `rows` must be even.
    soft_columns : int, 0..columns
        Columns, the last ones, that multiply with adders: beyond an FPGA's hard multipliers.
    checksum : bool
        Check each result row against a column more, whose weights are the sums of the others', and
        each activation against a parity bit: what changed on the way is an error. For two columns
        and activations of two bits or more.

    Raises
    ------
    ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    widest_operand: ClassVar[int] = MAX_OPERAND_WIDTH

    rows: int = 16
    columns: int = 16
    activation: IntegerFormat = INT8
    weight: IntegerFormat = INT8
    accumulator_width: int = 32
    accumulator_depth: int = 512
    multiplier_stages: int = 1
    adder_stages: int = 1
    inner_product: str = "plain"
    soft_columns: int = 0
    checksum: bool = False

    def __post_init__(self):
        for name in ("activation", "weight"):
            operand = IntegerFormat.parse(getattr(self, name))
            object.__setattr__(self, name, operand)
            _check(
                operand.width <= self.widest_operand,
                f"{name} format must be 1 to {self.widest_operand} bits wide, not {operand}",
            )
        _check_range("rows", self.rows, 1, MAX_SIDE)
        _check_range("columns", self.columns, 1, MAX_SIDE)
        _check_range("accumulator_width", self.accumulator_width, 8, 64)
        _check_range("accumulator_depth", self.accumulator_depth, 1, MAX_DEPTH)
        _check_range("multiplier_stages", self.multiplier_stages, 0, 4)
        _check_range("adder_stages", self.adder_stages, 1, 4)
        _check(
            self.inner_product in INNER_PRODUCTS,
            f"inner_product must be {' or '.join(INNER_PRODUCTS)}, not {self.inner_product!r}",
        )
        _check(
            self.rows % self.rows_per_cell == 0,
            f"rows must be even for the fast inner product, which takes them in pairs, "
            f"not {self.rows}",
        )
        _check_range("soft_columns", self.soft_columns, 0, self.columns)
        _check(
            isinstance(self.checksum, bool),
            f"checksum must be True or False, not {self.checksum!r}",
        )
        # The sums of one column are its weights, the parity of one bit is that bit: such copies
        # synthesis makes one with what they are to be compared with.
        _check(
            not self.checksum or self.columns >= 2,
            "columns must be 2 or more for checksums, which one column alone has none of",
        )
        _check(
            not self.checksum or self.activation.width >= 2,
            f"activation format must be 2 bits wide or more for checksums, whose parity one bit is "
            f"itself, not {self.activation}",
        )

    @property
    def rows_per_cell(self) -> int:
        """Rows of a tile whose products one cell of the array adds up."""
        return 2 if self.inner_product == "fast" else 1

    @property
    def cell_rows(self) -> int:
        """Height of the array in cells."""
        return self.rows // self.rows_per_cell

    @property
    def accumulator(self) -> IntegerFormat:
        """Format of a finished sum: always signed."""
        return IntegerFormat(self.accumulator_width)

    @property
    def product_width(self) -> int:
        """Bits of one product as a signed number, exact."""
        return self._width_of_products(1)

    @property
    def sum_width(self) -> int:
        """Bits of a partial sum inside the array: exact for R products, or the accumulator's."""
        return min(self.accumulator_width, self._width_of_products(self.rows))

    def _width_of_products(self, count: int) -> int:
        corners = [
            count * a * w
            for a in (self.activation.minimum, self.activation.maximum)
            for w in (self.weight.minimum, self.weight.maximum)
        ]
        return width_for(min(corners), max(corners))

    @property
    def sum_parts(self) -> tuple[int, ...]:
        """Widths of the parts of a partial sum, least significant first."""
        parts = min(self.adder_stages, self.sum_width)
        return tuple((self.sum_width + i) // parts for i in range(parts))

    @property
    def result_columns(self) -> int:
        """Columns that have accumulators and finished sums: C, and that of the checksums."""
        return self.columns + self.checksum

    @property
    def checksum_column(self) -> "MatrixUnitConfig":
        """The column of checksums by itself: its weights are sums of C weights, exact.

        Too wide for a hard multiplier, they are multiplied with adders.
        """
        one, signed = self.weight, self.weight.signed
        bits = width_for(self.columns * one.minimum, self.columns * one.maximum)
        weight = IntegerFormat(bits if signed else bits - 1, signed=signed)
        return _ChecksumColumnConfig(
            **{field.name: getattr(self, field.name) for field in fields(self)}
            | {
                "columns": 1,
                "weight": weight,
                "adder_stages": len(self.sum_parts),
                "soft_columns": int(weight.width > MAX_OPERAND_WIDTH),
                "checksum": False,
            }
        )

    @property
    def row_width(self) -> int:
        """Bits of an accumulator row number on the activation port.

        Wide enough for the first illegal row, so that a row out of range can be seen.
        """
        return self.accumulator_depth.bit_length()

    @property
    def address_width(self) -> int:
        """Bits of the number of an accumulator row that exists."""
        return max(1, (self.accumulator_depth - 1).bit_length())


class _ChecksumColumnConfig(MatrixUnitConfig):
    """Of a column whose weights are sums, and so wider than those of any unit."""

    widest_operand = MAX_OPERAND_WIDTH + MAX_SIDE.bit_length()


TINY = MatrixUnitConfig(rows=4, columns=4, accumulator_depth=16)
SMALL = MatrixUnitConfig(rows=16, columns=16)
TPU_V1 = MatrixUnitConfig(rows=256, columns=256, accumulator_depth=4096)
