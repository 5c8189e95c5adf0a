"""CoreConfig: every size of a core, nested by its parts."""

from dataclasses import dataclass, field

from ..checks import check, check_kind, checked_integer
from ..isa.fields import WORD_BITS
from ..isa.kind import MOST_ENTRIES, MOST_ROWS, MOST_TABLES
from ..isa.requirements import Requirements
from ..matrix.config import MAX_DEPTH, MAX_SIDE, MatrixUnitConfig
from ..parameters import check_parameters, documented, parameter, plain_parameters
from ..vector.row_chunks import RowChunks

MULTIPLE = 4


@documented
@dataclass(frozen=True, kw_only=True)
class BufferConfig:
    """Sizes of the unified buffer, whose rows have one operand for each row of the array.

    Parameters
    ----------
    {parameters}

    Raises
    ------
    ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    rows: int = parameter(8192, "Rows of the buffer.", low=1, high=MOST_ROWS)
    banks: int = parameter(
        4,
        "Banks, each with one read and one write port; the rows of a bank are a power of two.",
        low=1,
        high=16,
    )

    def __post_init__(self):
        check_parameters(self)
        check(
            self.rows % self.banks == 0,
            f"rows must be a multiple of the number of banks, {self.banks}, not {self.rows}",
        )
        height = self.rows // self.banks
        check(
            height.bit_count() == 1,
            f"the rows of a bank must be a power of two, not {height}: {self.rows} rows in "
            f"{self.banks} banks",
        )


@documented
@dataclass(frozen=True, kw_only=True)
class VectorConfig:
    """Sizes of the vector unit.

    Parameters
    ----------
    {parameters}

    Raises
    ------
    ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    lanes: int = parameter(4, "V: elements per cycle.", low=1, high=MAX_SIDE)
    parameter_rows: int = parameter(
        64, "Rows of N records, each with bias, multiplier and shift.", low=1, high=MOST_ENTRIES
    )
    tables: int = parameter(4, "Tables of 256 words.", low=1, high=MOST_TABLES)
    row_scalars: int = parameter(512, "Row scalars.", low=1, high=MOST_ENTRIES)

    def __post_init__(self):
        check_parameters(self)


