"""`weft block-program`: a block becomes files that can be executed again."""

import numpy as np
import pytest
from click.testing import CliRunner

from weft.core.core_config import TINY
from weft_cli.cli import app
from weft_model.programs.blocks import BLOCKS


@pytest.fixture
def weft(monkeypatch, tmp_path):
    """Return a function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_the_sizes_of_the_program_are_printed(weft):
    lines = weft("block-program", "resnet", "tiny", "files").output.splitlines()
    program = BLOCKS["resnet"](np.random.default_rng(1), TINY.lanes).program(TINY)
    count, size = len(program.program.instructions), len(program.program.encode())
    assert lines[0] == f"files/resnet.program: {count} instructions, {size:,} bytes"
    assert sum(int(part.split()[0]) for part in lines[1].split(", ")) == count
    assert lines[-1] == "all 320 outputs equal those of the block in numpy"


def test_an_lstm_goes_on_where_it_stopped(weft, tmp_path):
    """Its state is in the files; each execution is a step with the same x."""
    done = weft("block-program", "lstm", "tiny", "files")
    assert done.exit_code == 0, done.output
    source = np.random.default_rng(1)
    cell = BLOCKS["lstm"](source, TINY.lanes)
    built, (x,) = cell.program(TINY), cell.random_inputs(source)
    h = c = np.zeros((4, 8), np.int8)
    for step in range(3):
        h, c = cell.step(x, h, c)
        if step:
            assert weft("execute", "files/lstm.program", "files").exit_code == 0
        memory = [
            np.fromfile(tmp_path / "files" / f"region{number}.bin", np.uint8) for number in range(4)
        ]
        found = [place.read(memory) for place in (*built.outputs, *built.state)]
        assert all(map(np.array_equal, found, (h, h, c)))


@pytest.mark.parametrize("arguments", [("alexnet", "tiny"), ("lstm", "huge")])
def test_unknown_names_are_refused(weft, arguments):
    assert "is not one of" in weft("block-program", *arguments, "files").output
