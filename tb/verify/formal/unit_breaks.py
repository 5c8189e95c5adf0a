"""Broken copies for the proofs of whole units: lines that are broken to see the proof fail."""

from .breaks import STREAM_BREAKS, Break

UNIT_BREAKS = (
    *STREAM_BREAKS,
    Break(
        "matrix/results",
        "self.released.eq(fetch)",
        "self.released.eq(fetch & ~landed)",
        "result_comes",
    ),
    Break(
        "matrix/admission",
        "Mux(gate.switching, ~self.tile_broken, tile_in_use)",
        "1",
        "errors_are_true",
    ),
    Break("matrix/admission", "ready.eq(~gate.waiting | advance)", "ready.eq(1)", "one_row_waits"),
    Break(
        "matrix/admission",
        "has_room.eq(~last | ~spare[-1])",
        "has_room.eq(1)",
        "few_are_inside",
    ),
    Break(
        "matrix/weights", "ready.eq(~self.complete | self.take)", "ready.eq(1)", "few_tiles_wait"
    ),
    Break(
        "matrix/matrix_unit",
        "self.errors.eq(self.errors | seen)",
        "self.errors.eq(seen)",
        "errors_are_reported",
    ),
    Break(
        "matrix/matrix_unit", "with m.If(self.clear_errors):", "with m.If(0):", "errors_are_true"
    ),
    Break(
        "matrix/matrix_unit",
        "array.loads_in.eq(self._loads(m, platform, loader))",
        "array.loads_in.eq(0)",
        "result_0",
    ),
    Break("matrix/accumulators", " & (number == row.row)", "", "result_0"),
    Break("matrix/results", "end_write.data.eq(self.ends_job)", "end_write.data.eq(0)", "end"),
)
COLUMN_1_BREAKS = (
    Break(
        "matrix/accumulators",
        "self.control_out.eq(read_control)",
        "self.control_out.eq(0)",
        "result_1",
    ),
)
FAST_UNIT_BREAKS = (
    *UNIT_BREAKS,
    Break("array/weight_products", "with m.If(control.clear):", "with m.If(0):", "result_0"),
    Break(
        "array/fast_array",
        "south.products_in.eq(west.sum_out)",
        "south.products_in.eq(0)",
        "result_0",
    ),
)
SIGNED_BREAKS = (
    Break("primitives/multiplier", "first * second", "first.as_unsigned() * second", "result_0"),
    Break("primitives/multiplier", "first * second", "first * second.as_unsigned()", "result_0"),
)
FAST_SIGNED_BREAKS = (
    Break("primitives/multiplier", "first * second", "first.as_unsigned() * second", "result_0"),
)
PIPELINE_BREAKS = (
    Break("matrix/matrix_unit", "cycles=timing.control_wait", "cycles=0", "result_0"),
    Break("blocks/partial_sums", "carry = added[len(part) :]", "carry = 0", "result_0"),
    Break("blocks/partial_sums", "len(widths) - 1 - index", "0", "result_0"),
)
CHECKSUM_BREAKS = (
    Break(
        "matrix/checksum_column",
        "tree.i.as_value().eq(integers_of(m, weight, self.weights))",
        "tree.i[0].eq(self.weights[0])",
        "no_false_alarm",
    ),
    Break(
        "matrix/checksum_column",
        "columns - SumTree.latency_of(columns)",
        "columns",
        "no_false_alarm",
    ),
    Break(
        "matrix/checksum_column",
        "width=rows, cycles=self.config.columns",
        "width=rows, cycles=self.config.columns - 1",
        "no_false_alarm",
    ),
    Break("matrix/checksum_column", "met[0] & met[1]", "met[0]", "no_false_alarm"),
    Break(
        "matrix/checksum_column",
        "(self.valid, collected - counts)",
        "(self.valid, 0)",
        "no_false_alarm",
    ),
    Break("matrix/result_check", "transfers.o & (", "(", "no_false_alarm"),
    Break(
        "matrix/result_check",
        "tree.i.eq(self.lanes)",
        "tree.i[0].eq(self.lanes[0])",
        "no_false_alarm",
    ),
    Break("matrix/admission", "(lane.xor() for", "(~lane.xor() for", "no_false_alarm"),
)
FAST_CHECKSUM_BREAKS = (
    Break(
        "array/pairs_check",
        "cycles=self.latency",
        "cycles=1",
        "no_false_alarm",
    ),
    Break(
        "array/fast_array", "check.loads.eq(cells.loads_out)", "check.loads.eq(0)", "no_false_alarm"
    ),
    Break(
        "matrix/checksum_column", "passed.eq(self.products_out)", "passed.eq(0)", "no_false_alarm"
    ),
)
MEMORY_FAULT_BREAKS = (
    # Wrong only while errors are cleared.
    Break(
        "matrix/matrix_unit",
        "self.errors.eq(seen)",
        "self.errors.eq(0)",
        "wrong_results_are_reported",
    ),
    Break(
        "matrix/matrix_unit",
        "column.wrong_activation | check.mismatch",
        "column.wrong_activation",
        "wrong_results_are_reported",
    ),
    Break(
        "matrix/result_check",
        "tree.i.eq(self.lanes)",
        "tree.i[0].eq(self.lanes[0])",
        "wrong_results_are_reported",
    ),
    Break(
        "matrix/results",
        "results.valid.eq(fetch)",
        "results.valid.eq(fetch & ~self.sums[0][0])",
        "all_but_data_is_the_same",
    ),
)
FAULT_BREAKS = (
    *MEMORY_FAULT_BREAKS,
    Break("matrix/admission", "(lane.xor() for", "(~lane.xor() for", "no_alarm_without_a_flip"),
    Break(
        "matrix/checksum_column",
        "width=rows, cycles=self.config.columns",
        "width=rows, cycles=self.config.columns - 1",
        "no_alarm_without_a_flip",
    ),
    Break(
        "matrix/matrix_unit",
        "column.wrong_activation | check.mismatch",
        "check.mismatch",
        "wrong_results_are_reported",
    ),
    Break(
        "matrix/checksum_column",
        "tree.i.as_value().eq(integers_of(m, weight, self.weights))",
        "tree.i[0].eq(self.weights[0])",
        "wrong_results_are_reported",
    ),
)
# With one pair of rows, or parities of one bit, these would not change the hardware.
PLAIN_FAULT_BREAKS = (
    *FAULT_BREAKS,
    Break(
        "matrix/checksum_column",
        "passed.eq(wrong | Cat(0, passed))",
        "passed.eq(wrong)",
        "wrong_results_are_reported",
    ),
    Break(
        "matrix/checksum_column",
        "lane.xor() for lane in self.activations",
        "lane[0] for lane in self.activations",
        "wrong_results_are_reported",
    ),
)
FAST_FAULT_BREAKS = (
    *FAULT_BREAKS,
    Break(
        "matrix/checksum_column",
        'wrong |= self._report(m, platform, "pairs", self.wrong_pairs, late=late)',
        "pass",
        "wrong_results_are_reported",
    ),
    Break(
        "matrix/checksum_column",
        'wrong |= self._report(m, platform, "products", wrong_products, late=late)',
        "pass",
        "wrong_results_are_reported",
    ),
)
