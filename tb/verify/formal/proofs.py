"""The proofs by name: their hardware, properties, methods and broken copies.

Widths and depths are small, some smaller than a configuration allows. The properties do not depend
on them, and the same code generates the hardware for all sizes.
"""

from weft.float_format import BFLOAT16, FLOAT32, OPERAND_FLOATS, FloatFormat
from weft.formats import OperandFormats
from weft.matrix.config import MatrixUnitConfig
from weft.operand_port import OperandPort

from .accumulators import SumsAreThoseOfAMemory
from .admission import RowsAreChecked, RowsComeInOrder
from .breaks import (
    ACCUMULATOR_BREAKS,
    CHECK_BREAKS,
    COLUMN_BREAKS,
    COUNTER_BREAKS,
    EDGE_BREAKS,
    FAST_BREAKS,
    FAST_COLUMN_BREAKS,
    FLOAT_ADDER_BREAKS,
    FORMAT_EDGE_BREAKS,
    NARROW_BREAKS,
    NORMALIZING_BREAKS,
    ORDER_BREAKS,
    RESULT_BREAKS,
    SHIFT_BREAKS,
    SPACING_BREAKS,
    TILE_BREAKS,
    TO_FLOAT_BREAKS,
    WEIGHT_BREAKS,
    Break,
)
from .bus_proofs import BUS_PROOFS
from .core_proofs import CORE_PROOFS
from .counters import CountersPartitionTime
from .faults import WrongResultsAreReported
from .float_sums import (
    FloatsAreNarrowed,
    NumbersAreNormalized,
    RowsKeepTheirDistance,
    SumsAreRoundedOnce,
)
from .narrow import narrow
from .operands import LanesAreRead, SumsAreShifted
from .proof import Proof
from .rounding import FloatsAreRead, SumsAreRounded
from .streams import ResultsComeInOrder
from .unit import UnitIsItsSpecification
from .unit_breaks import (
    CHECKSUM_BREAKS,
    COLUMN_1_BREAKS,
    FAST_CHECKSUM_BREAKS,
    FAST_FAULT_BREAKS,
    FAST_SIGNED_BREAKS,
    FAST_UNIT_BREAKS,
    MEMORY_FAULT_BREAKS,
    PIPELINE_BREAKS,
    PLAIN_FAULT_BREAKS,
    SIGNED_BREAKS,
    UNIT_BREAKS,
)
from .weights import RowsMeetTheirTile

# Properties of a whole unit with an unbounded proof, and one that needs more cycles.
UNIT_METHODS = (
    ("wrong_valid_stays", "pdr"),
    ("wrong_payload_stays", "pdr"),
    ("wrong_one_row_waits", "pdr"),
    ("wrong_few_tiles_wait", "pdr"),
    ("wrong_result_comes", "bmc 38"),
)


def _weights(rows: int, columns: int, inner_product: str, breaks: tuple[Break, ...]) -> Proof:
    kind = "fast " if inner_product == "fast" else ""
    config = narrow(8, rows=rows, columns=columns, inner_product=inner_product)
    return Proof(
        f"weights {rows}x{columns} {kind}".strip(),
        "every row meets the complete tile that the latest switch selected, whatever is being "
        "loaded; a count of rows says which tiles are complete or broken, and which errors they "
        "raise",
        lambda: RowsMeetTheirTile(config),
        breaks,
    )


def _unit(rows: int, columns: int, breaks: tuple[Break, ...], method: str, **changes) -> Proof:
    config = narrow(3, rows=rows, columns=columns, **changes)
    kind = " fast" if config.inner_product == "fast" else ""
    about = "results and errors equal those of a unit that processes each row at once, in order"
    if config.activation.default.signed:
        kind += f" {config.activation.default} {config.weight.default}"
    if config.multiplier_stages:
        kind += " pipelined"
    if config.checksum:
        kind += " with checksums"
        about += "; no fault is reported where there is none"
    return Proof(
        f"unit {rows}x{columns}{kind}",
        about,
        lambda: UnitIsItsSpecification(config, places=2),
        breaks,
        method=method,
        methods=UNIT_METHODS,
    )


