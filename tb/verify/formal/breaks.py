"""Broken copies for the proofs of single modules: lines that are broken to see the proof fail."""

from dataclasses import dataclass

from weft.matrix.layouts import Activity


@dataclass(frozen=True)
class Break:
    """One broken line of the hardware.

    `old`, which occurs exactly once in the file `module` of weft, is replaced by `new`. `fails`:
    the property that must detect this.
    """

    module: str
    old: str
    new: str
    fails: str


ACCUMULATOR_BREAKS = (
    Break("matrix/accumulators", "~row.first & write", "write", "sum"),
    Break("matrix/accumulators", " & (number == row.row)", "", "sum"),
    Break(
        "matrix/accumulators", "Mux(read_control.newer[2], total, past_total)", "past_total", "sum"
    ),
    Break(
        "matrix/accumulators", "(~read_control.newer[1] & read_control.newer[2:].any())", "0", "sum"
    ),
    Break("matrix/accumulators", "Mux(add_control.newer[0], total, operand)", "operand", "sum"),
)
STREAM_BREAKS = (
    Break(
        "matrix/results",
        "with m.If(~results.valid | results.ready):",
        "with m.If(1):",
        "valid_stays",
    ),
    Break("matrix/results", "& (~results.valid | results.ready)),", "),", "payload_stays"),
    Break(
        "matrix/results",
        "rows_behind + Mux(fetch, -1, 1)",
        "rows_behind + 1",
        "nothing_is_invented",
    ),
)
RESULT_BREAKS = (
    Break(
        "matrix/results",
        "results.valid.eq(fetch)",
        "results.valid.eq(fetch & ~self.emit)",
        "nothing_is_lost",
    ),
    *STREAM_BREAKS,
    Break("matrix/results", "with m.If(landed != fetch):", "with m.If(landed):", "row_is_whole"),
    Break(
        "matrix/results",
        "self.released.eq(fetch)",
        "self.released.eq(fetch & ~landed)",
        "places_come_back",
    ),
    Break(
        "matrix/results",
        "self.released.eq(fetch)",
        "self.released.eq(landed | fetch)",
        "places_come_back_once",
    ),
    Break("matrix/results", "landed.eq(columns.write_out)", "landed.eq(self.emit)", "row_is_whole"),
    Break("matrix/results", "Mux(slot == self.depth - 1, 0, slot + 1)", "slot + 1", "row_is_whole"),
    Break(
        "matrix/results", "end_write.data.eq(self.ends_job)", "end_write.data.eq(0)", "row_is_whole"
    ),
)
TILE_BREAKS = (
    Break("matrix/weights", "ready.eq(~self.complete | self.take)", "ready.eq(1)", "sum_0"),
    Break(
        "matrix/weights", "ready.eq(~self.complete | self.take)", "ready.eq(1)", "rows_are_taken"
    ),
    Break("matrix/weights", "self.complete.eq(1)", "self.complete.eq(0)", "complete"),
    Break("matrix/weights", "self.complete.eq(0)", "self.complete.eq(self.broken)", "complete"),
    Break("matrix/weights", "self.broken.eq(overrun | short)", "self.broken.eq(0)", "broken"),
    Break("matrix/weights", "self.broken.eq(overrun | short)", "self.broken.eq(1)", "broken"),
    Break("matrix/weights", "overrun.eq(0),", "", "broken"),
    Break("matrix/weights", "Error.SHORT_TILE: short", "Error.SHORT_TILE: long", "errors"),
    Break("matrix/weights", "Error.LONG_TILE: long", "Error.LONG_TILE: short", "errors"),
)
WEIGHT_BREAKS = (
    *TILE_BREAKS,
    Break("matrix/weights", "enables.eq(Cat(1, filled))", "enables.eq((1 << rows) - 1)", "sum_0"),
    Break(
        "array/cell",
        "shadow=shadow,\n            switch",
        "shadow=self.weight_in,\n            switch",
        "sum_0",
    ),
    Break("primitives/multiplier", "with m.If(any_switch & switch):", "with m.If(0):", "sum_0"),
)
COLUMN_BREAKS = (
    *WEIGHT_BREAKS,
    Break("array/cell", "self.row_loads & self.load", "self.row_loads", "sum_0"),
    Break("primitives/multiplier", "any_switch & switch", "any_switch", "sum_1"),
)
FAST_BREAKS = (
    *TILE_BREAKS,
    Break("array/fast_cell", "self.row_switches & self.switch", "self.row_loads", "sum_0"),
    Break("array/weight_products", "with m.If(control.clear):", "with m.If(0):", "sum_0"),
    Break(
        "array/weight_products",
        "coming.eq(coming - product)",
        "coming.eq(coming + product)",
        "sum_0",
    ),
    Break(
        "array/weight_products",
        "pair_begun.eq(begins | ~pair_begun)",
        "pair_begun.eq(~pair_begun)",
        "sum_0",
    ),
)
FAST_COLUMN_BREAKS = (
    *FAST_BREAKS,
    Break("array/fast_cell", "self.row_loads & self.load", "self.row_loads", "sum_1"),
)
CHECK_BREAKS = (
    Break(
        "matrix/row_check", "known.eq(row.first | begun.begun)", "known.eq(begun.begun)", "valid"
    ),
    Break(
        "matrix/row_check",
        "row.valid & row.good_tile & row.in_range",
        "row.valid & row.in_range",
        "not_started",
    ),
    Break(
        "matrix/row_check",
        "row.valid & row.good_tile & row.in_range",
        "row.valid & row.good_tile",
        "valid",
    ),
    Break(
        "matrix/row_check", "row.good_tile & ~row.last & known", "row.good_tile & known", "valid"
    ),
    Break(
        "matrix/row_check",
        "control.last.eq(admitted & row.last)",
        "control.last.eq(row.last)",
        "last",
    ),
    Break(
        "matrix/row_check", "control.end.eq(admitted & row.end)", "control.end.eq(row.end)", "end"
    ),
    Break(
        "matrix/row_check", "self.control.first.eq(row.first)", "self.control.first.eq(0)", "row"
    ),
    Break(
        "matrix/row_check", "row.valid & row.last & ~admitted", "row.last & ~admitted", "dropped"
    ),
    Break("matrix/row_check", "row.valid & ~row.good_tile", "~row.good_tile", "no_tile"),
    Break(
        "matrix/row_check",
        "Error.ROW_OUT_OF_RANGE: row.valid & ~row.in_range",
        "Error.ROW_OUT_OF_RANGE: ~row.in_range",
        "row_out_of_range",
    ),
    Break("matrix/begun", "transparent_for=(write,)", "", "valid"),
    Break("matrix/begun", "setting.sets & same_word", "0", "valid"),
    Break("matrix/begun", "setting.sets & kept_same_row", "0", "valid"),
    Break("matrix/begun", "setting.sets & found_same_row", "0", "valid"),
    Break("matrix/begun", "(word & others) | set_flag", "word | set_flag", "valid"),
    Break("matrix/begun", "Mux(fetched_written, read.data, 0)", "read.data", "valid"),
    Break(
        "matrix/begun", "setting.sets & (setting.value != was_begun)", "setting.sets", "unfinished"
    ),
)
ORDER_BREAKS = (
    Break(
        "matrix/admission",
        "has_room.eq(~last | ~spare[-1])",
        "has_room.eq(1)",
        "never_more_than_places",
    ),
    Break(
        "matrix/admission",
        "returned.eq(self.released + dropped)",
        "returned.eq(0)",
        "never_stuck",
    ),
    Break(
        "matrix/admission",
        "returned.eq(self.released + dropped)",
        "returned.eq(self.released)",
        "never_stuck",
    ),
    Break(
        "matrix/admission",
        "returned.eq(self.released + dropped)",
        "returned.eq(self.released + dropped + dropped)",
        "never_more_than_places",
    ),
    Break("matrix/admission", "init=self.credits - 1", "init=self.credits - 2", "never_stuck"),
    Break(
        "matrix/admission",
        "(gate.staying | (gate.switching & self.tile_complete))",
        "((gate.staying | gate.switching) & self.tile_complete)",
        "never_stuck",
    ),
    Break(
        "matrix/admission",
        "Mux(gate.switching, ~self.tile_broken, tile_in_use)",
        "tile_in_use",
        "good_rows_are_admitted",
    ),
    Break(
        "matrix/admission", "ready.eq(~gate.waiting | advance)", "ready.eq(1)", "switch_is_its_own"
    ),
    Break(
        "matrix/admission",
        "self.activations.valid & ~offered.switch",
        "~offered.switch",
        "good_rows_are_admitted",
    ),
    Break(
        "matrix/admission",
        "read_slot.eq(read_slot + advanced)",
        "read_slot.eq(read_slot + writes)",
        "lanes_are_its_own",
    ),
    Break(
        "matrix/admission",
        "switch.eq(self.take & self.tile_complete)",
        "switch.eq(self.take)",
        "switches_come_with_rows",
    ),
    Break(
        "matrix/row_check",
        "self.control.last.eq(admitted & row.last)",
        "self.control.last.eq(0)",
        "last_is_its_own",
    ),
    Break(
        "matrix/row_check",
        "self.control.end.eq(admitted & row.end)",
        "self.control.end.eq(0)",
        "end_is_its_own",
    ),
    Break(
        "matrix/row_check",
        "self.control.first.eq(row.first)",
        "self.control.first.eq(0)",
        "first_is_its_own",
    ),
    Break(
        "matrix/row_check",
        "self.control.row.eq(row.row)",
        "self.control.row.eq(0)",
        "number_is_its_own",
    ),
)
COUNTERS = [activity.name.lower() for activity in Activity]
COUNTER_BREAKS = (
    Break("matrix/counters", "total.eq(self.counters.total + 1)", "total.eq(0)", "all_are_total"),
    *[
        Break("matrix/counters", "counter.eq(counter + 1)", "counter.eq(0)", name)
        for name in COUNTERS
    ],
)
EDGE_BREAKS = (
    Break("array/operand_edge", "lane[-1] & self.lanes_are_signed", "lane[-1]", "operand_0"),
    Break("array/operand_edge", "lane[-1] & self.lanes_are_signed", "0", "operand_1"),
    Break("array/operand_edge", "number -= self._number(", "number += self._number(", "operand_0"),
    Break("array/operand_edge", "self.lanes[index]", "self.lanes[0]", "operand_1"),
)
SHIFT_BREAKS = (
    Break("matrix/sum_shift", "m.Switch(self.shift_in)", "m.Switch(passed)", "sum_0"),
    Break("matrix/sum_shift", "self.step * shift", "self.step", "sum_0"),
    Break("matrix/sum_shift", "shift_out.eq(passed)", "shift_out.eq(self.shift_in)", "sum_1"),
)
FLOAT_EDGE_BREAKS = (
    Break("array/float_edge", "exponent - 1, 0)", "exponent, 0)", "value"),
    Break("array/float_edge", "fraction], exponent.any())", "fraction], 1)", "value"),
    Break("array/float_edge", "Mux(sign, -magnitude, magnitude)", "magnitude", "value"),
)
MAGNITUDE_EDGE_BREAKS = (
    *FLOAT_EDGE_BREAKS[:2],
    Break("array/float_edge", "code[:-1].all() if", "code[:-2].all() if", "value"),
    Break(
        "sign_magnitude", "Mux(number, magnitude[: self.magnitude_width], 0)", "magnitude", "value"
    ),
    Break("sign_magnitude", "sign & number", "0", "value"),
)
STEPPED_EDGE_BREAKS = (
    *FLOAT_EDGE_BREAKS[:2],
    Break("array/float_edge", "_shifted(significand, places[:low])", "significand", "value"),
    Break("array/float_edge", "step=places[low:]", "step=places[:1]", "value"),
    Break("array/float_edge", ".all() & code[: number.fraction].any()", ".all()", "value"),
    Break("array/float_edge", "code[:-1].any(), Kind.FINITE", "1, Kind.FINITE", "value"),
    Break("array/float_edge", "Kind.INFINITE, finite)", "finite, finite)", "value"),
    Break("stepped_magnitude", "Mux(kind == Kind.FINITE, ", "Mux(1, ", "value"),
)
# By the kind of the format.
FORMAT_EDGE_BREAKS = {
    "finite": FLOAT_EDGE_BREAKS,
    "fn": MAGNITUDE_EDGE_BREAKS,
    "ieee": STEPPED_EDGE_BREAKS,
}
TO_FLOAT_BREAKS = (
    Break("blocks/to_float", "Mux(sign, -self.i, self.i)", "self.i", "float"),
    Break("blocks/to_float", "top - shift", "top - shift + 1", "float"),
    Break("blocks/to_float", "Mux(magnitude[-1],", "Mux(1,", "float"),
    Break("blocks/to_float", "guard & (sticky | fraction[0])", "guard", "float"),
    Break("blocks/to_float", "guard & (sticky | fraction[0])", "guard & sticky", "float"),
    Break("blocks/to_float", "truncated + up", "truncated", "float"),
    Break("blocks/to_float", "size * group\n", "size * group - 1\n", "float"),
)
FLOAT_ADDER_BREAKS = (
    Break("blocks/float_adder", "~ahead[-1] & ~addend.zero", "~ahead[-1]", "sum"),
    Break("blocks/float_adder", "~ahead[-1] & ~addend.zero", "~addend.zero", "sum"),
    Break("blocks/float_adder", "Mux(ahead[-1], behind, ahead)", "ahead", "sum"),
    Break("blocks/float_adder", "smaller[: places + 1].any()", "smaller[0]", "sum"),
    Break("blocks/float_adder", "Mux(negative, opposite, total)", "total", "sum"),
    Break("blocks/float_adder", "zeros & (unlimited | number.spare[step])", "zeros", "sum"),
    Break("blocks/float_adder", "& ~(terms.differ & zero)", "", "sum"),
    Break("blocks/float_adder", "guard & (sticky | below[-bits])", "guard", "sum"),
    Break("blocks/float_adder", "guard & (sticky | below[-bits])", "guard & sticky", "sum"),
    Break("blocks/float_adder", "normal & (exponent >= largest)", "0", "sum"),
    Break("blocks/float_adder", "number.truncated + number.up", "number.truncated", "sum"),
    Break("blocks/float_adder", "(total.infinite & addend.infinite & differ)", "0", "sum"),
    Break("blocks/float_adder", "exponent[0] | ~exponent.any()", "exponent[0]", "sum"),
)
NORMALIZING_BREAKS = (
    Break("array/normalizing_edge", "exponent + bits", "exponent", "operand"),
    Break("array/normalizing_edge", "place + 1, leading", "place, leading", "operand"),
    Break("array/normalizing_edge", "Mux(exponent.any(), fraction, below)", "fraction", "operand"),
)
NARROW_BREAKS = (
    Break("blocks/narrow_float", ".any() | kept[0]", ".any()", "float"),
    Break("blocks/narrow_float", "Mux(nan, self.number.nan_code, rounded)", "rounded", "float"),
    Break("blocks/narrow_float", "kept + up", "kept", "float"),
)
SPACING_BREAKS = (
    Break("matrix/row_spacing", "cycles - 2 - age", "cycles - 2", "no_longer"),
    Break("matrix/row_spacing", "self.advance & self.stays", "self.advance", "no_longer"),
    Break("matrix/row_spacing", " & self.adds", "", "no_longer"),
    Break("matrix/row_spacing", "(number == self.row)", "0", "waits"),
    Break("matrix/row_spacing", "waits >> 1", "0", "waits"),
)
