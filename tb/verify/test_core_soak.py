"""The soak of cores: programs of every kind are accepted; differences are found and shrunk"""

import json
import os
from collections import Counter
from itertools import islice

import numpy as np
import pytest

from benches.commands import verify
from verify.core_soak import check as checking
from verify.core_soak import command
from verify.core_soak.cases import CORES, RUNS, Case, cases
from verify.core_soak.check import CaseResult, check, unstored
from verify.core_soak.damage import damaged
from verify.core_soak.programs import needs_of, random_program
from verify.core_soak.shrink import shrink
from weft.core.core_config import TINY
from weft.isa.codes import Opcode, Reduce, Rounding, YSource
from weft_model.core.checker import faults


def seed() -> int:
    return int(os.environ["SEED"])


def drawn(count: int):
    source = np.random.default_rng(seed())
    for number in range(count):
        config = list(CORES.values())[number % len(CORES)]
        yield random_program(needs_of(config, source), source)


def test_a_seed_always_gives_the_same_cases():
    some = list(islice(cases(seed()), 30))
    assert some == list(islice(cases(seed()), 30)) != list(islice(cases(seed() + 1), 30))
    parts = [Case("tiny", 7, (3,)), Case("wide", 7, (0, 19))]
    for case in (*some, *parts):
        assert Case.from_text(case.to_text()) == case
    assert {case.core for case in some} == set(CORES)


def test_the_checker_accepts_programs_of_every_kind():
    seen: dict[str, Counter] = {}
    for program in drawn(40):
        assert faults(program) == []
        for instruction in program.instructions:
            for name, value in instruction.values.items():
                seen.setdefault(f"{instruction.kind.name} {name}", Counter())[value] += 1
    for name, values in {
        "VECTOR reduce": Reduce,
        "VECTOR rounding": Rounding,
        "VECTOR y_source": YSource,
        "VECTOR combine": range(6),
        "LOAD target": range(4),
        **{f"WEIGHTS {flag}": range(2) for flag in ("diagonal", "transpose", "from_buffer")},
        **{f"MATMUL {flag}": range(2) for flag in ("first", "last")},
    }.items():
        assert set(seen[name]) == set(values), name
    for name in ("LOAD line_pitch", "STORE group_pitch", "MATMUL y_origin", "VECTOR x_inner"):
        assert min(seen[name]) < 0 < max(seen[name]), name


def test_damage_changes_bits_but_never_the_length():
    source = np.random.default_rng(seed())
    for program in drawn(10):
        data = program.encode()
        changed, _ = damaged(data, source)
        assert len(changed) == len(data)
        assert int.from_bytes(changed[8:12], "little") <= int.from_bytes(data[8:12], "little")


def test_bytes_that_no_store_writes():
    (program,) = drawn(1)
    stored = [i for i in program.instructions if i.opcode == Opcode.STORE]
    kept = unstored(program)
    assert all(kept[region].all() for region in (0, 2))
    assert not any(kept[i["region"]][i["offset"]] for i in stored)


def test_a_short_soak():
    result = check(Case("tiny", seed()))
    assert result.difference == ""
    assert result.programs == RUNS and result.compared > RUNS // 5


def test_a_difference_is_found_and_shrunk(monkeypatch):
    """A machine that is wrong stands for a core that is wrong."""

    def wrong(program, memory):
        checking_execute(program, memory)
        memory[1][:] ^= 1

    checking_execute = checking.execute
    monkeypatch.setattr(checking, "execute", wrong)
    case = Case("tiny", seed())
    result = check(case)
    assert "of region 1" in result.difference
    smallest = shrink(case, result.difference, check)
    assert len(smallest.runs) == 1 and check(smallest).difference
    monkeypatch.setattr(checking, "execute", checking_execute)
    assert check(smallest).difference == ""


def test_what_a_run_needs_before_it_stays():
    def fails_after_3(case: Case) -> CaseResult:
        return CaseResult("run 9, whole: wrong" if {3, 9} <= set(case.runs) else "")

    assert shrink(Case("tiny", 1), "run 9, whole: wrong", fails_after_3).runs == (3, 9)


def test_the_report_has_what_was_done(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "check", lambda case: CaseResult("run 4, whole: wrong"))
    tally = command.Tally(seed())
    tally.add(CaseResult(programs=20, compared=11, endings=Counter({"whole, NONE": 11})))
    done = command.Future()
    done.set_result(CaseResult("run 4, whole: wrong", programs=3))
    command._finish(tally, [(Case("tiny", 5), done)])
    report = json.loads(json.dumps(tally.report()))
    assert (report["programs"], report["compared"], report["mismatches"]) == (23, 11, 1)
    assert report["failures"][0]["replay"].endswith("core-soak --replay 'tiny 5 4'")


def crashes(case: Case) -> CaseResult:
    os._exit(1)


def test_a_crash_ends_the_soak_as_a_failure(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "CORES", {})
    monkeypatch.setattr(command, "check", crashes)
    report = tmp_path / "report.json"
    assert not command.core_soak(5, command.Tally(seed()), 1, report, 4)
    (failure,) = json.loads(report.read_text())["failures"]
    assert failure["difference"].endswith("has crashed")


def test_a_soak_in_other_processes(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "CORES", {"tiny": TINY})
    monkeypatch.setattr(command, "cases", lambda seed: iter([Case("tiny", seed, (0, 1, 2))] * 2))
    report = tmp_path / "report.json"
    assert command.core_soak(5, command.Tally(seed()), 2, report, None)
    read = json.loads(report.read_text())
    assert (read["cases"], read["programs"], read["mismatches"]) == (2, 6, 0)
    assert sum(read["endings"].values()) == 6 and read["processor_seconds"] > 0


@pytest.mark.parametrize("text", ["", "x", "tiny", "none 3", "tiny 3 x", "tiny 3 1,"])
def test_a_text_that_is_no_case_is_refused(text):
    run = verify("core-soak", "--replay", text)
    assert (run.returncode, run.stdout) == (2, "")
    assert "this is not a case that a soak of cores printed" in run.stderr
