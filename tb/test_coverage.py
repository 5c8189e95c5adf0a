"""Coverage: what a run has reached is read exactly, what it has not is told, no waiver is idle"""

from collections import Counter

import cocotb
import numpy as np
import pytest

from bench import TIMEOUT, chosen_simulators, start, tick
from weft.config import MatrixUnitConfig
from weft.layouts import Activity, Error
from weft.skew import DelayLine
from weft_sim import toolchain
from weft_sim.cli import main
from weft_sim.coverage import command
from weft_sim.coverage.bins import BINS, Sampler
from weft_sim.coverage.points import Point, Tally, listed, read_coverage
from weft_sim.coverage.ports import ActivationRow, CounterModel, Cycle, Handshake, WeightRow
from weft_sim.coverage.waivers import Waiver, read_waivers
from weft_sim.schedule import Schedule
from weft_sim.simulator import COVERAGE_FILE, COVERAGE_SOURCE

ON_VERILATOR = [name for name in chosen_simulators() if name == "verilator"]
# More than two words of a simulator.
WIDTH = 100
TOGGLED = {0: 3, 40: 2, 99: 1}


@pytest.mark.parametrize("simulator", ON_VERILATOR, indirect=True)
def test_a_run_leaves_what_it_reached(simulate, request, monkeypatch):
    """Each bit counts by itself, also in a wide signal; so does each edge."""
    monkeypatch.setenv("WEFT_COVERAGE", "1")
    simulate([toggles_three_bits], DelayLine, WIDTH, 1, False)
    (folder,) = (toolchain.build_root() / "tests").glob(
        f"test_coverage.py-{request.node.originalname}-*r"
    )
    reached = read_coverage(folder / COVERAGE_FILE, "delay", folder / COVERAGE_SOURCE)
    counts = {point.what: count for point, count in reached.items() if point.kind == "toggle"}
    assert {point.module for point in reached} == {"top"}
    for signal in ("i", "o"):
        for edge in ("0->1", "1->0"):
            rising = {n: counts[f"{signal}[{n}] {edge}"] for n in range(WIDTH)}
            assert rising == {n: TOGGLED.get(n, 0) for n in range(WIDTH)}, f"{signal} {edge}"
    lines = {point.what: count for point, count in reached.items() if point.kind == "line"}
    initial, always = (
        "block at 25: output reg [99:0] o = 100'd0,",
        "block at 3: always @(posedge clk)",
    )
    assert set(lines) == {initial, always} and lines[always] > sum(TOGGLED.values())


@cocotb.test(**TIMEOUT)
async def toggles_three_bits(dut):
    await start(dut)
    for bit, times in TOGGLED.items():
        for _ in range(times):
            for value in (1 << bit, 0):
                dut.i.value = value
                await tick(dut)
    for _ in range(3):
        await tick(dut)


# As Verilator writes it, with | : ; in place of the bytes 1 and 2 and of a colon.
COUNTED = """\
# SystemC::Coverage-3
C '|f:x.v|l:3|n:9|t:toggle|page:v_toggle/weft_x|o:a___05Fb[2];0->1|h:weft_x' 4
C '|f:x.v|l:3|n:9|t:toggle|page:v_toggle/weft_x_cell|o:a;1->0|h:weft_x.cell_*' 0
C '|f:x.v|l:4|n:5|t:branch|page:v_branch/weft_x|o:if|S:4|h:weft_x' 7
C '|f:x.v|l:4|n:6|t:branch|page:v_branch/weft_x|o:else|S:4|h:weft_x' 0
C '|f:x.v|l:5|n:3|t:line|page:v_line/weft_x|o:block|S:5|h:weft_x' 1
""".translate({ord("|"): "\1", ord(":"): "\2", ord(";"): ":"}).replace(
    "Coverage-3", "Coverage-3", 1
)
VERILOG = "module weft_x (\n  input clk\n);\n  if (rst)   b <= 0;\n  else b <= c;\n"


def test_the_file_is_read(tmp_path):
    path, verilog = tmp_path / COVERAGE_FILE, tmp_path / "x.v"
    verilog.write_text(VERILOG)
    path.write_text(COUNTED)
    assert read_coverage(path, "x", verilog) == Counter(
        {
            Point("toggle", "x", "top", "a__b[2] 0->1", 3): 4,
            Point("toggle", "x", "cell", "a 1->0", 3): 0,
            Point("line", "x", "top", "if at 5: if (rst) b <= 0;", 4): 7,
            Point("line", "x", "top", "else at 6: if (rst) b <= 0;", 4): 0,
            Point("line", "x", "top", "block at 3: else b <= c;", 5): 1,
        }
    )


