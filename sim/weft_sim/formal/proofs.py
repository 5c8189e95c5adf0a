"""The proofs by name: what is proved of which hardware, how, and how each is seen to fail.

Widths and depths are small, and some smaller than a configuration may have: what is proved depends
on none of them, and the hardware is drawn by the same code for all.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from weft.config import MatrixUnitConfig
from weft.formats import IntegerFormat
from weft.layouts import Activity

from .accumulators import SumsAreThoseOfAMemory
from .admission import RowsAreChecked, RowsComeInOrder
from .counters import CountersPartitionTime
from .faults import WrongResultsAreTold
from .harness import Harness
from .streams import ResultsComeInOrder
from .unit import UnitIsItsSpecification
from .weights import RowsMeetTheirTile

# Bits of a sum: the fewest that a configuration allows.
LEAST_ACCUMULATOR = 8


@dataclass(frozen=True)
class Break:
    """One line of the hardware made wrong: `old` stands once in the file `module` of weft, and the
    property `fails` is the one that has to see it."""

    module: str
    old: str
    new: str
    fails: str


@dataclass(frozen=True)
class Proof:
    """One circuit and all that is proved of it.

    `method` is "pdr", for all time; "induction K", for all time, from K cycles to the next; or
    "bmc K", of the first K cycles after a reset. `methods` has another for some properties.
    Each of `breaks` has to make its property fail; where there are any, each property has one.
    """

    name: str
    about: str
    harness: Callable[[], Harness]
    breaks: tuple[Break, ...]
    method: str = "pdr"
    methods: tuple[tuple[str, str], ...] = ()

    def method_of(self, output: str) -> str:
        return dict(self.methods).get(output, self.method)


class NarrowConfig(MatrixUnitConfig):
    """A configuration whose sums may be narrower than one allows."""

    @property
    def checksum_column(self) -> MatrixUnitConfig:
        allowed = replace(self, accumulator_width=LEAST_ACCUMULATOR, checksum=False)
        column = super(NarrowConfig, allowed).checksum_column
        object.__setattr__(column, "accumulator_width", self.accumulator_width)
        return column


def narrow(accumulator_width: int, **changes) -> MatrixUnitConfig:
    """A unit as small as can be, with numbers that may be narrower than a configuration allows.

    It allows no activations of one bit with checksums, for what synthesis would do with their
    parities; that is not asked here.
    """
    least = {
        "rows": 1,
        "columns": 1,
        "activation": "uint1",
        "weight": "uint1",
        "accumulator_width": LEAST_ACCUMULATOR,
        "accumulator_depth": 2,
        "multiplier_stages": 0,
    }
    given = {**least, **changes}
    config = NarrowConfig(**{**given, "activation": "uint2"})
    object.__setattr__(config, "activation", IntegerFormat.parse(given["activation"]))
    object.__setattr__(config, "accumulator_width", accumulator_width)
    return config


ACCUMULATOR_BREAKS = (
    Break("accumulators", "~row.first & past.write", "past.write", "sum"),
    Break("accumulators", "& (past.row == row.row)", "", "sum"),
    Break("accumulators", "Mux(read_control.newer[2], total, past_total)", "past_total", "sum"),
    Break("accumulators", "(~read_control.newer[1] & read_control.newer[2:].any())", "0", "sum"),
    Break("accumulators", "Mux(add_control.newer[0], total, operand)", "operand", "sum"),
)
RESULT_BREAKS = (
    Break(
        "results",
        "results.valid.eq(fetch)",
        "results.valid.eq(fetch & ~self.emit)",
        "nothing_is_lost",
    ),
    Break("results", "with m.If(~results.valid | results.ready):", "with m.If(1):", "valid_stays"),
    Break("results", "& (~results.valid | results.ready)),", "),", "payload_stays"),
    Break("results", "rows_behind + Mux(fetch, -1, 1)", "rows_behind + 1", "nothing_is_invented"),
    Break("results", "with m.If(landed != fetch):", "with m.If(landed):", "row_is_whole"),
    Break(
        "results",
        "self.released.eq(fetch)",
        "self.released.eq(fetch & ~landed)",
        "places_come_back",
    ),
    Break(
        "results",
        "self.released.eq(fetch)",
        "self.released.eq(landed | fetch)",
        "places_come_back_once",
    ),
    Break("results", "landed.eq(columns.write_out)", "landed.eq(self.emit)", "row_is_whole"),
    Break("results", "Mux(slot == self.depth - 1, 0, slot + 1)", "slot + 1", "row_is_whole"),
    Break("results", "end_write.data.eq(self.ends_job)", "end_write.data.eq(0)", "row_is_whole"),
)
TILE_BREAKS = (
    Break("weights", "ready.eq(~self.complete | self.take)", "ready.eq(1)", "sum_0"),
    Break("weights", "self.broken.eq(overrun | short)", "self.broken.eq(0)", "sum_0"),
)
WEIGHT_BREAKS = (
    *TILE_BREAKS,
    Break("weights", "enables.eq(Cat(1, filled))", "enables.eq((1 << rows) - 1)", "sum_0"),
    Break("cell", "+= weight.eq(shadow)", "+= weight.eq(self.weight_in)", "sum_0"),
    Break("cell", "with m.If(self.row_switches & self.switch):", "with m.If(0):", "sum_0"),
)
COLUMN_BREAKS = (
    *WEIGHT_BREAKS,
    Break("cell", "self.row_loads & self.load", "self.row_loads", "sum_0"),
    Break("cell", "self.row_switches & self.switch", "self.row_switches", "sum_1"),
)
FAST_BREAKS = (
    *TILE_BREAKS,
    Break("fast_cell", "self.row_switches & self.switch", "self.row_loads", "sum_0"),
    Break("weight_products", "with m.If(control.clear):", "with m.If(0):", "sum_0"),
    Break("weight_products", "coming.eq(coming - product)", "coming.eq(coming + product)", "sum_0"),
    Break(
        "weight_products",
        "pair_begun.eq(begins | ~pair_begun)",
        "pair_begun.eq(~pair_begun)",
        "sum_0",
    ),
)
FAST_COLUMN_BREAKS = (
    *FAST_BREAKS,
    Break("fast_cell", "self.row_loads & self.load", "self.row_loads", "sum_1"),
)
CHECK_BREAKS = (
    Break("row_check", "known.eq(row.first | begun.begun)", "known.eq(begun.begun)", "valid"),
    Break(
        "row_check",
        "row.valid & row.good_tile & row.in_range",
        "row.valid & row.in_range",
        "not_started",
    ),
    Break(
        "row_check",
        "row.valid & row.good_tile & row.in_range",
        "row.valid & row.good_tile",
        "valid",
    ),
    Break("row_check", "row.good_tile & ~row.last & known", "row.good_tile & known", "valid"),
    Break("row_check", "control.last.eq(admitted & row.last)", "control.last.eq(row.last)", "last"),
    Break("row_check", "control.end.eq(admitted & row.end)", "control.end.eq(row.end)", "end"),
    Break("row_check", "self.control.first.eq(row.first)", "self.control.first.eq(0)", "row"),
    Break("row_check", "row.valid & row.last & ~admitted", "row.last & ~admitted", "dropped"),
    Break("row_check", "row.valid & ~row.good_tile", "~row.good_tile", "no_tile"),
    Break("row_check", "row.valid & ~row.in_range,", "~row.in_range,", "row_out_of_range"),
    Break("begun", "transparent_for=(write,)", "", "valid"),
    Break("begun", "sets & same_word", "0", "valid"),
    Break("begun", "sets & kept_same_row", "0", "valid"),
    Break("begun", "sets & found_same_row", "0", "valid"),
    Break("begun", "(flags & others) | set_flag", "flags | set_flag", "valid"),
    Break("begun", "Mux(fetched_written, read.data, 0)", "read.data", "valid"),
    Break("begun", "sets & (set_value != was_begun)", "sets", "unfinished"),
)
ORDER_BREAKS = (
    Break(
        "admission",
        "has_room.eq(~row.last | ~spare[-1])",
        "has_room.eq(1)",
        "never_more_than_places",
    ),
    Break(
        "admission", "returned.eq(self.released + check.dropped)", "returned.eq(0)", "never_stuck"
    ),
    Break("admission", "ready.eq(~waiting | advance)", "ready.eq(1)", "switch_is_its_own"),
    Break(
        "admission",
        "self.activations.valid & ~offered.switch",
        "~offered.switch",
        "no_row_is_invented",
    ),
    Break(
        "admission",
        "read_slot.eq(read_slot + advanced)",
        "read_slot.eq(read_slot + writes)",
        "lanes_are_its_own",
    ),
    Break(
        "admission",
        "switch.eq(self.take & self.tile_complete)",
        "switch.eq(self.take)",
        "switches_come_with_rows",
    ),
    Break(
        "row_check",
        "self.control.last.eq(admitted & row.last)",
        "self.control.last.eq(0)",
        "last_is_its_own",
    ),
    Break(
        "row_check",
        "self.control.end.eq(admitted & row.end)",
        "self.control.end.eq(0)",
        "end_is_its_own",
    ),
    Break(
        "row_check", "self.control.row.eq(row.row)", "self.control.row.eq(0)", "number_is_its_own"
    ),
)
COUNTERS = [activity.name.lower() for activity in Activity]
COUNTER_BREAKS = (
    Break("counters", "total.eq(self.counters.total + 1)", "total.eq(0)", "all_are_total"),
    *[Break("counters", "counter.eq(counter + 1)", "counter.eq(0)", name) for name in COUNTERS],
)
UNIT_BREAKS = (
    Break("results", "with m.If(~results.valid | results.ready):", "with m.If(1):", "valid_stays"),
    Break("results", "& (~results.valid | results.ready)),", "),", "payload_stays"),
    Break(
        "results", "self.released.eq(fetch)", "self.released.eq(fetch & ~landed)", "result_comes"
    ),
    Break("results", "rows_behind + Mux(fetch, -1, 1)", "rows_behind + 1", "nothing_is_invented"),
    Break("admission", "Mux(switching, ~self.tile_broken, tile_in_use)", "1", "errors_are_true"),
    Break("admission", "ready.eq(~waiting | advance)", "ready.eq(1)", "one_row_waits"),
    Break("admission", "has_room.eq(~row.last | ~spare[-1])", "has_room.eq(1)", "few_are_inside"),
    Break("weights", "ready.eq(~self.complete | self.take)", "ready.eq(1)", "few_tiles_wait"),
    Break(
        "matrix_unit",
        "self.errors.eq(self.errors | seen)",
        "self.errors.eq(seen)",
        "errors_are_told",
    ),
    Break("matrix_unit", "array.loads_in.eq(loader.loads)", "array.loads_in.eq(0)", "result_0"),
    Break("accumulators", "& (past.row == row.row)", "", "result_0"),
    Break("results", "end_write.data.eq(self.ends_job)", "end_write.data.eq(0)", "end"),
)
COLUMN_1_BREAKS = (
    Break(
        "accumulators", "self.control_out.eq(read_control)", "self.control_out.eq(0)", "result_1"
    ),
)
FAST_UNIT_BREAKS = (
    *UNIT_BREAKS,
    Break("weight_products", "with m.If(control.clear):", "with m.If(0):", "result_0"),
    Break(
        "fast_array", "south.products_in.eq(west.sum_out)", "south.products_in.eq(0)", "result_0"
    ),
)
CHECKSUM_BREAKS = (
    Break(
        "checksum_column",
        "tree.i.eq(self.weights)",
        "tree.i[0].eq(self.weights[0])",
        "no_false_alarm",
    ),
    Break(
        "checksum_column",
        "columns - SumTree.latency_of(columns)",
        "columns",
        "no_false_alarm",
    ),
    Break(
        "checksum_column",
        "rows, self.config.columns, False",
        "rows, self.config.columns - 1, False",
        "no_false_alarm",
    ),
    Break("checksum_column", "told[0] & told[1]", "told[0]", "no_false_alarm"),
    Break(
        "checksum_column", "(self.valid, collected - counts)", "(self.valid, 0)", "no_false_alarm"
    ),
    Break("result_check", "transfers.o & (", "(", "no_false_alarm"),
    Break("result_check", "tree.i.eq(self.lanes)", "tree.i[0].eq(self.lanes[0])", "no_false_alarm"),
    Break("admission", "(lane.xor() for", "(~lane.xor() for", "no_false_alarm"),
)
FAST_CHECKSUM_BREAKS = (
    Break(
        "pairs_check", "DelayLine, width, self.latency,", "DelayLine, width, 1,", "no_false_alarm"
    ),
    Break("fast_array", "check.loads.eq(cells.loads_out)", "check.loads.eq(0)", "no_false_alarm"),
    Break("checksum_column", "passed.eq(self.products)", "passed.eq(0)", "no_false_alarm"),
)
FAULT_BREAKS = (
    Break(
        "matrix_unit",
        "column.wrong_activation | check.mismatch",
        "check.mismatch",
        "wrong_results_are_told",
    ),
    Break(
        "matrix_unit",
        "column.wrong_activation | check.mismatch",
        "column.wrong_activation",
        "wrong_results_are_told",
    ),
    Break(
        "checksum_column",
        "tree.i.eq(self.weights)",
        "tree.i[0].eq(self.weights[0])",
        "wrong_results_are_told",
    ),
    Break(
        "result_check",
        "tree.i.eq(self.lanes)",
        "tree.i[0].eq(self.lanes[0])",
        "wrong_results_are_told",
    ),
    Break(
        "results",
        "results.valid.eq(fetch)",
        "results.valid.eq(fetch & ~self.sums[0][0])",
        "all_but_data_is_the_same",
    ),
)
# Of one pair of rows and of parities of one bit these would be the same hardware.
PLAIN_FAULT_BREAKS = (
    *FAULT_BREAKS,
    Break(
        "checksum_column",
        "passed.eq(wrong | Cat(0, passed))",
        "passed.eq(wrong)",
        "wrong_results_are_told",
    ),
    Break(
        "checksum_column",
        "lane.xor() for lane in self.activations",
        "lane[0] for lane in self.activations",
        "wrong_results_are_told",
    ),
)
FAST_FAULT_BREAKS = (
    *FAULT_BREAKS,
    Break(
        "checksum_column",
        'wrong |= self._told(m, platform, "pairs", self.wrong_pairs, late)',
        "pass",
        "wrong_results_are_told",
    ),
    Break(
        "checksum_column",
        'wrong |= self._told(m, platform, "products", wrong_products, late)',
        "pass",
        "wrong_results_are_told",
    ),
)
# Of the properties of a whole unit those that hold for all time, and one that needs longer.
UNIT_METHODS = (
    ("wrong_valid_stays", "pdr"),
    ("wrong_payload_stays", "pdr"),
    ("wrong_one_row_waits", "pdr"),
    ("wrong_few_tiles_wait", "pdr"),
    ("wrong_result_comes", "bmc 36"),
)


def _weights(rows: int, columns: int, inner_product: str, breaks: tuple[Break, ...]) -> Proof:
    kind = "fast " if inner_product == "fast" else ""
    config = narrow(8, rows=rows, columns=columns, inner_product=inner_product)
    return Proof(
        f"weights {rows}x{columns} {kind}".strip(),
        "every row meets the tile that was switched to last, whole, whatever is being loaded",
        lambda: RowsMeetTheirTile(config),
        breaks,
    )


def _unit(rows: int, columns: int, breaks: tuple[Break, ...], method: str, **changes) -> Proof:
    config = narrow(3, rows=rows, columns=columns, **changes)
    kind = " fast" if config.inner_product == "fast" else ""
    about = "results and errors are those of a unit that does each row at once, in order"
    if config.checksum:
        kind += " with checksums"
        about += "; no fault is told of where there is none"
    return Proof(
        f"unit {rows}x{columns}{kind}",
        about,
        lambda: UnitIsItsSpecification(config, places=2),
        breaks,
        method=method,
        methods=UNIT_METHODS,
    )


def _faults(inner_product: str, activation: str, breaks: tuple[Break, ...]) -> Proof:
    changes = {"activation": activation, "inner_product": inner_product, "checksum": True}
    config = narrow(3, rows=2, columns=2, **changes)
    kind = " fast" if inner_product == "fast" else ""
    return Proof(
        f"faults 2x2{kind}",
        "any one bit, of a register or a memory, of weights, activations, partial sums, "
        "accumulators, results or checksums, flipped in any one cycle, changes no more than lanes "
        "of results and CORRUPTED, which comes in time after each result with a wrong lane",
        lambda: WrongResultsAreTold(config, places=2),
        breaks,
        # A result leaves in cycle 15 at the earliest, and is checked in 18.
        method="bmc 20",
        methods=(("wrong_all_but_data_is_the_same", "pdr"),),
    )


PROOFS = (
    Proof(
        "accumulators",
        "sums are those of a memory to which each row is added at once",
        lambda: SumsAreThoseOfAMemory(narrow(2, accumulator_depth=3)),
        ACCUMULATOR_BREAKS,
    ),
    Proof(
        "results",
        "rows of results leave whole, once, in order, and each place is given back once",
        lambda: ResultsComeInOrder(narrow(1, columns=2), depth=3),
        RESULT_BREAKS,
    ),
    _weights(1, 1, "plain", TILE_BREAKS),
    _weights(2, 1, "plain", WEIGHT_BREAKS),
    _weights(3, 1, "plain", ()),
    _weights(4, 1, "plain", ()),
    _weights(2, 2, "plain", COLUMN_BREAKS),
    _weights(2, 1, "fast", FAST_BREAKS),
    _weights(4, 1, "fast", ()),
    _weights(2, 2, "fast", FAST_COLUMN_BREAKS),
    Proof(
        "row check",
        "what is admitted, dropped and complained of is what one flag an accumulator row says",
        lambda: RowsAreChecked(narrow(1), word=1),
        CHECK_BREAKS,
    ),
    Proof(
        "row check, words of flags",
        "the same of four rows in two words",
        lambda: RowsAreChecked(narrow(1, accumulator_depth=4), word=2),
        (),
        method="bmc 12",
    ),
    Proof(
        "admission",
        "rows enter once, in order, with their lanes and control, never more than have a place",
        lambda: RowsComeInOrder(narrow(1), places=2),
        ORDER_BREAKS,
    ),
    Proof(
        "counters",
        "each cycle is counted once, where it belongs, and all together are the total",
        lambda: CountersPartitionTime(width=3),
        COUNTER_BREAKS,
        method="induction 4",
    ),
    _unit(2, 2, (*UNIT_BREAKS, *COLUMN_1_BREAKS), "bmc 20"),
    _unit(2, 1, FAST_UNIT_BREAKS, "bmc 19", inner_product="fast"),
    # A result leaves in cycle 15 at the earliest, and is checked in 18.
    _unit(2, 2, (*UNIT_BREAKS, *COLUMN_1_BREAKS, *CHECKSUM_BREAKS), "bmc 20", checksum=True),
    _unit(
        2,
        2,
        (*FAST_UNIT_BREAKS, *COLUMN_1_BREAKS, *FAST_CHECKSUM_BREAKS),
        "bmc 20",
        inner_product="fast",
        checksum=True,
    ),
    _faults("plain", "uint2", PLAIN_FAULT_BREAKS),
    _faults("fast", "uint1", FAST_FAULT_BREAKS),
)
