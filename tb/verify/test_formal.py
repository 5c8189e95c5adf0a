"""Formal proofs: the engine finds failures, and the proofs that take seconds hold."""

import dataclasses
from importlib.resources import files

import pytest
from amaranth.hdl import Module, Signal

from benches.units import FAST, SHAPES
from verify.faults.classes import DATA, class_of
from verify.faults.netlist import with_faults
from verify.formal.breaks import Break
from verify.formal.command import Task, prove_all, run
from verify.formal.engine import decide, make_gates, outputs_of
from verify.formal.generate import break_line
from verify.formal.harness import Harness
from verify.formal.proofs import PROOFS
from verify.formal.structure import assert_no_path, reached_by_faults
from weft.emit.export import emit
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft_sim.yosys import YosysFailed

BY_NAME = {proof.name: proof for proof in PROOFS}


class Counter(Harness):
    """Count up to `limit` when `up` is high; the count must stay below `bound`."""

    def __init__(self, limit, bound, *, reset_less=False, assumes=False):
        super().__init__()
        self.limit, self.bound = limit, bound
        self.reset_less, self.assumes = reset_less, assumes

    def describe(self, m: Module) -> None:
        count = Signal(4, reset_less=self.reset_less)
        up = self.anything(1, "up")
        with m.If(up & (count != self.limit)):
            m.d.sync += count.eq(count + 1)
        if self.assumes:
            self.assume(~up)
        self.prove("bound", count < self.bound)
        self.reach("one", count == 1)


def answers(harness, folder, method="pdr"):
    rtlil = harness.rtlil()
    gates = make_gates(rtlil, folder, "counter")
    names = outputs_of(rtlil)
    assert names == ["wrong_bound", "reached_one"]
    found = [decide(gates, number, method, 60) for number in range(len(names))]
    return [(answer.high, answer.frame) for answer in found]


@pytest.mark.parametrize("method", ["pdr", "induction 3"])
def test_a_true_property_is_proved(method, tmp_path):
    assert answers(Counter(9, 10), tmp_path, method)[0] == (False, None)


@pytest.mark.parametrize("method", ["pdr", "bmc 20", "induction 12"])
def test_a_false_property_fails_in_its_cycle(method, tmp_path):
    """The reset is cycle 0, so the count is 5 in cycle 6 at the earliest."""
    high, frame = answers(Counter(9, 5), tmp_path, method)[0]
    assert high and (frame == 6 or (method == "pdr" and frame >= 6))


def test_a_bounded_proof_reports_its_bound(tmp_path):
    assert answers(Counter(9, 5), tmp_path, "bmc 6")[0] == (False, 6)


def test_registers_without_reset_start_with_arbitrary_values(tmp_path):
    """The count is above the limit in cycle 1, right after the reset."""
    high, frame = answers(Counter(9, 10, reset_less=True), tmp_path, "bmc 4")[0]
    assert (high, frame) == (True, 1)


def test_assumptions_are_kept(tmp_path):
    """With `up` assumed low the count stays zero, and its condition is not reached."""
    assert answers(Counter(9, 1, assumes=True), tmp_path) == [(False, None), (False, None)]


@pytest.mark.parametrize(
    "name",
    [
        *("weights 2x1", "weights 2x1 fast", "counters", "results"),
        *("buffer", "queue", "weight FIFO", "waits"),
    ],
)
def test_proof_holds(name, tmp_path):
    result = run(Task(BY_NAME[name]), tmp_path)
    assert not result.wrong, result.wrong
    assert result.answers


@pytest.mark.large
@pytest.mark.parametrize("name", BY_NAME)
def test_every_proof_holds(name, tmp_path):
    result = run(Task(BY_NAME[name]), tmp_path)
    assert not result.wrong, result.wrong


@pytest.mark.parametrize("name", ["weights 2x1", "counters"])
def test_broken_copies_fail(name, tmp_path):
    proof = BY_NAME[name]
    for broken in proof.breaks:
        result = run(Task(proof, broken), tmp_path)
        assert not result.wrong, result.wrong