@pytest.mark.parametrize("text", ["", "# SystemC::Coverage-3\n", "C 'nonsense' 1\n", "X\n"])
def test_another_file_is_refused(text, tmp_path):
    path, verilog = tmp_path / COVERAGE_FILE, tmp_path / "x.v"
    verilog.write_text(VERILOG)
    path.write_text(text)
    with pytest.raises(ValueError, match="no point of coverage"):
        read_coverage(path, "x", verilog)


def toggle(what: str) -> Point:
    return Point("toggle", "unit-plain", "gate", what, 7)


REACHED = Counter(
    {
        toggle("row 0->1"): 5,
        toggle("row 1->0"): 0,
        toggle("sum[3] 0->1"): 0,
        toggle("sum[4] 0->1"): 0,
        toggle("sum[12] 0->1"): 0,
        Point("functional", "unit-plain", "error", "NO_TILE"): 0,
    }
)


def waiver(*points: str) -> Waiver:
    return Waiver("constant", "it is constant", points)


def test_what_is_not_reached_is_missing():
    verdict = command.judge(REACHED, [waiver("unit-* gate sum[3..4]", "unit-plain gate row")])
    assert listed(verdict.missing) == [
        "unit-plain error NO_TILE",
        "unit-plain gate sum[12] 0->1 (line 7)",
    ]
    tally = Tally.of(REACHED, REACHED, [toggle("row 1->0")])
    assert (tally.total, tally.covered, tally.waived, tally.fraction) == (6, 1, 1, 1 / 5)
    assert not command.judge(REACHED, [waiver("unit-* gate *", "* error NO_TILE")]).missing


def test_missing_points_are_listed_by_signal():
    points = [toggle(f"sum[{bit}] 0->1") for bit in (1, 2, 3, 9)] + [toggle("memory[2][0] 1->0")]
    assert listed(points) == [
        "unit-plain gate sum[1..3,9] 0->1 (line 7)",
        "unit-plain gate memory[2][0] 1->0 (line 7)",
    ]


@pytest.mark.parametrize(
    "pattern",
    [
        "unit-plain gate row 0->1",
        "unit-fast gate row",
        "unit-plain gate sum[5..11]",
        "unit-plain gate sum",
        "gate row",
        "unit-plain gate ro",
    ],
)
def test_a_waiver_that_matches_nothing_is_an_error(pattern):
    with pytest.raises(ValueError, match="waivers that match no unreached point: constant: "):
        command.judge(REACHED, [waiver("unit-plain gate row 1->0", pattern)])


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("[[waiver]]\nname = 'a'\npoints = ['b']\n", "waiver 1 must have a name, a reason and"),
        ("[[waiver]]\nname = 'a'\nreason = ''\npoints = ['b']\n", "waiver 1 must have a name"),
        ("[[waiver]]\nname = 'a'\nreason = 'c'\npoints = []\n", "waiver 1 must have a name"),
        ("[[waiver]]\nname = 'a'\nreason = 'c'\npoints = ['b']\n" * 2, "two waivers have one name"),
        ("[[waiver", "is no TOML"),
    ],
)
def test_a_waiver_says_why(text, sentence, tmp_path):
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_waivers(path)


def test_the_waivers_and_the_benches_are_there():
    assert read_waivers(command.BENCHES / command.WAIVERS)
    assert all((command.BENCHES / name).is_file() for name in (command.UNITS, *command.BLOCKS))