@documented
@dataclass(frozen=True, kw_only=True)
class QueueConfig:
    """Places of the queues between the units.

    Parameters
    ----------
    {parameters}

    Raises
    ------
    ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    slots: int = parameter(8, "Unfinished instructions that each unit holds.", low=1, high=255)
    tiles: int = parameter(4, "Tiles in the weight FIFO.", low=1, high=255)
    result_rows: int = parameter(
        512, "Result rows between the matrix and the vector unit.", low=1, high=MAX_DEPTH
    )

    def __post_init__(self):
        check_parameters(self)


@documented
@dataclass(frozen=True, kw_only=True)
class BusConfig:
    """Sizes of the memory bus.

    Parameters
    ----------
    {parameters}

    Raises
    ------
    ValueError
        With one sentence that names the parameter, the value and the legal range.
    """

    data_width: int = parameter(
        128, "Bits of a beat, a power of two: most that are read in a cycle.", low=32, high=1024
    )
    address_width: int = parameter(40, "Bits of an address of a byte.", low=32, high=64)

    def __post_init__(self):
        check_parameters(self)
        check(
            self.data_width.bit_count() == 1,
            f"data_width must be a power of two, not {self.data_width}",
        )


PARTS = {
    "matrix": MatrixUnitConfig,
    "buffer": BufferConfig,
    "vector": VectorConfig,
    "queues": QueueConfig,
    "bus": BusConfig,
}


@dataclass(frozen=True, kw_only=True)
class CoreConfig:
    """A core: its matrix unit, buffer, vector unit, queues and memory bus.

    Parameters
    ----------
    matrix : MatrixUnitConfig
        Square, N x N; N is a multiple of 4 up to 256. 8-bit integers with zero points.
    buffer : BufferConfig
    vector : VectorConfig
        Its lanes divide N; see RowChunks.
    queues : QueueConfig
    bus : BusConfig

    Raises
    ------
    TypeError, ValueError
        With one sentence that names the parameter, its value and what would be right.
    """

    matrix: MatrixUnitConfig
    buffer: BufferConfig
    vector: VectorConfig
    queues: QueueConfig
    bus: BusConfig = field(default_factory=BusConfig)

    def __post_init__(self):
        for name, kind in PARTS.items():
            check_kind(getattr(self, name), kind, f"{name} must be a {kind.__name__}")
        matrix, lanes = self.matrix, self.matrix.rows
        check(
            matrix.columns == lanes,
            f"the array of a core must be square, not {lanes} x {matrix.columns}",
        )
        check(
            lanes % MULTIPLE == 0,
            f"the sides of the array of a core must be a multiple of {MULTIPLE}, not {lanes}",
        )
        check(
            str(matrix.activation) == str(matrix.weight) == OPERANDS and matrix.zero_points,
            f"the matrix unit of a core must have activations and weights of {OPERANDS} with zero "
            f"points, not {matrix.activation} and {matrix.weight} "
            f"{'with' if matrix.zero_points else 'without'} zero points",
        )
        check(
            matrix.accumulator_width == WORD_BITS,
            f"the sums of a core must have {WORD_BITS} bits, not {matrix.accumulator_width}",
        )
        # It checks the lanes of the vector unit.
        _ = self.row_chunks

    @property
    def plain(self) -> dict[str, dict[str, int | str]]:
        """The parameters of each part, as JSON values."""
        return {part: plain_parameters(getattr(self, part)) for part in PARTS}

    @property
    def lanes(self) -> int:
        """N: rows and columns of the array, and operands of a buffer row."""
        return self.matrix.rows

    @property
    def operand_width(self) -> int:
        """Bits of an operand in a buffer row."""
        return self.matrix.activation_port.lane.width

    @property
    def row_chunks(self) -> RowChunks:
        """How the vector unit cuts rows of elements into chunks of V."""
        return RowChunks(
            lanes=self.lanes, operand_width=self.operand_width, chunk=self.vector.lanes
        )

    @property
    def capacity(self) -> Requirements:
        """The requirements of a program that uses all of this core, without regions."""
        return Requirements(
            lanes=self.lanes,
            operand_width=self.operand_width,
            queue_slots=self.queues.slots,
            fifo_tiles=self.queues.tiles,
            result_rows=self.queues.result_rows,
            buffer_rows=self.buffer.rows,
            accumulators=self.matrix.accumulator_depth,
            parameter_rows=self.vector.parameter_rows,
            tables=self.vector.tables,
            row_scalars=self.vector.row_scalars,
        )

    def lacks(self, needs: Requirements) -> list[str]:
        """Return a sentence for each thing that a program needs and this core does not have."""
        has, lacking = self.capacity, []
        for name in EQUAL:
            wanted, found = getattr(needs, name), getattr(has, name)
            if wanted != found:
                lacking.append(f"the program needs a core with {name} = {wanted}, not {found}")
        for name in AT_LEAST:
            wanted, found = getattr(needs, name), getattr(has, name)
            if wanted > found:
                lacking.append(
                    f"the program needs a core with {name} of at least {wanted:,}, not {found:,}"
                )
        return lacking


OPERANDS = "int8,uint8"
EQUAL = ("lanes", "operand_width")
AT_LEAST = (
    *("queue_slots", "fifo_tiles", "result_rows", "buffer_rows", "accumulators"),
    *("parameter_rows", "tables", "row_scalars"),
)


def core_of(
    *,
    lanes: int,
    buffer: BufferConfig,
    accumulators: int,
    vector_lanes: int = 0,
    tiles: int = 4,
    data_width: int = 0,
    multiplier_stages: int = 0,
) -> CoreConfig:
    """Return a core of N x N cells.

    Parameters
    ----------
    lanes : int
        N.
    buffer : BufferConfig
    accumulators : int
        Rows of accumulators, and of results, so that a tile can drain under the next one.
    vector_lanes : int
        With 0, one buffer row of 32-bit elements: N operand_width / 32.
    tiles : int
        Of the weight FIFO.
    data_width : int
        Bits of a beat of the memory bus; with 0, those of a buffer row, if there is such a bus.
    multiplier_stages : int
        Of the matrix unit.
    """
    lanes = checked_integer("lanes", lanes, low=MULTIPLE, high=MAX_SIDE)
    matrix = MatrixUnitConfig(
        rows=lanes,
        columns=lanes,
        activation=OPERANDS,  # pyright: ignore[reportArgumentType]
        weight=OPERANDS,  # pyright: ignore[reportArgumentType]
        zero_points=True,
        accumulator_depth=accumulators,
        multiplier_stages=multiplier_stages,
    )
    width = matrix.activation_port.lane.width
    return CoreConfig(
        matrix=matrix,
        buffer=buffer,
        vector=VectorConfig(lanes=vector_lanes or lanes * width // WORD_BITS),
        queues=QueueConfig(tiles=tiles, result_rows=accumulators),
        bus=BusConfig(data_width=data_width or _beat_of(lanes * width)),
    )


def _beat_of(row: int) -> int:
    """Return the bits of the narrowest beat that holds a buffer row, or of the widest beat."""
    return min(max(32, 1 << (row - 1).bit_length()), 1024)


TINY = core_of(lanes=4, buffer=BufferConfig(rows=1024, banks=2), accumulators=16)
SMALL = core_of(lanes=16, buffer=BufferConfig(rows=8192), accumulators=512)
# The hard multipliers of the board have two registers behind their operands.
ULX3S = core_of(lanes=8, buffer=BufferConfig(rows=8192), accumulators=512, multiplier_stages=2)
# The buffer has 24 MiB (Jouppi et al., ISCA 2017, section 2).
# Its memory transfers 48.6 bytes in a cycle.
TPU_V1 = core_of(
    lanes=256, buffer=BufferConfig(rows=98304, banks=3), accumulators=4096, data_width=512
)
CORES = {"tiny": TINY, "small": SMALL, "ulx3s": ULX3S, "tpu_v1": TPU_V1}
