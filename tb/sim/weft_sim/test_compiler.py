"""The C++ compiler: its choice, its check, and equal simulations by all compilers"""

import ctypes
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benches.operands import ONES
from benches.products import draw_matrix, unit
from benches.runner import needs_program
from weft import MatrixUnitConfig
from weft_sim import MatrixUnitSimulator, compiler, library, toolchain
from weft_sim.build_steps import BuildSteps
from weft_sim.emissions import emitted
from weft_sim.native_driver import Progress, StimulusBuffers, load
from weft_sim.native_unit import NativeUnits
from weft_sim.stalls import Stalls
from weft_sim.verilator import SimulationFailed

COMPILERS = ("g++", "zig")
ONE = MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1)
CONFIGS = {
    "9x7": unit(9, 7, accumulator_depth=30),
    "16x16": unit(16, 16),
    "fast": unit(4, 5, inner_product="fast", multiplier_stages=2),
    "checksum": unit(5, 3, checksum=True),
    "odd formats": unit(5, 2, activation="uint5", weight="int11", accumulator_width=20),
    "wide": unit(2, 3, activation="uint16", weight="uint16", accumulator_width=64),
    "parts": unit(4, 18, adder_stages=3, weight="int4"),
}


@pytest.fixture
def without_compilers(monkeypatch, tmp_path):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ziglang", None)


def simulate(config, seed) -> list:
    """Return everything that runs with and without stalls and a reset show."""
    draws = random.Random(seed)
    operands = []
    for m in (1, 2 * config.rows + 3, 40):
        k, n = draws.randint(1, 3 * config.rows), draws.randint(1, 2 * config.columns)
        a = draw_matrix(draws, config.activation.default, (m, k))
        operands.append((a, draw_matrix(draws, config.weight.default, (k, n))))
    shown = []
    with MatrixUnitSimulator(config) as simulator:
        for stalls in (None, Stalls.draw(draws.randrange(1 << 30))):
            run = simulator.run(operands, stalls=stalls)
            early = simulator.run_until_reset(operands, draws.randint(1, run.cycles), stalls=stalls)
            for done in (run, early, simulator.run(operands[:1], stalls=stalls)):
                products = [np.ma.filled(z, -1).tobytes() for z in done.products]
                shown.append((products, done.cycles, done.counters, done.errors))
    return [*shown, misuse(config, operands)]


def misuse(config, operands) -> tuple:
    """Return what a unit shows after a tile with one weight row too many."""
    units = NativeUnits(load(library.build(emitted(config).design)))
    buffers, done = StimulusBuffers(config, operands), Progress()
    buffers.weights["count"][1] += 1
    with units.lend() as native:
        native.start(buffers.stimulus(None), done)
        native.run(done, 500)
    assert done.error_status
    return done.status, done.cycles, done.results, done.error_status, list(done.counters)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_all_compilers_build_the_same_simulation(config, monkeypatch):
    """Products, cycles, counters and errors, with and without stalls, before and after resets."""
    needs_program("g++")
    shown = []
    for name in COMPILERS:
        monkeypatch.setenv("CXX", name)
        assert toolchain.cxx().name.startswith(f"{name} ")
        shown.append(simulate(config, os.environ["SEED"]))
    assert shown[0] == shown[1]


def test_waves_are_the_same_with_all_compilers(monkeypatch, tmp_path):
    needs_program("g++")
    traces = []
    for name in COMPILERS:
        monkeypatch.setenv("CXX", name)
        path = tmp_path / f"{name}.vcd"
        with MatrixUnitSimulator(ONE, waves=True) as simulator:
            simulator.run([(ONES[:3, :1], ONES[:1, :1])], trace=path)
        traces.append(re.sub(r"\$date.*?\$end", "", path.read_text(), flags=re.DOTALL))
    assert traces[0] == traces[1]
    assert "$var" in traces[0] and traces[0].count("\n#") > 10


def test_every_command_of_zig_names_a_processor(monkeypatch):
    """Otherwise Zig's code would suit only the processor at hand, and the cache cannot tell."""
    monkeypatch.setenv("CXX", "zig")
    zig, here = toolchain.cxx(), Path()
    compilation = zig.compilation(here, here, optimize="-O2", options=[])
    for command in (compilation, zig.link([here], here, options=[])):
        assert [option for option in command if option.startswith("-mcpu=")]


def test_a_processor_without_vectors_gets_a_library_of_its_own(monkeypatch):
    """The key has the level, so a cache can be shared by different machines."""
    built = set()
    for level in (compiler.VECTOR_LEVEL, None):
        monkeypatch.setattr(compiler, "processor_level", lambda level=level: level)
        with MatrixUnitSimulator(ONE) as simulator:
            assert simulator.matmul(ONES[:1, :1], ONES[:1, :1]) == 1
        built.add(library.build(emitted(ONE).design))
        assert toolchain.cxx().name.endswith(f" for {level}") == bool(level)
    assert len(built) == 2


def test_environments_do_not_replace_the_library_of_zig_of_each_other(monkeypatch, tmp_path):
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CXX", "zig")
    folders = set()
    for environment in ("one", "two"):
        monkeypatch.setattr(sys, "prefix", str(tmp_path / environment))
        folders |= {toolchain.cxx().global_cache for _ in range(2)}
    assert {folder.parent for folder in folders} == {tmp_path / "cache" / toolchain.ZIG_CACHE}
    assert len(folders) == 2


