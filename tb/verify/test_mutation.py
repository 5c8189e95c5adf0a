"""The mutation score: mutants are sampled, killed or proved equivalent, and judged only once"""

import importlib
import inspect
import json
import pkgutil
import re

import pytest
from amaranth.lib import wiring

import weft
import weft.core
from benches.repository import ROOT
from benches.runner import needs_icarus
from verify.faults import netlist
from verify.mutation import campaign
from verify.mutation.benches import MODULE_BENCHES, benches_of, design_with_harnesses
from verify.mutation.equivalence import COMPARED_WITH_FLIPS, comparison_module, prove
from verify.mutation.mutants import allot, draw
from verify.mutation.trial import Step, Trial, judge, longest_ns
from verify.mutation.units import TOP, UNITS, make_design
from weft_sim.verilator import SimulationFailed

COUNTERS = "weft__cycle_counters"
# A change of the counters that each of their benches detects, and one without effect.
DETECTED = "counters_total + 1'h1", "counters_total + 2'h2"
REDUNDANT = "= spent == 1'h1;", "= (spent == 1'h1) & (spent != 3'h5);"
# FPGA primitives are not in portable Verilog, and the host link is not in a matrix unit.
NOT_EMITTED = ("weft.primitives.ecp5", "weft.primitives.ice40", "weft.host_link", "weft.boards")
# The core around a matrix unit is not in one either.
AROUND = (
    "weft.buffer",
    "weft.bus",
    "weft.sequencer",
    "weft.vector",
    "weft.matrix.weight_fifo",
    "weft.blocks.ready_register",
    "weft.primitives.stream_queue",
    *(
        f"weft.core.{module.name}"
        for module in pkgutil.iter_modules(weft.core.__path__)
        if module.name != "axi_matrix_unit"
    ),
)
# A cell whose multiplier is half of a hard block is not mutated either.
NOT_PORTABLE = {"SharingCell"}
SAMPLE = 20


def design_of(name):
    return design_with_harnesses(next(unit for unit in UNITS if unit.name == name))


@pytest.fixture(scope="module")
def plain():
    return design_of("plain")


def changed(design, change):
    """Return the Verilog of a design with one changed expression in the counters."""
    before, after = change
    module = design.modules[COUNTERS]
    assert module.count(before) == 1
    return design.verilog({COUNTERS: module.replace(before, after)})


def test_every_component_of_the_unit_is_mutated():
    """Components that depend on checksums are mutated in a unit that has them."""
    mutated, with_checksums = set(), set()
    for unit in UNITS:
        design = make_design(unit)
        names = {design.emitted[name].component.__name__ for name in design.mutable}
        mutated |= names
        with_checksums |= names if unit.config.checksum else set()
    components, know_checksums = set(), set()
    for module in pkgutil.walk_packages(weft.__path__, "weft."):
        if module.ispkg or module.name.startswith((*NOT_EMITTED, *AROUND)):
            continue
        for name, value in inspect.getmembers(importlib.import_module(module.name)):
            is_component = inspect.isclass(value) and issubclass(value, wiring.Component)
            if is_component and value.__module__ == module.name:
                components.add(name)
                if re.search(r"config\.(checksum\b|result_columns)", inspect.getsource(value)):
                    know_checksums.add(name)
    assert mutated == components - NOT_PORTABLE
    assert know_checksums == {"MatrixUnit", "Admission", "ResultBuffer"}
    assert know_checksums < with_checksums


@pytest.mark.parametrize("component", MODULE_BENCHES)
def test_every_bench_has_coroutines(component):
    module, names = MODULE_BENCHES[component]
    coroutines = [name for name in vars(importlib.import_module(module)) if re.match(names, name)]
    assert coroutines


def test_every_module_has_a_bench_smaller_than_the_unit():
    """Except the unit itself; SumShift, whose bench is of a chain; and arrays with soft cells."""
    without = set()
    for unit in UNITS:
        design = design_with_harnesses(unit)
        without |= {
            design.emitted[name].component.__name__
            for name in design.mutable
            if {bench.top for bench in benches_of(design, name)} == {TOP}
        }
    assert without == {"AxiMatrixUnit", "MatrixUnit", "SumShift", "SystolicArray"}


@pytest.mark.parametrize(
    "count, sizes, shares",
    [
        (9, {"a": 10, "b": 20, "c": 30}, {"a": 2, "b": 3, "c": 4}),
        (3, {"a": 1, "b": 2, "c": 3000}, {"a": 1, "b": 1, "c": 1}),
        (10, {"a": 1, "b": 1, "c": 998}, {"a": 1, "b": 1, "c": 8}),
    ],
)
def test_larger_modules_get_more_mutants(count, sizes, shares):
    assert allot(count, sizes) == shares