def test_a_hole_fails_the_command(monkeypatch, tmp_path, capsys):
    """The point is printed and in the report; with a waiver for it the command succeeds."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["weft", "coverage"])
    monkeypatch.setattr(
        command, "run_benches", lambda root, seed, workers: root.mkdir(parents=True, exist_ok=True)
    )
    monkeypatch.setattr(command, "read_runs", lambda tests: REACHED)
    monkeypatch.setattr(command, "read_waivers", lambda path: [waiver("unit-* gate *")])
    with pytest.raises(SystemExit) as exit_code:
        main()
    assert exit_code.value.code == 1
    assert "not reached: unit-plain error NO_TILE" in capsys.readouterr().out
    report = (tmp_path / "coverage" / "report.json").read_text()
    assert '"unit-plain error NO_TILE"' in report and '"it is constant"' in report

    monkeypatch.setattr(command, "read_waivers", lambda path: [waiver("*")])
    main()

    monkeypatch.setattr(command, "read_waivers", lambda path: [waiver("*", "nothing")])
    with pytest.raises(SystemExit) as exit_code:
        main()
    assert exit_code.value.code == 2
    assert "waivers that match no unreached point" in capsys.readouterr().err


def test_a_bench_that_leaves_nothing_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"benches that left no coverage: coverage_units\.py, "):
        command.read_runs(tmp_path)


# A unit of two rows and one column, and what comes over its ports.

CONFIG = MatrixUnitConfig(rows=2, columns=1, accumulator_depth=2, accumulator_width=16)
GOES, HELD, AWAITED = Handshake(True, True), Handshake(True, False), Handshake(False, True)
BLOCKED = Handshake(False, False)


def weight(number: int, last: bool = False) -> dict:
    return {"weights": GOES, "weight_row": WeightRow(np.array([number], np.int8), last)}


def row(*lanes: int, handshake: Handshake = GOES, **fields) -> dict:
    lanes_in = np.array(lanes or (0, 0), np.int8)
    return {"activations": handshake, "activation_row": ActivationRow(lanes_in, **fields)}


RESET = Cycle(reset=True)


def sampled(*cycles: Cycle | dict) -> tuple[Sampler, list[Activity]]:
    """A sampler that has seen these cycles after a reset, and how they were spent."""
    sampler = Sampler(CONFIG)
    cycles = [cycle if isinstance(cycle, Cycle) else Cycle(**cycle) for cycle in cycles]
    return sampler, [sampler.take(cycle) for cycle in (RESET, *cycles)][1:]


def hits(sampler: Sampler, *groups: str) -> dict[tuple[str, str], int]:
    return {key: count for key, count in sampler.counts.items() if key[0] in groups}


def test_activities_are_told_from_the_ports():
    whole = {"switch": True, "first": True, "last": True}
    sampler, activities = sampled(
        {},
        row(**whole),
        {"activations": BLOCKED},
        {"activations": BLOCKED, **weight(1)},
        row(handshake=HELD, **whole) | weight(2, last=True),
        row(first=True),
        {},
        {},
        row(last=True),
        {"activations": BLOCKED},
        {},
        {},
    )
    assert activities == [
        Activity.IDLE,
        Activity.IDLE,
        Activity.WAITING_FOR_WEIGHTS,
        Activity.LOADING_WEIGHTS,
        Activity.LOADING_WEIGHTS,
        Activity.COMPUTING,
        Activity.COMPUTING,
        Activity.WAITING_FOR_ACTIVATIONS,
        Activity.WAITING_FOR_ACTIVATIONS,
        Activity.WAITING_FOR_ROOM,
        Activity.COMPUTING,
        Activity.IDLE,
    ]
    assert hits(sampler, "stall")["stall", "activations held, LOADING_WEIGHTS"] == 1
    assert hits(sampler, "stall")["stall", "weights awaited, WAITING_FOR_WEIGHTS"] == 1
    assert hits(sampler, "switch") == {("switch", "tile not begun"): 1}
    assert hits(sampler, "row") == {
        ("row", "begins and finishes"): 1,
        ("row", "begins"): 1,
        ("row", "finishes"): 1,
    }
    assert hits(sampler, "same_row") == {
        ("same_row", "begins after a finished sum, 1"): 1,
        ("same_row", "finishes a sum, 4"): 1,
    }


def test_tiles_and_switches_are_told_from_the_ports():
    """One tile for one row, one for two, a broken one; a row that the broken one loses."""
    begins = {"switch": True, "first": True}
    sampler, _ = sampled(
        weight(1),
        weight(2, last=True),
        row(**begins),
        row(first=True, last=True, row=1, switch=True) | weight(3),
        {"activations": BLOCKED, **weight(4, last=True)},
        row(first=True, last=True) | weight(5, last=True),
        row(switch=True, first=True, last=True, end=True),
        {},
    )
    assert hits(sampler, "switch") == {
        ("switch", "tile complete"): 2,
        ("switch", "tile partly loaded"): 1,
        ("switch", "tile broken"): 1,
        ("switch", "next tile begins in the same cycle"): 2,
        ("switch", "R cycles after the one before"): 2,
    }
    assert hits(sampler, "tile_stays") == {
        ("tile_stays", "for one row"): 1,
        ("tile_stays", "for R rows"): 1,
    }
    assert hits(sampler, "dropped") == {
        ("dropped", "the last row of a sum"): 1,
        ("dropped", "the end of a job"): 1,
    }


def test_rows_that_are_dropped_are_told_from_the_ports():
    """No tile, an accumulator row that does not exist, a sum that was never begun."""
    sampler, _ = sampled(
        row(first=True),
        weight(1),
        weight(1, last=True),
        row(switch=True, first=True, row=2),
        row(last=True),
        {},
    )
    assert hits(sampler, "row") == {}
    assert hits(sampler, "dropped") == {
        ("dropped", "a row that is not the last"): 2,
        ("dropped", "the last row of a sum"): 1,
    }


def test_extremes_and_wraps_are_told_from_the_ports():
    low, high = -128, 127
    sampler, _ = sampled(
        weight(low),
        weight(low, last=True),
        row(low, low, switch=True, first=True),
        row(low, high, first=False, last=True),
        {},
    )
    assert hits(sampler, "extremes") == {
        ("extremes", "one product of minimum by minimum"): 2,
        ("extremes", "one product of maximum by minimum"): 1,
        ("extremes", "R products of minimum by minimum"): 1,
        ("extremes", "sum wraps upwards"): 1,
    }
    sampler, _ = sampled(
        weight(low),
        weight(low, last=True),
        row(low, low, switch=True, first=True),
        row(low, low, last=True),
        {},
    )
    assert hits(sampler, "extremes")["extremes", "sum wraps upwards"] == 1
    sampler, _ = sampled(
        weight(high),
        weight(high, last=True),
        row(low, low, switch=True, first=True),
        row(low, low, last=True),
        {},
    )
    assert hits(sampler, "extremes")["extremes", "sum wraps downwards"] == 1
    # The weight of row 1 came first.
    sampler, _ = sampled(
        weight(high), weight(0, last=True), row(high, 1, switch=True, first=True, last=True), {}
    )
    assert hits(sampler, "extremes") == {}


def test_errors_are_told_from_the_ports():
    none, short, both = 0, Error.SHORT_TILE.value, (Error.SHORT_TILE | Error.NO_TILE).value
    sampler, _ = sampled(
        *({"errors": errors} for errors in (none, short, both)),
        {"errors": both, "clears": True},
        {"errors": none, "clears": True},
        {"errors": both},
    )
    assert hits(sampler, "error") == {
        ("error", "SHORT_TILE"): 2,
        ("error", "NO_TILE"): 2,
        ("error", "several at once"): 1,
        ("error", "cleared"): 1,
        ("error", "seen in the cycle of clearing"): 1,
    }


def test_results_are_told_from_the_ports():
    end = {"results": GOES, "result_ends": True}
    sampler, _ = sampled(
        {"results": HELD}, end, end, *[{"results": HELD}] * 40, {"results": GOES}, end, {}
    )
    assert hits(sampler, "results_held", "end") == {
        ("results_held", "for one cycle"): 1,
        ("results_held", "for longer"): 1,
        ("results_held", "for longer than the buffer is deep"): 1,
        ("end", "of a job"): 3,
        ("end", "of two jobs in two results in a row"): 1,
    }


def test_a_reset_is_told_with_what_it_ends():
    whole = {"switch": True, "first": True}
    sampler, _ = sampled(
        weight(1),
        {"reset": True},
        {"reset": True},
        weight(1) | row(**whole),
        weight(1, last=True) | {"activations": BLOCKED},
        {},
        {"reset": True, "results": HELD, "errors": 1},
        row(**whole),
        {"activations": BLOCKED},
        {"reset": True, "activations": BLOCKED},
        {},
    )
    assert hits(sampler, "reset") == {
        ("reset", "WAITING_FOR_ACTIVATIONS"): 2,
        ("reset", "within a tile"): 1,
        ("reset", "with a sum unfinished"): 1,
        ("reset", "with a result waiting"): 1,
        ("reset", "with an error seen"): 1,
        ("reset", "WAITING_FOR_WEIGHTS"): 1,
    }


def test_shapes_are_told_by_their_schedules():
    sampler = Sampler(CONFIG)
    for m, k, n in ((1, 2, 1), (5, 3, 1), (1, 4, 2), (1, 1, 3)):
        sampler.take_product(Schedule(CONFIG, m, k, n))
    assert {name: count for (_, name), count in sampler.counts.items()} == {
        "K in whole R, N in whole C": 2,
        "K beyond whole R, N in whole C": 2,
        "one tile": 1,
        "tiles along K": 1,
        "tiles along both": 1,
        "tiles along N": 1,
        "one batch": 3,
        "several batches": 1,
    }


def test_counters_follow_their_activities():
    model = CounterModel()
    for _ in range(20):
        model.step(Activity.COMPUTING)
    assert model.counters["total"] == 20
    assert model.counters["computing"] + model.counters["idle"] == 20
    assert model.counters["idle"] > 0


def test_every_bin_is_named_once():
    assert all(len(set(names)) == len(names) for names in BINS.values())
    with pytest.raises(AssertionError, match="error has no bin"):
        Sampler(CONFIG).hit("error", "no such thing")