@pytest.mark.parametrize(
    ("flags", "level"),
    [
        ("fpu sse2 avx avx2 bmi1 bmi2 f16c fma abm movbe xsave", compiler.VECTOR_LEVEL),
        ("fpu sse2 avx avx2 bmi1 bmi2 f16c fma movbe xsave", None),
        ("fpu sse2", None),
        (None, None),
    ],
)
def test_the_level_comes_from_the_processor(flags, level, monkeypatch, tmp_path):
    """Without one flag, or without a list of flags, the code suits every processor."""
    monkeypatch.setattr(compiler.platform, "machine", lambda: "x86_64")
    info = tmp_path / "cpuinfo"
    if flags is not None:
        info.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n")
    monkeypatch.setattr(compiler, "CPU_INFO", info)
    assert compiler.processor_level.__wrapped__() == level
    monkeypatch.setattr(compiler.platform, "machine", lambda: "aarch64")
    assert compiler.processor_level.__wrapped__() is None


def test_the_choice_of_the_compiler(monkeypatch, tmp_path):
    """CXX first, then Zig, then the compilers of the system."""
    needs_program("g++")
    monkeypatch.delenv("CXX", raising=False)
    assert toolchain.cxx().name.startswith("zig ")
    for given in ("zig", "zig c++"):
        monkeypatch.setenv("CXX", given)
        assert toolchain.cxx().name.startswith("zig ")
    monkeypatch.setenv("CXX", "g++ -pipe")
    assert toolchain.cxx().command == ("g++", "-pipe")
    assert toolchain.cxx().name.startswith("g++ ")
    assert toolchain.cxx().name.endswith(" (g++ -pipe)")
    monkeypatch.delenv("CXX")
    monkeypatch.setitem(sys.modules, "ziglang", None)
    assert toolchain.cxx().command[0] in compiler.SYSTEM


def test_no_compiler_is_an_error(without_compilers):
    with pytest.raises(
        toolchain.ToolMissing, match=r"make setup-fast, or pip install 'weft\[fast\]'"
    ):
        toolchain.cxx()


def test_zig_without_its_files_is_refused_in_one_sentence(monkeypatch, tmp_path):
    """A wheel whose library folder is missing."""
    zig = tmp_path / "zig"
    zig.symlink_to(toolchain.cxx().command[0])
    broken = tmp_path / "copy"
    broken.write_bytes(zig.resolve().read_bytes())
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", f"{broken} c++")
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        RuntimeError, match=r"c\+\+ is not a working C\+\+ compiler: .*; set CXX to"
    ):
        MatrixUnitSimulator(ONE)


def test_equal_commands_in_two_folders_compile_their_own_files(tmp_path):
    """Zig alone would return the object file of the first folder for the second."""
    source = tmp_path / "source.cpp"
    source.write_text('#include "value.h"\nextern "C" int value() { return VALUE; }\n')
    values = []
    for value in (1, 2):
        folder = tmp_path / str(value)
        folder.mkdir()
        (folder / "value.h").write_text(f"#define VALUE {value}\n")
        steps = BuildSteps(folder, tool="verilator", name="unit")
        objects = steps.compile([(source, "-O2")], ["-fPIC", "-I."])
        steps.link(objects, folder / "value.so", ["-shared"])
        values.append(ctypes.CDLL(str(folder / "value.so")).value())
        assert not list(folder.glob("zig-*"))
    assert values == [1, 2]


def test_a_compiled_header_is_used_even_if_its_date_changed(monkeypatch, tmp_path):
    """A package that was installed again has other dates, but the same headers."""
    monkeypatch.setenv("CXX", "zig")
    header, compiled = tmp_path / "value.h", tmp_path / "value.pch"
    source, result = tmp_path / "source.cpp", tmp_path / "value.so"
    header.write_text("#define VALUE 3\n")
    source.write_text('extern "C" int value() { return VALUE; }\n')
    steps = BuildSteps(tmp_path, tool="verilator", name="unit")
    steps.precompile(header, compiled, "-O2", ["-fPIC"])
    os.utime(header, (0, 0))
    options_of = {"-O2": toolchain.cxx().precompiled(compiled)}
    objects = steps.compile([(source, "-O2")], ["-fPIC"], options_of=options_of)
    steps.link(objects, result, ["-shared"])
    assert ctypes.CDLL(str(result)).value() == 3


def test_failing_commands_are_reported_in_order(tmp_path, monkeypatch):
    environment = toolchain.cxx().environment
    commands = [["sh", "-c", f"sleep 0.{3 - n}; echo {n}; exit {n}"] for n in range(3)]
    done = compiler.run_together(commands, folder=tmp_path, environment=environment)
    assert [(one.returncode, one.stdout) for one in done] == [(0, "0\n"), (1, "1\n"), (2, "2\n")]
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    steps = BuildSteps(tmp_path, tool="verilator", name="unit")
    log = tmp_path / "failed-unit.log"
    with pytest.raises(SimulationFailed, match=rf"^verilator could not build; see {log}$"):
        steps.run(commands)
    assert log.read_text() == "0\n1\nexit code 1\n2\nexit code 2\n"


def test_an_interrupt_ends_all_commands(tmp_path):
    """Ctrl-C in this process alone: the commands of the build do not outlive it."""
    script = (
        "import sys; from pathlib import Path; from weft_sim import compiler, toolchain\n"
        "commands = [['sh', '-c', f'echo $$ > {n}; exec sleep 60'] for n in range(2)]\n"
        "here, environment = Path(sys.argv[1]), toolchain.cxx().environment\n"
        "compiler.run_together(commands, folder=here, environment=environment)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, tmp_path], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    notes = [tmp_path / str(number) for number in range(2)]
    while not all(note.is_file() and note.read_text() for note in notes):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert b"KeyboardInterrupt" in errors
    for note in notes:
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)