def test_mutants_are_reproducible_from_the_seed(plain):
    """Each mutant differs from the original and has a line of Python that exists."""
    mutants = draw([plain], 60, 1)
    assert len({mutant.key for mutant in mutants}) == 60
    assert draw([plain], 60, 1) == mutants
    assert draw([plain], 60, 2) != mutants
    assert {mutant.module for mutant in mutants} > {TOP, COUNTERS}
    for mutant in mutants:
        assert mutant.verilog != plain.modules[mutant.module]
        path, number = mutant.source.split(":")
        assert int(number) <= len((ROOT / path).read_text().splitlines())
    assert len(draw([plain], 3, 1)) == 3


@pytest.mark.large
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_bench_passes_without_a_mutation(unit):
    """Otherwise the campaign ends before its first mutant."""
    needs_icarus()
    design = design_with_harnesses(unit)
    benches = {bench for module in design.mutable for bench in benches_of(design, module)}
    for bench in sorted(benches, key=lambda bench: (bench.top, bench.modules)):
        assert longest_ns(design.verilog({}), bench, 1) > 0


def test_a_detected_mutant_is_killed(plain):
    """By the bench of its module, and by the benches of the whole unit."""
    needs_icarus()
    original, mutated = plain.verilog({}), changed(plain, DETECTED)
    for bench in benches_of(plain, COUNTERS):
        limit = 10 * longest_ns(original, bench, 1)
        for text, killed in (original, False), (mutated, True):
            trial = Trial("one", text, text, (Step("key", bench, seed=1, timeout_ns=limit),))
            _, outcomes = judge(trial)
            assert bool(outcomes["key"]["killed"]) == killed
        with pytest.raises(SimulationFailed, match="without a mutation, seed 1"):
            longest_ns(mutated, bench, 1)


def test_a_mutant_that_hangs_is_killed(plain):
    """It produces no more results, so the coroutine reaches its timeout."""
    needs_icarus()
    *_, whole = benches_of(plain, COUNTERS)
    name = "weft__result_buffer_16"
    module, changes = re.subn(r"(?m)^  assign results__valid = .*;$", "", plain.modules[name])
    if not changes:
        module = re.sub(
            r"(?m)^(    (?:else )?(?:if \(\S+\) )?results__valid <= ).*;$", r"\g<1>0;", module
        )
    assert module != plain.modules[name]
    text = plain.verilog({name: module})
    trial = Trial("one", text, text, (Step("key", whole, seed=1, timeout_ns=50_000),))
    assert "Timeout" in judge(trial)[1]["key"]["killed"]


def test_a_step_that_decides_is_the_last(plain):
    """Steps with a known outcome are not run again."""
    steps = Step("first"), Step("second"), Step("third")
    known = {
        "first": {"killed": None, "proved": None, "seconds": 1},
        "second": {"killed": "a coroutine", "proved": None, "seconds": 2},
    }
    assert judge(Trial("one", "", "", steps, known)) == ("one", known)


def test_redundant_logic_is_proved_equivalent(plain):
    original = plain.verilog({})
    for top in (COUNTERS, TOP):
        assert prove(original, changed(plain, REDUNDANT), top, 20)
    assert not prove(original, changed(plain, DETECTED), COUNTERS, 5)


@pytest.mark.parametrize("name", [unit.name for unit in UNITS if unit.config.checksum])
def test_every_register_of_data_has_a_name(name):
    """Only the registers of the bypass of the begun flags have none."""
    design = design_of(name)
    flat = netlist._flattened(design.verilog({}), TOP)
    named = {register for _, register in netlist.NAMED.findall(flat)}
    unnamed = {
        register: taken
        for register, *_, taken in netlist.REGISTER.findall(flat)
        if netlist.NUMBERED.fullmatch(register) and register not in named
    }
    assert len(unnamed) == 3
    assert sum("begun_rows.memory" in taken for taken in unnamed.values()) == 1


# Changes of a unit with checksums: one that shows only while bits flip, and one without effect.
CHANGES = {
    "no activation is checked": ("checksum_column__wrong_activation | result", "result", False),
    "the same in other words": ("6'h20 : 6'h00", "6'h20 : ~6'h3f", True),
}


@pytest.mark.parametrize("before, after, equivalent", CHANGES.values(), ids=CHANGES)
def test_units_with_checksums_are_compared_while_bits_flip(before, after, equivalent):
    design = design_of("checksum")
    module = design.modules["weft__matrix_unit"]
    assert module.count(before) == 1
    around = comparison_module(design.unit.config, TOP)
    original, mutated = (
        f"{design.verilog(changes)}{around}\n"
        for changes in ({}, {"weft__matrix_unit": module.replace(before, after)})
    )
    assert prove(original, mutated, COMPARED_WITH_FLIPS, 10) == equivalent