def _faults(inner_product: str, activation: str, breaks: tuple[Break, ...]) -> Proof:
    kind = " fast" if inner_product == "fast" else ""
    return Proof(
        f"faults 2x2{kind}",
        "any one bit of a register or a memory of weights, activations, partial sums, "
        "accumulators, results or checksums flips in any one cycle: only lanes of results and "
        "CORRUPTED change, and CORRUPTED has been high for at least one cycle by the time that the "
        "unit promises for the first result with a wrong lane, whenever errors are cleared",
        lambda: WrongResultsAreReported(_faulty(inner_product, activation), places=2),
        breaks,
        # A result leaves in cycle 15 at the earliest, and is checked in 18.
        method="bmc 20",
        methods=(("wrong_all_but_data_is_the_same", "pdr"),),
    )


def _faults_in_memory(inner_product: str, activation: str) -> Proof:
    kind = " fast" if inner_product == "fast" else ""
    return Proof(
        f"faults in sums 2x2{kind}",
        "the same for bits of the accumulator memories, while no stream pauses, if the unit "
        "without the flip raises no false alarm",
        lambda: WrongResultsAreReported(_faulty(inner_product, activation), places=2, steady=True),
        MEMORY_FAULT_BREAKS,
        # A sum comes back from its memory in a result of cycle 20 at the earliest.
        method="bmc 24",
        methods=(("wrong_all_but_data_is_the_same", "pdr"),),
    )


def _faulty(inner_product: str, activation: str) -> MatrixUnitConfig:
    changes = {"activation": activation, "inner_product": inner_product, "checksum": True}
    return narrow(3, rows=2, columns=2, **changes)


def _float(exponent: int, fraction: int) -> FloatFormat:
    return FloatFormat("small", exponent, fraction, "ieee")


def _port(formats: str) -> OperandPort:
    return OperandPort.of("A", OperandFormats.parse(formats), cell_width=0, zero_points=True)


