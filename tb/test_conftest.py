"""A session of tests: it refuses a machine without its tools, and names failures as they occur."""

import contextlib
import os
import subprocess
import sys

import pytest

from benches.repository import ROOT, TB

FAILING = """
import pathlib, time
import pytest

@pytest.mark.parametrize("name", ["plain-1", "not plain"])
def test_fails(name):
    assert not name

def test_waits_until_the_failure_was_read():
    deadline = time.monotonic() + 30
    while not pathlib.Path(__file__).with_name("read").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
"""


@contextlib.contextmanager
def session(folder, *arguments, **environment):
    """Run pytest with our conftest on the tests of a folder of its own."""
    path = os.pathsep.join([str(TB), os.environ.get("PYTHONPATH", "")])
    configured = ["-c", ROOT / "pyproject.toml", "--rootdir", folder, "-p", "conftest"]
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", *map(str, configured), *arguments, str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "SEED": "5", "SIM": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with running:
        yield running
        running.kill()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "parallel"])
def test_a_failure_is_named_when_it_happens(workers, tmp_path):
    """The line comes while another test still waits for it."""
    (tmp_path / "test_some.py").write_text(FAILING)
    failures = [
        'FAILED test_some.py::test_fails[plain-1]; replay with: make test SEED=5 TEST="test_fails'
        '[plain-1]"\n',
        "FAILED test_some.py::test_fails[not plain]; replay with: make test SEED=5 "
        'TEST="test_fails"\n',
    ]
    with session(tmp_path, *workers) as running:
        for line in running.stdout:
            if line in failures:
                failures.remove(line)
            if not failures:
                (tmp_path / "read").touch()
    assert not failures
    assert running.returncode == pytest.ExitCode.TESTS_FAILED


IMPORTING = """
import pathlib, subprocess, sys

def test_imports():
    command = [sys.executable, "-c", "import imported; print(imported.__cached__)"]
    folder = pathlib.Path(__file__).parent
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    written = pathlib.Path(run.stdout.strip())
    assert written.is_file() and written.is_relative_to(folder / "build")
"""


def test_bytecode_is_kept_but_not_among_the_sources(tmp_path):
    """Also if the environment asks for no bytecode, since each simulation starts a Python."""
    (tmp_path / "test_some.py").write_text(IMPORTING)
    (tmp_path / "imported.py").write_text("")
    settings = {"PYTHONDONTWRITEBYTECODE": "1", "WEFT_BUILD": str(tmp_path / "build")}
    with session(tmp_path, "-n", "1", **settings) as running:
        out, errors = running.communicate(timeout=60)
    assert running.returncode == 0, out + errors
    assert not list(tmp_path.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("simulator", "sentence"),
    [
        ("", "ERROR: cocotb needs Python's shared library, which this Python lacks: apt install "),
        ("modelsim", "ERROR: unknown simulator 'modelsim': choose verilator, icarus or cxxrtl\n"),
    ],
)
def test_a_machine_that_runs_no_bench_is_refused_at_once(simulator, sentence, tmp_path):
    (tmp_path / "test_some.py").write_text(FAILING)
    (tmp_path / "find_libpython.py").write_text("def find_libpython():\n    return None\n")
    path = os.pathsep.join([str(tmp_path), str(TB), os.environ.get("PYTHONPATH", "")])
    with session(tmp_path, PYTHONPATH=path, SIM=simulator) as running:
        out, errors = running.communicate(timeout=60)
    assert running.returncode == pytest.ExitCode.USAGE_ERROR
    assert out.strip() == ""
    assert errors.startswith(sentence) and errors.strip().count("\n") == 0


def test_this_machine_is_not_refused(tmp_path):
    (tmp_path / "test_some.py").write_text("def test_passes():\n    pass\n")
    with session(tmp_path) as running:
        out, errors = running.communicate(timeout=60)
    assert out.startswith("seed 5\n.") and not errors
