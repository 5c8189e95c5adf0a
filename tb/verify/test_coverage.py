"""Coverage: counts are read exactly, unreached points are reported, unused waivers are errors"""

from collections import Counter

import cocotb
import pytest

from benches.coroutines import TIMEOUT, start, tick
from benches.repository import TB
from benches.runner import chosen_simulators
from verify.commands import app
from verify.coverage import command
from verify.coverage.points import Point, Tally, listed, read_coverage
from verify.coverage.waivers import Waiver, read_waivers
from weft.blocks.delay_line import DelayLine
from weft_cli.running import run
from weft_sim import toolchain
from weft_sim.simulator import COVERAGE_FILE, COVERAGE_SOURCE

ON_VERILATOR = [name for name in chosen_simulators() if name == "verilator"]
# Wider than two machine words of the simulator.
WIDTH = 100
TOGGLED = {0: 3, 40: 2, 99: 1}


@pytest.mark.parametrize("simulator", ON_VERILATOR, indirect=True)
def test_a_run_writes_its_coverage(simulate, request, monkeypatch):
    """Each bit and each edge counts separately, also in a wide signal."""
    monkeypatch.setenv("WEFT_COVERAGE", "1")
    simulate([toggles_three_bits], DelayLine, width=WIDTH, cycles=1)
    (folder,) = (toolchain.build_root() / "tests").glob(
        f"verify-test_coverage.py-{request.node.originalname}-*r"
    )
    reached = read_coverage(folder / COVERAGE_FILE, "delay", folder / COVERAGE_SOURCE)
    counts = {point.what: count for point, count in reached.items() if point.kind == "toggle"}
    assert {point.module for point in reached} == {"top"}
    for signal in ("i", "o"):
        for edge in ("0->1", "1->0"):
            rising = {n: counts[f"{signal}[{n}] {edge}"] for n in range(WIDTH)}
            assert rising == {n: TOGGLED.get(n, 0) for n in range(WIDTH)}, f"{signal} {edge}"
    lines = {point.what: count for point, count in reached.items() if point.kind == "line"}
    initial, always = "block at 3: initial begin", "block at 3: always @(posedge clk)"
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


# A coverage file of Verilator, with | : ; in place of the bytes 1 and 2 and of a colon.
COUNTED = """\
# SystemC::Coverage-3
C '|f:x.v|l:3|n:9|t:toggle|page:v_toggle/weft_x|o:a___05Fb[2];0->1|h:weft_x' 4
C '|f:x.v|l:3|n:9|t:toggle|page:v_toggle/weft_x__cell|o:a;1->0|h:weft_x.cell_*' 0
C '|f:x.v|l:4|n:5|t:branch|page:v_branch/weft_x|o:if|S:4|h:weft_x' 7
C '|f:x.v|l:4|n:6|t:branch|page:v_branch/weft_x|o:else|S:4|h:weft_x' 0
C '|f:x.v|l:5|n:3|t:line|page:v_line/weft_x|o:block|S:5|h:weft_x' 1
""".translate({ord("|"): "\1", ord(":"): "\2", ord(";"): ":"})
VERILOG = "module weft_x (\n  input clk\n);\n  if (rst)   b <= 0;\n  else b <= c;\n"


def test_a_coverage_file_is_read(tmp_path):
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
def test_other_files_are_refused(text, tmp_path):
    path, verilog = tmp_path / COVERAGE_FILE, tmp_path / "x.v"
    verilog.write_text(VERILOG)
    path.write_text(text)
    with pytest.raises(ValueError, match=r"not a coverage point|contains no coverage points"):
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


def test_unreached_points_are_missing_unless_waived():
    result = command.judge(REACHED, [waiver("unit-* gate sum[3..4]", "unit-plain gate row")])
    assert listed(result.missing) == [
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
        (
            "[[waiver]]\nname = 'a'\nreason = 'c'\npoints = ['b']\n" * 2,
            "two waivers have the same name",
        ),
        ("[[waiver", "is not valid TOML"),
    ],
)
def test_a_waiver_needs_a_name_a_reason_and_points(text, sentence, tmp_path):
    path = tmp_path / "waivers.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_waivers(path)


def test_the_waivers_and_the_benches_exist():
    assert read_waivers(command.WAIVERS)
    assert all((TB / name).is_file() for name in (command.UNITS, *command.BLOCKS))


def test_a_hole_fails_the_command(monkeypatch, tmp_path, capsys):
    """The point is printed and reported; with a waiver for it, the command succeeds."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["verify", "coverage"])
    monkeypatch.setattr(
        command, "run_benches", lambda root, seed, workers: root.mkdir(parents=True, exist_ok=True)
    )
    monkeypatch.setattr(command, "read_runs", lambda tests: REACHED)
    monkeypatch.setattr(command, "read_waivers", lambda path: [waiver("unit-* gate *")])
    with pytest.raises(SystemExit) as exit_code:
        run(app)
    assert exit_code.value.code == 1
    assert "not reached: unit-plain error NO_TILE" in capsys.readouterr().out
    report = (tmp_path / "coverage" / "report.json").read_text()
    assert '"unit-plain error NO_TILE"' in report and '"it is constant"' in report

    monkeypatch.setattr(command, "read_waivers", lambda path: [waiver("*")])
    run(app)

    monkeypatch.setattr(command, "read_waivers", lambda path: [waiver("*", "nothing")])
    with pytest.raises(SystemExit) as exit_code:
        run(app)
    assert exit_code.value.code == 2
    assert "waivers that match no unreached point" in capsys.readouterr().err


def test_a_bench_that_writes_no_coverage_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"benches that wrote no coverage: hw-array-"):
        command.read_runs(tmp_path)
