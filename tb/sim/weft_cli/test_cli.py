"""The command line as a user types it: its output, and its errors"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from benches.commands import WEFT, weft
from benches.repository import ROOT
from benches.runner import needs_program, needs_waves
from weft import __version__
from weft.matrix.layouts import ACTIVITY_SENTENCES

MISTAKES = {
    "no rows": (["verilog", "--rows", 0], "rows must be an integer from 1 to 256, not 0"),
    "too many columns": (["sim", "--columns", 257], "columns must be an integer from 1 to 256"),
    "rows of text": (["verilog", "--rows", "many"], "'many' is not a valid integer"),
    "rows of a float": (["sim", "--rows", "4.5"], "'4.5' is not a valid integer"),
    "unknown format": (["verilog", "--weight", "float32"], "unknown number format 'float32'"),
    "wide format": (["verilog", "--weight", "int17"], "weight format must be 1 to 16 bits wide"),
    "deep": (["verilog", "--accumulator-depth", 4097], "accumulator_depth must be an integer from"),
    "narrow": (["verilog", "--accumulator-width", 7], "accumulator_width must be an integer from"),
    "stages": (["verilog", "--multiplier-stages", 5], "multiplier_stages must be an integer from"),
    "adders": (["verilog", "--adder-stages", 0], "adder_stages must be an integer from 1 to 4"),
    "half a shape": (["sim", "-m", 3], "a product needs all three of M, K and N, or none"),
    "no rows of A": (["sim", "-m", 0, "-k", 1, "-n", 1], "0 is not in the range x>=1"),
    "negative N": (["sim", "-m", 1, "-k", 1, "-n", -1], "-1 is not in the range x>=1"),
    "negative seed": (["sim", "--seed", -1], "'--seed': -1 is not in the range x>=0"),
    "no waves": (["waves", "--simulator", "cxxrtl"], "cxxrtl writes no waves: choose verilator or"),
    "simulator": (["sim", "--simulator", "modelsim"], "choose verilator, icarus or cxxrtl"),
    "unknown option": (["sim", "--fast"], "No such option"),
    "unknown command": (["simulate"], "No such command"),
    "no layers": (["cycles"], "(LAYERS=FILE with make)"),
    "unknown network": (["cycles", "--layers", "resnet51"], "no file resnet51: name a topology"),
    "unknown layers": (
        ["sim-full", "--layers", "nothing.csv"],
        "one of the networks bert_base_128",
    ),
    "folder of layers": (["sim-full", "--layers", ROOT], "is a folder: name a topology file"),
    "module name": (["verilog", "--name", "4x4"], "a module name must consist of letters, digits"),
    "keyword": (["verilog", "--name", "cell"], "a module name must not be a word of SystemVerilog"),
    "large product": (["sim", "-m", 1 << 62, "-k", 2, "-n", 2], "not enough memory"),
    "slow line": (["fpga", "--baud", 7], "a baud rate must be an integer of at least 50, not 7"),
    "unreadable layers": (["cycles", "--layers", "/proc/self/mem"], "/proc/self/mem: Input/output"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(mistake, tmp_path):
    """The exit code is not zero, one line on standard error explains, and nothing is written."""
    arguments, sentence = MISTAKES[mistake]
    run = weft(*arguments, WEFT_BUILD=str(tmp_path / "build"))
    assert run.returncode != 0
    assert sentence in run.stderr
    assert run.stderr.count("\n") == 1 and run.stderr.startswith("weft: ")
    assert run.stdout == ""
    assert not list(tmp_path.rglob("*.v"))


@pytest.mark.parametrize(
    "command",
    [
        ["sim", "-m", 1, "-k", 1, "-n", 1, "--json"],
        ["verilog", "--directory"],
        ["cycles", "--layers", "resnet50", "--output"],
        ["fpga", "--directory"],
    ],
)
def test_an_unwritable_path_is_refused_before_any_work(command, tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "below", "/proc/x"):
        run = weft(*command, path, WEFT_CACHE=str(tmp_path / "cache"))
        assert (run.returncode, run.stdout) == (2, "")
        assert run.stderr.startswith(f"weft: {path}") and run.stderr.count("\n") == 1
        assert "cannot be written: " in run.stderr
    assert not list(tmp_path.glob("cache/builds/*"))


def test_a_missing_tool_is_named_with_its_install_command(tmp_path):
    run = weft("sim", "-m", 1, "-k", 1, "-n", 1, "--simulator", "icarus", PATH=str(tmp_path))
    assert (run.returncode, run.stdout) == (3, "")
    assert "SIM=icarus needs Icarus Verilog: apt install iverilog" in run.stderr
    assert "dnf install" in run.stderr and "macOS" in run.stderr


def test_the_version_names_the_compiler():
    needs_program("g++")
    for name in ("zig", "g++"):
        run = weft("--version", CXX=name)
        lines = run.stdout.splitlines()
        assert lines[0] == f"weft {__version__}"
        assert lines[1].startswith(f"compiler of simulations: {name} ")
    run = weft("--version", CXX="nonesuch")
    assert run.returncode == 0
    assert "compiler of simulations: none. the compiler that CXX names, nonesuch" in run.stdout


@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        ("true", 2, "true is not a working C++ compiler: it built no library that can be loaded"),
        ("gcc", 2, "gcc is not a working C++ compiler: "),
        ("no/such --flag", 2, "the compiler that CXX names, no/such, was not found: unset CXX"),
        ("g++ --nonesuch", 2, "g++ --nonesuch is not a working C++ compiler: "),
    ],
)
def test_a_wrong_compiler_is_refused_in_one_sentence(given, status, sentence, tmp_path):
    """By the check and by a build, which leaves nothing."""
    product = ["sim", "-m", 1, "-k", 1, "-n", 1, "--rows", 1, "--columns", 1]
    for command in (["compiler"], product):
        run = weft(*command, CXX=given, WEFT_CACHE=str(tmp_path))
        assert run.returncode == status
        (line,) = [line for line in run.stderr.splitlines() if line.startswith("weft: ")]
        assert line.startswith(f"weft: {sentence}")
        assert "set CXX to another" in line or "or set it to" in line
    assert not list(tmp_path.glob("builds/library-*/"))


def test_an_interrupted_build_leaves_nothing_that_looks_complete(tmp_path):
    """After Ctrl-C while the simulation is built, the same command works."""
    arguments = [
        "sim",
        "-m",
        "2",
        "-k",
        "3",
        "-n",
        "2",
        "--rows",
        "2",
        "--columns",
        "2",
        "--seed",
        "1",
    ]
    environment = {**os.environ, "WEFT_CACHE": str(tmp_path)}
    running = subprocess.Popen(
        [*WEFT, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("builds/.library-*/model/Vtop.json")):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    announced, said = filter(None, errors.splitlines())
    assert announced == "building the simulation of 2 x 2 cells, about 10 seconds"
    assert said == "weft: interrupted; unfinished results are not kept"
    assert not list(tmp_path.glob("builds/library-*/"))
    again = subprocess.run([*WEFT, *arguments], capture_output=True, text=True, env=environment)
    assert again.returncode == 0, again.stderr
    assert "4 of 4 elements equal numpy bit for bit" in again.stdout


def test_a_product_is_reported_and_replayed(simulator, tmp_path):
    """The report is printed and written as JSON, and a seed replays it."""
    reports = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.json"
        arguments = ["-m", 20, "-k", 9, "-n", 10, "--rows", 5, "--columns", 7, "--seed", 11]
        run = weft("sim", *arguments, "--simulator", simulator, "--json", path)
        assert run.returncode == 0, run.stderr
        assert "200 of 200 elements equal numpy bit for bit" in run.stdout
        assert ", as the cycle model predicts;" in run.stdout
        reports.append(json.loads(path.read_text()))
    assert reports[0] == reports[1]
    report = reports[0]
    assert [report[key] for key in ("rows", "columns", "m", "k", "n", "seed")] == [
        5,
        7,
        20,
        9,
        10,
        11,
    ]
    assert (report["simulator"], report["mismatches"]) == (simulator, 0)
    assert report["cycles"] == report["predicted_cycles"] == report["lower_bound_cycles"]
    assert report["array_active"] == report["counters"]["computing"] / report["cycles"]
    names = {activity.name.lower() for activity in ACTIVITY_SENTENCES}
    assert report["counters"].keys() == {"total", *names}
    assert sum(report["counters"][name] for name in names) == report["cycles"]


def test_stalls_are_reported_as_such():
    arguments = ["-m", 20, "-k", 9, "-n", 10, "--rows", 5, "--columns", 7, "--seed", 11]
    run = weft("sim", *arguments, "--stalls")
    assert run.returncode == 0, run.stderr
    assert "without stalls the cycle model predicts" in run.stdout
    assert "200 of 200 elements equal numpy bit for bit" in run.stdout


def test_waves_are_written_on_both_simulators(simulator, tmp_path):
    needs_waves(simulator)
    arguments = ["-m", 3, "-k", 4, "-n", 2, "--rows", 2, "--columns", 2, "--seed", 1, "--waves"]
    run = weft("sim", *arguments, "--simulator", simulator, WEFT_BUILD=str(tmp_path))
    assert run.returncode == 0, run.stderr
    assert [trace for trace in tmp_path.rglob("waves.*") if trace.stat().st_size > 1000]


def test_verilog_is_written(tmp_path):
    run = weft("verilog", "--rows", 3, "--columns", 2, "--name", "mine", "--directory", tmp_path)
    assert run.returncode == 0, run.stderr
    assert "module mine (" in (tmp_path / "mine.v").read_text()
    assert json.loads((tmp_path / "mine.json").read_text())["parameters"]["rows"] == 3


@pytest.mark.parametrize("output", ["", "cycles.csv"])
def test_names_of_layers_need_no_locale(output, tmp_path):
    """All letters work in a C locale without UTF-8 mode, on standard output and in a file."""
    path = tmp_path / "layers.csv"
    path.write_text("Layer, M, N, K\ncafé 注意, 1, 2, 3\n", encoding="utf-8-sig")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    file = ["--output", tmp_path / output] if output else []
    run = weft("cycles", "--layers", path, *file, **locale)
    assert run.returncode == 0, run.stderr
    text = (tmp_path / output).read_text(encoding="utf-8") if output else run.stdout
    assert text.splitlines()[1].startswith("café 注意,1,3,2,1,")


def test_a_testbench_is_written_next_to_the_unit(tmp_path):
    run = weft("verilog", "--rows", 3, "--columns", 2, "--testbench", "--directory", tmp_path)
    assert run.returncode == 0, run.stderr
    assert "weft_3x2_tb.v: its header has the commands to run it" in run.stdout
    assert "module weft_3x2_tb;" in (tmp_path / "weft_3x2_tb.v").read_text()


@pytest.mark.parametrize(
    "command", ["", "sim", "sim-full", "cycles", "verilog", "waves", "lint", "benchmark"]
)
def test_help_is_complete(command):
    run = weft(*command.split(), "--help")
    assert run.returncode == 0
    assert len(run.stdout.splitlines()) > 5


@pytest.mark.quick
def test_no_command_prints_the_help():
    run = weft()
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == weft("--help").stdout


def test_the_cache_is_shown_and_cleared(tmp_path):
    def shown(*arguments):
        run = weft("cache", *arguments, WEFT_CACHE=str(tmp_path))
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout

    assert shown() == f"{tmp_path}/builds: 0 builds, 0.0 MB\n"
    arguments = ["-m", 2, "-k", 2, "-n", 2, "--rows", 2, "--columns", 2, "--simulator", "icarus"]
    assert weft("sim", *arguments, WEFT_CACHE=str(tmp_path)).returncode == 0
    # The Verilog and the simulation.
    assert shown().startswith(f"{tmp_path}/builds: 2 builds, ")
    (tmp_path / "zig").mkdir()
    assert shown("--clear") == f"{tmp_path}/builds: 0 builds, 0.0 MB\n"
    assert not (tmp_path / "zig").exists()


@pytest.mark.quick
def test_digits_on_the_rtl(tmp_path):
    """On a bare unit all products equal numpy, and the accuracy is as documented."""
    path = tmp_path / "digits.json"
    run = weft("sim", "--rows", 16, "--json", path)
    assert run.returncode == 0, run.stderr
    assert "18 of 18 matrix products equal numpy bit for bit" in run.stdout
    report = json.loads(path.read_text())
    assert report["mismatches"] == 0
    assert report["cycles"] == report["predicted_cycles"]
    assert report["accuracy"] >= 0.97


@pytest.mark.quick
def test_digits_on_a_core(tmp_path):
    """One program computes the network; the report says where the cycles went."""
    path = tmp_path / "digits.json"
    run = weft("sim", "--core", "tiny", "--json", path)
    assert run.returncode == 0, run.stderr
    assert "99.44% of 360 held-out digits classified correctly by one program" in run.stdout
    assert "the memory equals that of the machine in numpy" in run.stdout
    report = json.loads(path.read_text())
    assert report["differences"] == [] and report["wrong_scores"] == 0
    layers = {layer.pop("layer"): layer for layer in report["layers"]}
    assert list(layers) == ["convolution", "hidden", "output"]
    for layer in layers.values():
        assert layer["cycles"] == layer["active"] + layer["stalled"] + layer["waiting"]
    # A row of three tiles for each pixel and block of channels, 360 times.
    assert layers["convolution"]["active"] % (360 * 64 * 3) == 0
    assert 0 < report["array_active"] < 1


def test_a_core_has_no_options_of_a_matrix_unit():
    run = weft("sim", "--core", "tiny", "--rows", 4)
    assert run.returncode != 0
    assert "a core is simulated without the options of a matrix unit, such as --rows" in run.stderr


def test_the_machine_check_names_what_is_missing():
    """Before anything is installed, on a Python without venv."""
    script = ROOT / "sim" / "check_machine.py"
    without_venv = (
        "import importlib.util as util, runpy; find = util.find_spec\n"
        "util.find_spec = lambda name: None if name == 'venv' else find(name)\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    run = subprocess.run([sys.executable, "-c", without_venv], capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("Weft needs Python's venv module: `apt install python3-venv`")
    assert run.stderr.count("\n") == 1
    assert subprocess.run([sys.executable, script]).returncode == 0
