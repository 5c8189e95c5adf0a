"""Formal proofs: the engine tells right from wrong, and the proofs that take seconds hold."""

import dataclasses
from importlib.resources import files

import pytest
from amaranth.hdl import Module, Signal

from benches.units import FAST, SHAPES
from verify.faults.classes import DATA, class_of
from verify.faults.netlist import with_faults
from verify.formal.breaks import Break
from verify.formal.command import Task, prove_all, run
from verify.formal.draw import break_line
from verify.formal.engine import decide, make_gates, outputs_of
from verify.formal.harness import Harness
from verify.formal.proofs import PROOFS
from verify.formal.structure import assert_no_path, reached_by_faults
from weft.emit.export import emit
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft_sim.yosys import YosysFailed

BY_NAME = {proof.name: proof for proof in PROOFS}


class Counter(Harness):
    """Counts up to `limit` where it is told to, and must stay below `bound`."""

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
def test_what_holds_is_proved(method, tmp_path):
    assert answers(Counter(9, 10), tmp_path, method)[0] == (False, None)


@pytest.mark.parametrize("method", ["pdr", "bmc 20", "induction 12"])
def test_what_does_not_hold_fails_in_its_cycle(method, tmp_path):
    """The reset is cycle 0: the count is 5 six cycles later at the earliest."""
    high, frame = answers(Counter(9, 5), tmp_path, method)[0]
    assert high and (frame == 6 or (method == "pdr" and frame >= 6))


def test_a_bound_is_told(tmp_path):
    assert answers(Counter(9, 5), tmp_path, "bmc 6")[0] == (False, 6)


def test_what_is_not_reset_begins_with_anything(tmp_path):
    """Above the limit from the first cycle, which is the one after the reset."""
    high, frame = answers(Counter(9, 10, reset_less=True), tmp_path, "bmc 4")[0]
    assert (high, frame) == (True, 1)


def test_assumptions_are_kept(tmp_path):
    """A counter that is never told to count counts nothing, and its cover is not reached."""
    assert answers(Counter(9, 1, assumes=True), tmp_path) == [(False, None), (False, None)]


@pytest.mark.parametrize("name", ["weights 2x1", "weights 2x1 fast", "counters", "results"])
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
def test_a_broken_copy_fails_within_the_bound_or_is_told_of(bound, fails, tmp_path):
    proof = dataclasses.replace(BY_NAME["counters"], method=f"bmc {bound}")
    result = run(Task(proof, proof.breaks[0]), tmp_path)
    assert bool(result.wrong) != fails
    assert (result.cycle is not None) == fails


def test_a_copy_that_is_not_broken_is_told_of(tmp_path):
    """A change that changes nothing does not pass for a broken copy."""
    same = Break("matrix/counters", "counter.eq(counter + 1)", "counter.eq(1 + counter)", "idle")
    proof = dataclasses.replace(BY_NAME["counters"], breaks=(same,))
    assert run(Task(proof, same), tmp_path).wrong.startswith("idle holds of Break(")


def test_a_line_is_broken_once_or_not_at_all(tmp_path):
    (tmp_path / "cell.py").write_text("a = 1\nb = 1\n")
    break_line(tmp_path, Break("cell", "a = 1", "a = 2", "sum_0"))
    assert (tmp_path / "cell.py").read_text() == "a = 2\nb = 1\n"
    for old in ("c = 1", "="):
        with pytest.raises(ValueError, match=r"cell\.py must have .* once"):
            break_line(tmp_path, Break("cell", old, "", "sum_0"))


def test_every_break_stands_in_the_hardware():
    """A line that was changed since would make the broken copy one that cannot be drawn."""
    for proof in PROOFS:
        for broken in proof.breaks:
            text = (files("weft") / f"{broken.module}.py").read_text()
            assert text.count(broken.old) == 1, broken


def test_an_unknown_proof_is_refused():
    with pytest.raises(ValueError, match="no proof is named 'nothing': there are accumulators, "):
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
def test_a_path_is_found(path):
    """Also one through a memory that is read within the cycle."""
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
def test_a_flipped_bit_of_data_stays_where_it_is_seen(config):
    """A fault in a column reaches that lane of the results alone, one in the checksums none; one in
    activations can reach all. None reaches anything else but the error that tells of it."""
    netlist = with_faults(emit(config, "unit").verilog, "unit")
    told = f"error_status[{Error.CORRUPTED.value.bit_length() - 1}]"
    most = dict.fromkeys(DATA, 1) | {"activations": config.columns, "checksums": 0}
    seen = dict.fromkeys(DATA, 0)
    for bit, outputs in zip(netlist.bits, reached_by_faults(netlist, "unit"), strict=True):
        if (name := class_of(bit.register)) in DATA:
            lanes = {lane_of(config, output) for output in outputs - {told}}
            assert len(lanes) <= most[name], (bit, outputs)
            seen[name] = max(seen[name], len(lanes))
    assert seen == most


def lane_of(config, output):
    name, bit = output.rstrip("]").split("[")
    assert name == "m_axis_results_tdata", output
    return int(bit) // config.accumulator.lane_width
