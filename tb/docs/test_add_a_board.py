"""docs/add_a_board.md: its entry is a valid board, and the design for it uses all pins."""

import re

import pytest

from benches.repository import DOCS
from weft.boards import BOARDS, board
from weft_cli.fpga.build import BoardDesign, Job

PAGE = (DOCS / "add_a_board.md").read_text()


@pytest.fixture
def entry() -> board.Board:
    """The entry of the page, evaluated in the namespace of the boards."""
    (code,) = re.findall(r"(?s)```python\n(.*?)```", PAGE)
    return eval(code, vars(board))


def test_entry_is_a_new_board(entry):
    assert entry.name not in BOARDS
    assert f"make fpga BOARD={entry.name} " in PAGE


def test_design_of_the_entry_has_a_clock_a_serial_line_and_two_lights(entry):
    job = Job(board=entry, config=entry.config, clock_mhz=entry.clock_mhz, baud=entry.baud, seed=1)
    design = BoardDesign.of(job)
    assert design.clock_hz == round(entry.clock_mhz * 1e6)
    pins = design.files["weft_board.lpf"].decode()
    placed = re.findall(r'(?m)^LOCATE COMP "(\w+)', pins)
    assert len(placed) == 5
    for port in ("clk50", "__rx", "__tx", "led_0", "led_1"):
        assert sum(port in name for name in placed) == 1


def test_every_field_is_explained():
    fields = {
        name
        for line in re.findall(r"(?m)^\| (`.*?) \| ", PAGE)
        for name in re.findall(r"`(\w+)`", line)
    }
    names = set(board.Board.__dataclass_fields__)
    assert fields & names == names - {"name", "title"}