PROOFS = (
    Proof(
        "accumulators",
        "sums equal those of a memory to which each row is added at once",
        lambda: SumsAreThoseOfAMemory(narrow(2, accumulator_depth=3)),
        ACCUMULATOR_BREAKS,
    ),
    Proof(
        "results",
        "result rows leave whole, once and in order, and each place is released once",
        lambda: ResultsComeInOrder(narrow(1, columns=2), depth=3),
        RESULT_BREAKS,
    ),
    _weights(1, 1, "plain", TILE_BREAKS),
    _weights(2, 1, "plain", WEIGHT_BREAKS),
    _weights(3, 1, "plain", WEIGHT_BREAKS),
    _weights(4, 1, "plain", WEIGHT_BREAKS),
    _weights(2, 2, "plain", COLUMN_BREAKS),
    _weights(2, 1, "fast", FAST_BREAKS),
    _weights(4, 1, "fast", FAST_BREAKS),
    _weights(2, 2, "fast", FAST_COLUMN_BREAKS),
    Proof(
        "row check",
        "one flag for each accumulator row says which rows are admitted, which are dropped, and "
        "which errors they raise",
        lambda: RowsAreChecked(narrow(1), word=1),
        CHECK_BREAKS,
    ),
    Proof(
        "row check, words of flags",
        "the same for four rows in two words of flags",
        lambda: RowsAreChecked(narrow(1, accumulator_depth=4), word=2),
        CHECK_BREAKS,
        method="bmc 14",
    ),
    Proof(
        "admission",
        "rows enter once, in order, with their own lanes and control, and only if their result has "
        "a place; good rows are admitted, and bad rows release their place",
        lambda: RowsComeInOrder(narrow(1), places=2),
        ORDER_BREAKS,
    ),
    Proof(
        "operands",
        "an operand of the array is the number of its lane minus that of its zero point",
        lambda: LanesAreRead(_port("int3,uint3"), 2, shared_zero_point=False),
        EDGE_BREAKS,
    ),
    Proof(
        "operands, one zero point",
        "the same for lanes that share a zero point",
        lambda: LanesAreRead(_port("int8,uint8"), 2, shared_zero_point=True),
        EDGE_BREAKS,
    ),
    *[
        Proof(
            f"operands of {number}",
            "an operand of the array is the value of its lane, for every code",
            lambda number=number: FloatsAreRead(number),
            FORMAT_EDGE_BREAKS[number.kind],
        )
        for number in OPERAND_FLOATS.values()
        if not number.chains
    ],
    Proof(
        "operands of bfloat16",
        "an operand of the array is the value of its code, with a leading one",
        lambda: NumbersAreNormalized(BFLOAT16),
        NORMALIZING_BREAKS,
    ),
    Proof(
        "sums of floats",
        "the sum of two floats is the exact sum rounded once, with subnormal numbers, infinities, "
        "one NaN and signs of zero",
        lambda: SumsAreRoundedOnce(number=_float(3, 3), fraction=3, exponents=range(1, 7)),
        FLOAT_ADDER_BREAKS,
    ),
    Proof(
        "sums of floats and products",
        "the same for an addend that is a product, of any exponent",
        lambda: SumsAreRoundedOnce(number=_float(3, 3), fraction=2, exponents=range(-6, 11)),
        FLOAT_ADDER_BREAKS,
    ),
    Proof(
        "floats of floats",
        "a float of fewer bits is the nearest one; ties go to even",
        lambda: FloatsAreNarrowed(wide=FLOAT32, number=BFLOAT16),
        NARROW_BREAKS,
    ),
    Proof(
        "row spacing",
        "a row waits as long as the sum that it is added to is not known, and no longer",
        lambda: RowsKeepTheirDistance(cycles=4, row_width=2),
        SPACING_BREAKS,
    ),
    # Sums that are wider and narrower than the significand.
    Proof(
        "floats of wide sums",
        "a sum becomes the nearest float; ties go to even, and a carry raises the exponent",
        lambda: SumsAreRounded(width=9, least_exponent=-3, number=_float(5, 3)),
        TO_FLOAT_BREAKS,
    ),
    Proof(
        "floats of narrow sums",
        "a sum becomes the float that equals it",
        lambda: SumsAreRounded(width=4, least_exponent=0, number=_float(4, 5)),
        TO_FLOAT_BREAKS[:3],
    ),
    Proof(
        "sums of pieces",
        "a sum is its partial sum times 2**(step * shift), in every column",
        lambda: SumsAreShifted(columns=2, sum_parts=(2, 2), step=2, shift_bits=2, width=9),
        SHIFT_BREAKS,
    ),
    Proof(
        "counters",
        "each cycle is counted once, in the counter of its activity, and the counters add up to "
        "the total",
        lambda: CountersPartitionTime(width=3),
        COUNTER_BREAKS,
        method="induction 4",
    ),
    *CORE_PROOFS,
    *BUS_PROOFS,
    _unit(2, 2, (*UNIT_BREAKS, *COLUMN_1_BREAKS), "bmc 20"),
    _unit(2, 1, FAST_UNIT_BREAKS, "bmc 19", inner_product="fast"),
    _unit(2, 1, (*UNIT_BREAKS, *SIGNED_BREAKS), "bmc 19", activation="int2", weight="int1"),
    _unit(
        2,
        1,
        (*FAST_UNIT_BREAKS, *FAST_SIGNED_BREAKS),
        "bmc 19",
        inner_product="fast",
        activation="int1",
        weight="int1",
    ),
    # With multiplier registers and sums in two parts, control waits one cycle for the sums.
    _unit(2, 1, (*UNIT_BREAKS, *PIPELINE_BREAKS), "bmc 20", multiplier_stages=2, adder_stages=2),
    _unit(
        2,
        1,
        (*FAST_UNIT_BREAKS, *PIPELINE_BREAKS),
        "bmc 20",
        inner_product="fast",
        multiplier_stages=1,
        adder_stages=2,
    ),
    # A result leaves in cycle 15 at the earliest, and is checked in 18.
    _unit(2, 2, (*UNIT_BREAKS, *COLUMN_1_BREAKS, *CHECKSUM_BREAKS), "bmc 21", checksum=True),
    _unit(
        2,
        2,
        (*FAST_UNIT_BREAKS, *COLUMN_1_BREAKS, *FAST_CHECKSUM_BREAKS),
        "bmc 21",
        inner_product="fast",
        checksum=True,
    ),
    _faults("plain", "uint2", PLAIN_FAULT_BREAKS),
    _faults("fast", "uint1", FAST_FAULT_BREAKS),
    _faults_in_memory("plain", "uint2"),
    _faults_in_memory("fast", "uint1"),
)
