"""`verify soak` as a command: failures and their replay, interruption, resuming, and bad input."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benches.commands import VERIFY, verify, verify_environment
from benches.repository import ROOT
from verify.soak import command
from verify.soak.cases import Case
from verify.soak.check import CaseResult, check
from verify.soak.isolation import Isolated
from verify.soak_cases import PLAIN, products_of

REPORT = {"failures": [], "interrupted": False, "seed": 4, "configurations": 1, "seconds": 2}
REPORT |= dict.fromkeys(command.SUMS, 0) | {"sources": command.sources()}
BROKEN_SOAK = """
from pathlib import Path
from verify.soak import command, draws
draws.KINDS = (draws.Kind(1, (3, 4), 2000),)
command.SHRINK_SECONDS = 60
command.MOST_FAILURES = 1
print(command.soak(5, command.Tally(2), 1, Path("report.json"), 2))
"""


def test_a_broken_unit_is_found_and_replayed(tmp_path):
    """A defect in the RTL is found and shrunk; the printed command fails there but not here."""
    shutil.copytree(ROOT / "hw", tmp_path / "hw")
    weights = tmp_path / "hw" / "weft" / "matrix" / "weights.py"
    text = weights.read_text()
    assert "loads.eq(enables)" in text
    weights.write_text(text.replace("loads.eq(enables)", "loads.eq(~0)"))
    broken = {"PYTHONPATH": os.pathsep.join([str(tmp_path / "hw"), str(ROOT / "sim")])}
    run = subprocess.run(
        [sys.executable, "-c", BROKEN_SOAK],
        cwd=tmp_path,
        env=os.environ | verify_environment(**broken),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "False"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["mismatches"] == len(report["failures"]) == 1
    (failure,) = report["failures"]
    assert failure["replay"] in run.stdout.splitlines()
    assert failure["difference"] and "elements differ" in failure["replay_difference"]
    *program, soak, replay, case_text = shlex.split(failure["replay"])
    assert program == ["PYTHONPATH=tb", ".venv/bin/python", "-m", "verify"]
    arguments = soak, replay, case_text
    assert len(failure["replay"]) < len(failure["replay_whole"])
    case = Case.from_text(arguments[-1])
    assert len(case.runs) == 1 and len(products_of(case)) == 1 and not case.runs[0].stalls
    again = verify(*arguments, **broken)
    assert (again.returncode, again.stdout.strip()) == (1, failure["replay_difference"])
    sound = verify(*arguments)
    assert (sound.returncode, sound.stdout) == (0, "no difference in 1 products\n")


def test_a_crash_is_a_result():
    """A killed process is reported with its signal, and other processes continue."""
    dying, living = Isolated(PLAIN), Isolated(PLAIN)
    os.kill(dying._process.pid, signal.SIGSEGV)
    assert dying.result().difference == "the process ended with SIGSEGV"
    assert living.result() == check(PLAIN)
    dying.kill()
    living.kill()


# Names of the processes of Zig's compiler and of that of GCC.
COMPILERS = {"zig", "cc1plus"}


def working_below(folder: Path) -> set[str]:
    """Return the names of the processes, including compilers, that work in a folder."""
    names = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                names.add((process / "comm").read_text().strip())
    return names


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to list processes")
def test_ctrl_c_writes_the_report_and_leaves_nothing_running(tmp_path):
    report = tmp_path / "report.json"
    soaking = subprocess.Popen(
        [*VERIFY, "soak", "--minutes", "9", "--seed", "3", "--processes", "1", "--report", report],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | verify_environment(WEFT_CACHE=str(tmp_path / "cache")),
    )
    deadline = time.monotonic() + 100
    while not working_below(tmp_path) & COMPILERS:
        assert soaking.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    soaking.send_signal(signal.SIGINT)
    _, errors = soaking.communicate(timeout=60)
    assert errors.strip() == "weft: interrupted; unfinished results are not kept"
    assert soaking.returncode == 130
    assert not working_below(tmp_path)
    read = json.loads(report.read_text())
    assert read["interrupted"] and read["mismatches"] == 0
    assert not list(tmp_path.glob("cache/builds/library-*/"))


def test_ctrl_c_keeps_the_report_of_a_resumed_soak(monkeypatch, tmp_path):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "wait", interrupted)
    report = tmp_path / "report.json"
    report.write_text(json.dumps(REPORT))
    with pytest.raises(KeyboardInterrupt):
        command.soak(1, command.resumed(report), 1, report, 1)
    assert json.loads(report.read_text()) == REPORT
    with pytest.raises(KeyboardInterrupt):
        command.soak(1, command.Tally(4), 1, report, 1)
    assert json.loads(report.read_text())["interrupted"]


def test_ctrl_c_while_a_failure_is_shrunk_keeps_the_failure(monkeypatch, tmp_path):
    """The report has the failure with its original case."""

    class Failed:
        case = PLAIN

        def result(self):
            return CaseResult("wrong")

        def kill(self):
            pass

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "Isolated", lambda case: Failed())
    monkeypatch.setattr(command, "wait", lambda running, seconds: running)
    monkeypatch.setattr(command, "shrink", interrupted)
    report = tmp_path / "report.json"
    try:
        assert not command.soak(1, command.Tally(1), 1, report, 1)
    except KeyboardInterrupt:
        pytest.fail("a soak with a failure ended as if interrupted")
    read = json.loads(report.read_text())
    assert read["interrupted"] and read["mismatches"] == 1
    assert read["failures"][0]["replay"] == command.replay_command(PLAIN)


def text(**changes) -> str:
    """Return the text of a case with changes to its run."""
    run = {"products": [[1, 1, 1, 1]]} | changes
    return json.dumps({"config": {"rows": 2}, "runs": [run]})


NOT_RESUMABLE = {
    "no report": (None, [], "No such file"),
    "other sources": (
        {"sources": "x"},
        [],
        "from other hardware or other checks: start a new soak",
    ),
    "another seed": ({}, ["--seed", 5], "the soak to resume has seed 4, not 5"),
    "a failure": ({"failures": [{}]}, [], "failed or was interrupted: start a new one"),
    "an interruption": ({"interrupted": True}, [], "failed or was interrupted: start a new one"),
}


@pytest.mark.parametrize("report, arguments, sentence", NOT_RESUMABLE.values(), ids=NOT_RESUMABLE)
def test_a_report_that_cannot_be_resumed_is_not_changed(report, arguments, sentence, tmp_path):
    path = tmp_path / "report.json"
    if report is not None:
        path.write_text(json.dumps(REPORT | report))
    before = path.read_text() if path.exists() else None
    run = verify("soak", "--resume", "--report", str(path), *arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert sentence in run.stderr and run.stderr.count("\n") == 1
    assert (path.read_text() if path.exists() else None) == before


MISTAKES = {
    "no time": (["--minutes", 0], "minutes must be more than 0 and finite, not 0"),
    "infinite time": (["--minutes", "inf"], "minutes must be more than 0 and finite, not inf"),
    "a seed": (["--seed", -1], "'--seed': -1 is not in the range x>=0"),
    "no process": (["--processes", 0], "'--processes': 0 is not in the range x>=1"),
    "no case": (["--cases", 0], "'--cases': 0 is not in the range x>=1"),
    "no JSON": (["--replay", "x"], "this is not a case that a soak printed: Expecting value"),
    "a list": (["--replay", "[1]"], "this is not a case that a soak printed"),
    "nothing": (["--replay", "{}"], "this is not a case that a soak printed: no 'config'"),
    "no run": (["--replay", '{"config": {}, "runs": []}'], "at least one run"),
    "no product": (["--replay", text(products=[])], "a run must have at least one product"),
    "no rows": (["--replay", text(products=[[0, 1, 1, 1]])], "0 must be an integer of at least"),
    "a rate": (["--replay", text(stalls=[1, 0, 1, 0])], "1 must be a fraction of the cycles"),
    "a reset": (["--replay", text(reset_after=-1)], "-1 must be an integer of at least 0"),
    "a word": (["--replay", text(stall=1)], "a run has no stall"),
    "a unit": (["--replay", '{"config": {"rows": 0}, "runs": [1]}'], "rows must be an integer"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence(mistake, tmp_path):
    arguments, sentence = MISTAKES[mistake]
    run = verify("soak", *arguments, WEFT_BUILD=str(tmp_path / "build"))
    assert (run.returncode, run.stdout) == (2, "")
    assert sentence in run.stderr and run.stderr.startswith("weft: ")
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "build" / "soak").exists()
