"""docs/write_a_bench.md: its benches pass in a copy of the repository, and fail as shown."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from benches.repository import DOCS, ROOT
from benches.runner import needs_icarus

PAGE = (DOCS / "write_a_bench.md").read_text()
# Files of the page: the path that it names, and the code that follows.
FILES = dict(re.findall(r"(?s)[Ss]ave this as `(\S+?)`:\n\n```python\n(.*?)```", PAGE))
RELU, TEST_RELU = "hw/weft/blocks/relu.py", "tb/hw/blocks/test_relu.py"
TEST_ONE_TILE = "tb/hw/matrix/test_one_tile.py"


@pytest.fixture
def checkout(tmp_path):
    """A copy of the hardware and the benches with the files of the page."""
    for name in ("hw/weft", "tb/benches", "tb/conftest.py", "pyproject.toml"):
        copy = shutil.copy if (ROOT / name).is_file() else shutil.copytree
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tmp_path / name)
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run_pytest(checkout, *arguments, **environment) -> subprocess.CompletedProcess:
    """Run pytest in the copy, on Icarus Verilog."""
    needs_icarus()
    path = os.pathsep.join([str(checkout / "hw"), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {"PYTHONPATH": path, "WEFT_BUILD": "build", "SIM": "icarus", "SEED": "1"}
    # Options of the outer session are not for the inner one.
    variables |= {"COCOTB_TEST_FILTER": "", "WEFT_WAVES": ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", *arguments]
    where = {"cwd": checkout, "env": os.environ | variables | environment}
    return subprocess.run(command, **where, capture_output=True, text=True)


def test_both_benches_pass(checkout):
    done = run_pytest(checkout, TEST_RELU, TEST_ONE_TILE)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_a_trace_is_written_on_request(checkout):
    done = run_pytest(checkout, TEST_RELU, "-k", "test_relu[8x4-icarus]", WEFT_WAVES="1")
    assert done.returncode == 0, done.stdout
    (trace,) = re.findall(r"(?m)^trace of .*: (.*)$", done.stdout)
    assert (checkout / trace).is_file()


def test_the_bench_fails_as_shown(checkout):
    text = " ".join(PAGE.split())
    before, after = re.search(r"Change `(.*?)` to `(.*?)` in the component", text).groups()
    source = FILES[RELU]
    assert source.count(before) == 1
    (checkout / RELU).write_text(source.replace(before, after))
    done = run_pytest(checkout, TEST_RELU)
    shown = re.search(r"(?s)## See it fail.*?```\n(.*?)```", PAGE)[1]
    for line in shown.splitlines():
        assert line in done.stdout.replace(f"{checkout}/", ""), done.stdout
