"""Measured parts of the documentation: each page has all of them, written from the reports."""

import dataclasses
import json

import pytest

import make_core_performance
import make_format_costs
import make_fpga
import make_performance
import make_trust
import measured
from weft_cli.fpga.table import jobs

PAGE = """Figures: <!-- measured: soak -->old<!-- end --> and

<!-- measured: points -->
| old |
<!-- end -->
"""
MACHINE = {"processor": "CPU", "cores": 2, "date": "2026-01-02"}
REPORTS = {
    "formal": {
        "machine": MACHINE,
        "seconds": 3.2,
        "wrong": [],
        "proofs": [
            {
                "name": name,
                "about": "sums are right",
                "properties": [{"method": method, "cycles": cycles} for method, cycles in methods],
                "broken_copies": [{}] * 4,
                "seconds": 1.5,
            }
            for name, methods in (
                ("block", [("pdr", None), ("pdr", None)]),
                ("unit", [("bmc 20", 20), ("bmc 38", 38), ("pdr", None)]),
            )
        ],
    },
    "mutation": {
        "machine": MACHINE,
        "seed": 1,
        "seconds": 7,
        "mutants": 10,
        "killed": 7,
        "equivalent": 2,
        "survived": 1,
        "score": 0.875,
        "trial_seconds": 1234,
        "survivors": [{"source": "a.py:1", "module": "cell", "mutation": "and to or"}],
    },
    "coverage": {
        "machine": MACHINE,
        "line": {"total": 1000, "covered": 990, "waived": 10},
        "toggle": {"total": 50, "covered": 40, "waived": 9},
        "functional": {"total": 5, "covered": 5, "waived": 0},
    },
    "faults": {
        "machine": MACHINE,
        "detection_goal": 0.999,
        "classes": {"weights": "weights in use"},
        "units": [
            {
                "name": f"4x4{' checksum' if checksum else ''}",
                "parameters": {"checksum": checksum},
                "classes": [],
                "all": None,
                "datapath": {
                    "bits": 9,
                    "injected": 80,
                    "fractions": dict.fromkeys(("masked", "seen", "silent")),
                    "changed": 60,
                    "detected": detected,
                    "detection": {"value": detected / 60, "low": 0.0, "high": 1.0},
                },
            }
            for checksum, detected in ((False, 3), (True, 60))
        ],
    },
}


@pytest.fixture
def reports(monkeypatch, tmp_path):
    """Reports of some campaigns; the others did not run."""
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    for name, content in REPORTS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_text(json.dumps(content))