MACHINE = """
module machine(input clk, input rst, input [3:0] a, output [3:0] o);
  reg [3:0] one = {initial}, two = 4'd1;
  always @(posedge clk) begin
    one <= rst ? 4'd1 : {{one[2:0], one[3]}};
    two <= rst ? 4'd1 : {{two[2:0], two[3]}};
  end
  reg [7:0] age = 0;
  always @(posedge clk) if (rst) age <= 0; else if (age != 200) age <= age + 1;
  reg [3:0] words [0:{words}];
  integer i;
  initial for (i = 0; i <= {words}; i = i + 1) words[i] = 0;
  always @(posedge clk) words[a] <= one;
  assign o = {output};
endmodule
"""


@pytest.mark.parametrize(
    "changes, equivalent",
    [
        ({"output": "two ^ a"}, True),  # one and two are always equal,
        ({"initial": "4'd2"}, False),  # unless their initial values differ.
        ({"output": "one == 4'd15 ? 4'd0 : one ^ a"}, True),  # Exactly one bit is set,
        ({"output": "one == 4'd8 ? 4'd0 : one ^ a"}, False),  # each in turn.
        ({"output": "age == 200 ? 4'd0 : one ^ a"}, False),  # Long after the reset.
        ({"output": "age == 201 ? 4'd0 : one ^ a"}, True),
    ],
)
def test_proofs_cover_all_inputs_from_the_first_cycle_on(changes, equivalent):
    facts = {"initial": "4'd1", "words": 15, "output": "one ^ a"}
    original, mutated = (MACHINE.format(**{**facts, **more}) for more in ({}, changes))
    assert prove(original, mutated, "machine", 20) == equivalent


@pytest.mark.parametrize("clock", ["negedge clk", "posedge (clk ^ a[0])", "posedge rst"])
@pytest.mark.parametrize("changed", ["one", "words"])
def test_another_clock_is_never_equivalent(clock, changed):
    original = MACHINE.format(initial="4'd1", words=15, output="words[a]")
    before = {"one": "@(posedge clk) begin", "words": "@(posedge clk) words"}[changed]
    mutated = original.replace(before, before.replace("posedge clk", clock))
    assert mutated != original
    assert not prove(original, mutated, "machine", 20)


@pytest.mark.parametrize("words, equivalent", [(15, True), (14, False)])
def test_a_read_beyond_the_last_word_is_arbitrary(words, equivalent):
    text = MACHINE.format(initial="4'd1", words=words, output="words[a]")
    assert prove(text, text, "machine", 20) == equivalent


STORE = """
module store(input clk, input rst, input valid, input first, input [1:0] row, input [3:0] a,
             output [3:0] o);
  reg [8:0] early = 0, late = 0;
  reg [3:0] words [0:3];
  integer i;
  initial for (i = 0; i < 4; i = i + 1) words[i] = 0;
  wire [1:0] place = {place};
  wire [3:0] sum = (late[1] ? 4'd0 : words[late[{high}:2]]) + late[7:4];
  always @(posedge clk) begin
    early <= rst ? 9'd0 : {{a, place, first, valid}};
    late <= rst ? 9'd0 : early;
    if (late[0]) words[late[3:2]] <= sum;
  end
  assign o = late[0] ? sum : 4'd0;
endmodule
"""


@pytest.mark.parametrize(
    "changes, equivalent",
    [
        ({"place": "~row"}, True),
        ({"place": "{row[1] ^ ~row[0], row[0]}"}, True),  # A permutation of the four.
        ({"place": "{row[1] | row[0], row[0]}"}, False),  # Two of them at one address.
        ({"place": "~row", "high": "2"}, False),  # Read from one, written to another.
    ],
)
def test_a_row_may_be_stored_at_another_address(changes, equivalent):
    facts = {"place": "row", "high": "3"}
    original, mutated = (STORE.format(**{**facts, **more}) for more in ({}, changes))
    assert prove(original, mutated, "store", 20) == equivalent


@pytest.mark.parametrize("count, seed", [(0, 1), (-1, 1), (1, -1)])
def test_numbers_out_of_range_are_refused(count, seed):
    needs_icarus()
    with pytest.raises(ValueError, match="must be an integer of at least"):
        campaign.run_campaign(count, seed, None, 1)


@pytest.mark.large
def test_a_sample_of_mutants(tmp_path, monkeypatch):
    """None survives; a second campaign reuses every outcome and gives the same report."""
    needs_icarus()
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    report = campaign.run_campaign(SAMPLE, 1, None, 1)
    assert json.loads((tmp_path / "mutation" / "report.json").read_text()) == report
    assert report["mutants"] == SAMPLE == report["killed"] + report["equivalent"]
    assert report["score"] == 1 and report["survivors"] == []
    counts = [
        sum(module[kind] for module in report["modules"].values())
        for kind in ("killed", "equivalent", "survived")
    ]
    assert counts == [report["killed"], report["equivalent"], 0]

    def refused(client, what, left):
        assert left == []
        return iter(())

    monkeypatch.setattr(campaign, "_outcomes", refused)
    again = campaign.run_campaign(SAMPLE, 1, None, 1)
    assert {**again, "seconds": report["seconds"]} == report
