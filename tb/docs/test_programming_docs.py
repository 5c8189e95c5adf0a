"""docs/programming.md: its example and its commands do what the page shows."""

import contextlib
import io
import re
import tomllib

from click.testing import CliRunner

from benches.repository import DOCS, ROOT
from weft.isa.assembly import disassemble
from weft_cli.cli import app

PAGE = (DOCS / "programming.md").read_text()
CODE, *SHOWN = re.search(
    r"(?s)```python\n(.*?)```.*?```\n(.*?)```.*?```\n(\.needs.*?)```", PAGE
).groups()
COMMANDS = re.findall(r"(?m)^\$ weft (.*)$", PAGE)


def test_the_example_prints_what_the_page_shows():
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(CODE, names)
    assert [printed.getvalue(), disassemble(names["built"].program)] == SHOWN


def test_the_commands_run(tmp_path, monkeypatch):
    """Executing the program again writes the outputs again."""
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) == 3
    outputs = tmp_path / "build" / "resnet" / "region2.bin"
    written = []
    for command in COMMANDS:
        done = CliRunner().invoke(app, command.split())
        assert done.exit_code == 0, done.output
        written.append(outputs.read_bytes())
        if command == COMMANDS[0]:
            assert "outputs equal those of the block in numpy" in done.output
            outputs.write_bytes(bytes(len(written[0])))
    assert written[0] == written[2] != written[1]


def test_versions_of_the_judges_are_those_that_are_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = dict(text.split("==") for text in project["optional-dependencies"]["judges"][:2])
    found = re.search(r"LiteRT ([\d.]+) and onnxruntime ([\d.]+),", PAGE)
    assert [pinned["ai-edge-litert"], pinned["onnxruntime"]] == list(found.groups())