def test_parts_are_replaced_in_a_line_and_as_a_block(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    measured.rewrite(page, lambda name: f"new {name}")
    assert page.read_text() == PAGE.replace("old", "new soak", 1).replace("| old |", "new points")
    assert measured.names_in(page) == ["soak", "points"]


def test_a_part_without_a_result_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    measured.rewrite(page, lambda name: None)
    assert page.read_text() == PAGE


PAGES = {
    "trust": (make_trust.PAGES, make_trust.PARTS),
    "performance": ([make_performance.PAGE], make_performance.PARTS),
    "core_performance": ([make_core_performance.PAGE], make_core_performance.PARTS),
    "fpga": (make_fpga.PAGES, make_fpga.PARTS),
    "formats": ([make_format_costs.PAGE], make_format_costs.PARTS),
}


@pytest.mark.parametrize("pages, parts", PAGES.values(), ids=PAGES)
def test_pages_have_every_part_once(pages, parts):
    names = [name for page in pages for name in measured.names_in(page)]
    assert sorted(names) == sorted(parts)


def test_figures_are_those_of_the_reports(reports):
    assert make_trust.part("for_all_time") == "2 properties in 1 proofs, 2026-01-02"
    assert make_trust.part("bounded") == (
        "2 properties for 20 to 38 cycles, 1 for all time, in 1 proofs, 2026-01-02"
    )
    assert make_trust.part("broken") == "8 broken copies, no exception"
    assert "- `block`, `unit`: sums are right." in make_trust.part("proofs")
    assert "7 of 10 killed, 2 proved equivalent, 1 survived" in make_trust.part("mutation")
    assert "| a.py:1 | cell | `and to or` |" in make_trust.part("mutants")
    assert make_trust.part("coverage") == (
        "line 990 of 1,000, toggle 40 of 50, functional 5 of 5; 1 not waived, 2026-01-02"
    )
    assert make_trust.part("detected") == "60 of 60 detected in 1 units, 2026-01-02"
    assert make_trust.part("undetected").startswith("at most 5.0% of those")
    flips = make_trust.part("flips")
    assert "- 4x4 checksum: 60 of 60 flips" in flips and "is reached" in flips


def test_a_benchmark_without_results_leaves_its_figures(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    (tmp_path / "benchmark").mkdir()
    goal = {"goal": "Verilog of 4 x 4", "limit": "at most 7 bytes", "measured": 8, "state": "lost"}
    (tmp_path / "benchmark" / "goals.json").write_text(json.dumps({"rows": [goal]}))
    assert "| Verilog of 4 x 4 | at most 7 bytes | 8 | lost |" in (
        make_performance.part("goals") or ""
    )
    assert make_performance.part("speed") is None
    assert "speed: its figures stay as they are" in capsys.readouterr().out


def test_figures_of_a_core_stand_beside_their_goals(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path))
    (tmp_path / "benchmark").mkdir()
    row = {"figure": "speed", "measured": 0.3, "goal": "at least 0.4", "state": "missed"}
    (tmp_path / "benchmark" / "core_speed.json").write_text(json.dumps({"rows": [row]}))
    found = make_core_performance.part("core_speed") or ""
    assert "| speed | 0.3 | at least 0.4 | missed |" in found
    assert make_core_performance.part("core_attention") is None
    assert "core_attention: its figures stay" in capsys.readouterr().out


def test_a_campaign_without_a_report_leaves_its_figures(reports, monkeypatch, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    monkeypatch.setattr(make_trust, "PAGES", (page,))
    make_trust.main()
    text = page.read_text()
    assert "<!-- measured: soak -->old<!-- end -->" in text
    assert "| toggle | 50 | 40 | 9 |" in text and "| old |" not in text
    assert "soak: no report, so its figures stay as they are; run `make soak`" in (
        capsys.readouterr().out
    )


def test_points_of_fpgas_without_a_result_keep_their_figures(monkeypatch):
    first, *others = dict.fromkeys(dataclasses.replace(job, seed=0) for job in jobs())
    report = {"lut": 1234, "ff": 5, "dsp": 6, "bram": 7, "fmax_mhz": 99.6, "seed": 2}
    built = make_fpga.Point(first, [report | {"critical_path": "from a to b: 10 ns"}])
    points = [built, *(make_fpga.Point(job, []) for job in others)]
    monkeypatch.setattr(make_fpga, "points", lambda: points)
    place = f"| {first.board.name} | {built.name} |"
    own, *rows = make_fpga.results().splitlines()[2:]
    assert own.startswith(f"{place} 1,234 | 5 | 6 | 7 |")
    assert "| **100** | 100 to 100 | 2 |" in own
    before = {(row["Board"], row["Array"]): row for row in measured.read_table("fpga", "results")}
    assert len(rows) + 1 == len(before)
    for row in rows:
        cells = [cell.strip(" *") for cell in row.strip("|").split("|")]
        earlier = before[cells[0], cells[1]]
        assert cells == list(earlier.values())
        assert row.count("*") == (5 if earlier["Seeds"] else 0)
    assert f"{place} from a to b: 10 ns |" in make_fpga.paths()
    assert len(make_fpga.paths().splitlines()) >= len(measured.read_table("fpga", "paths"))
    assert make_fpga.checksum() is None
