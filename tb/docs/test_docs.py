"""The documentation: examples lint and type-check, numbers match the code, links have targets."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import handshake
import make_figures
import tables
import traces
import transaction
import wave_pictures
from benches.repository import DOCS, ROOT
from benches.runner import needs_icarus, needs_waves
from canvas import IMAGES, save
from weft import MatrixUnitConfig
from weft.emit.export import emit, write
from weft_cli.lint import findings
from weft_sim import toolchain
from weft_sim.checked_run import run

EXAMPLE = DOCS / "example_top.v"
PAGES = [page for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))) if page.is_file()]
PYTHON = re.compile(r"(?ms)^```python\n(.*?)^```")
# The examples of these pages belong into source files; the tests of the pages run them.
PAGES_OF_SOURCES = ("add_a_board", "write_a_bench")
STREAMS = ("s_axis_weights", "s_axis_activations", "m_axis_results")


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    """The Verilog that the example instantiates."""
    config = MatrixUnitConfig(rows=4, columns=4)
    return write(emit(config), tmp_path_factory.mktemp("verilog"))


def succeeds(*command) -> None:
    """Run a program; any message on standard error is a failure."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_example_compiles(unit, tmp_path):
    needs_icarus()
    succeeds("iverilog", "-g2001", "-Wall", "-o", tmp_path / "example", EXAMPLE, unit)


def test_example_lints(unit):
    # The example leaves the counters open.
    assert findings("-Wno-PINCONNECTEMPTY", EXAMPLE, unit) == ""


def test_python_examples_have_no_type_errors(tmp_path):
    """Each example of the README and of the pages is checked on its own, as an editor does."""
    examples = {
        f"{page.stem.lower()}_{number}.py": example
        for page in PAGES
        if page.stem not in PAGES_OF_SOURCES
        for number, example in enumerate(PYTHON.findall(page.read_text()))
    }
    assert "readme_0.py" in examples
    for name, example in examples.items():
        (tmp_path / name).write_text(example)
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT / "hw"), str(ROOT / "sim")]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_made_parts_are_up_to_date():
    assert not tables.stale(), "run `make docs`"


@pytest.mark.parametrize("name", make_figures.FIGURES)
def test_figures_are_up_to_date(name, tmp_path):
    """Every figure is drawn again from the code and the numbers in the pages."""
    drawn = save(make_figures.FIGURES[name](), name, tmp_path)
    assert drawn.read_bytes() == (IMAGES / drawn.name).read_bytes(), "run `make docs`"


def test_screenshots_are_up_to_date():
    needs_waves("verilator")
    assert not wave_pictures.stale(), "run `make docs`"


def test_every_picture_is_made():
    """The folder of images contains all figures and screenshots, and nothing else."""
    made = {f"{name}.svg" for name in make_figures.FIGURES}
    made |= {f"{name}.png" for name in wave_pictures.PICTURES}
    assert {path.name for path in IMAGES.iterdir()} == made | {wave_pictures.DIGEST.name}


def test_every_made_part_is_used():
    text = "".join(page.read_text() for page in PAGES)
    assert sorted(name for _, name, _ in tables.PART.findall(text)) == sorted(tables.PARTS)


def test_worked_transaction_is_what_the_unit_does():
    needs_icarus()
    config, operands = transaction.CONFIG, (transaction.A, transaction.B)
    directory = toolchain.build_root() / "tests" / "worked_transaction"
    outcome = run(config, [operands], simulator="icarus", directory=directory, waves=True)
    trace = traces.Trace(outcome.trace, f"weft_{config.rows}x{config.columns}")
    seen = [
        beat_on(trace, stream, cycle)
        for cycle in range(outcome.cycles)
        for stream in STREAMS
        if trace(f"{stream}_tvalid", cycle) and trace(f"{stream}_tready", cycle)
    ]
    assert sorted(seen) == transaction.transfers()


def beat_on(trace, stream, cycle):
    port = stream.split("_")[-1]
    user = trace(f"{stream}_tuser", cycle) if port == "activations" else None
    data, last = (trace(f"{stream}_{name}", cycle) for name in ("tdata", "tlast"))
    return transaction.Beat(cycle, port, data, user, last)


def test_streams_of_the_timing_diagram_pause_and_wait_as_described():
    """V is a cycle of waiting, - is a pause, # is a transfer."""
    needs_icarus()
    trace, cycles = handshake.simulate()
    lines = {
        stream: "".join(
            "-V-#"[trace(f"{stream}_tvalid", cycle) + 2 * trace(f"{stream}_tready", cycle)]
            for cycle in range(cycles)
        ).strip("-")
        for stream in STREAMS
    }
    assert lines == {
        "s_axis_weights": "#-#",
        "s_axis_activations": "#VV#",
        "m_axis_results": "#V#",
    }


def test_lines_to_break_exist():
    text = (DOCS / "verify.md").read_text()
    changes = re.findall(r"(?m)^\| \[\S+\]\((\S+)\) \| `(.*?)` \| `.*?` \| ", text)
    assert changes
    for path, line in changes:
        source = (DOCS / path).read_text()
        assert source.count(line.replace("\\|", "|")) == 1, f"{path} must have {line} exactly once"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes for the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?s)```.*?```", "", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_targets(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {link}, which does not exist"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), (
                f"{page.name} links to {link}, but there is no such heading"
            )