@pytest.mark.parametrize("bound, fails", [(2, False), (20, True)])
def test_a_broken_copy_must_fail_within_the_bound(bound, fails, tmp_path):
    proof = dataclasses.replace(BY_NAME["counters"], method=f"bmc {bound}")
    result = run(Task(proof, proof.breaks[0]), tmp_path)
    assert bool(result.wrong) != fails
    assert (result.cycle is not None) == fails


def test_an_equivalent_copy_is_reported(tmp_path):
    """A change without effect is not accepted as a broken copy."""
    same = Break("matrix/counters", "counter.eq(counter + 1)", "counter.eq(1 + counter)", "idle")
    proof = dataclasses.replace(BY_NAME["counters"], breaks=(same,))
    assert run(Task(proof, same), tmp_path).wrong.startswith("idle holds for Break(")


def test_the_text_to_break_must_occur_exactly_once(tmp_path):
    (tmp_path / "cell.py").write_text("a = 1\nb = 1\n")
    break_line(tmp_path, Break("cell", "a = 1", "a = 2", "sum_0"))
    assert (tmp_path / "cell.py").read_text() == "a = 2\nb = 1\n"
    for old in ("c = 1", "="):
        with pytest.raises(ValueError, match=r"cell\.py must have .* exactly once"):
            break_line(tmp_path, Break("cell", old, "", "sum_0"))


def test_every_break_matches_the_hardware():
    """If a line has changed since, its broken copy cannot be generated."""
    for proof in PROOFS:
        for broken in proof.breaks:
            text = (files("weft") / f"{broken.module}.py").read_text()
            assert text.count(broken.old) == 1, broken


def test_an_unknown_proof_is_refused():
    with pytest.raises(ValueError, match="there is no proof 'nothing': choose from accumulators, "):
        prove_all(("nothing",))


UNITS = {"5x7": SHAPES["5x7"], "1x1": SHAPES["1x1"], "fast 6x5": FAST["6x5"]}


@pytest.mark.parametrize("config", UNITS.values(), ids=UNITS)
def test_no_output_depends_on_an_input_of_the_same_cycle(config):
    emission = emit(config, "unit")
    assert_no_path(emission.verilog, "unit")


PATHS = {
    "gate": "assign b = q & ~a;",
    "memory": "reg [1:0] memory [3:0]; always @(posedge c) memory[q] <= q; assign b = memory[a];",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_combinational_path_is_found(path):
    """Also a path through an asynchronous read of a memory."""
    around = "module unit(input c, input a, output b); reg q; always @(posedge c) q <= a;"
    assert_no_path(f"{around} assign b = q; endmodule", "unit")
    with pytest.raises(YosysFailed):
        assert_no_path(f"{around} {path} endmodule", "unit")


NARROW = {"accumulator_width": 8, "accumulator_depth": 3, "checksum": True}
CHECKED = {
    "5x7": MatrixUnitConfig(rows=5, columns=7, activation="uint3", weight="int4", **NARROW),
    "2x10": MatrixUnitConfig(
        rows=2, columns=10, activation="int2", weight="int2", adder_stages=2, **NARROW
    ),
}


@pytest.mark.parametrize("config", CHECKED.values(), ids=CHECKED)
def test_a_flipped_bit_of_data_reaches_only_its_lanes(config):
    """A fault in a column reaches one lane of the results, a fault in the checksums none, and a
    fault in activations can reach all. No fault reaches any other output except CORRUPTED."""
    netlist = with_faults(emit(config, "unit").verilog, "unit")
    corrupted = f"error_status[{Error.CORRUPTED.value.bit_length() - 1}]"
    most = dict.fromkeys(DATA, 1) | {"activations": config.columns, "checksums": 0}
    seen = dict.fromkeys(DATA, 0)
    for bit, outputs in zip(netlist.bits, reached_by_faults(netlist, "unit"), strict=True):
        if (name := class_of(bit.register)) in DATA:
            lanes = {lane_of(config, output) for output in outputs - {corrupted}}
            assert len(lanes) <= most[name], (bit, outputs)
            seen[name] = max(seen[name], len(lanes))
    assert seen == most


def lane_of(config, output):
    name, bit = output.rstrip("]").split("[")
    assert name == "m_axis_results_tdata", output
    return int(bit) // config.accumulator.lane_width
