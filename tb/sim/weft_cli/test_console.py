"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import io

import pytest
from rich.console import Console

from weft_cli import console as consoles
from weft_cli.console import progress_bar, step_line


@pytest.fixture
def terminal(monkeypatch):
    """Return a console that writes to a terminal."""
    written = io.StringIO()
    monkeypatch.setattr(consoles, "console", Console(file=written, force_terminal=True, width=100))
    return written


def test_without_a_terminal_each_piece_of_work_is_a_line(capsys):
    with progress_bar("a product", "building it, about 5 seconds") as (building, step):
        assert capsys.readouterr() == ("a product\n", "")
        building()
        assert capsys.readouterr() == ("", "building it, about 5 seconds\n")
        step(1, 2)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_each_step_is_a_line(capsys):
    with step_line() as step:
        for name in ("synthesis", "place and route"):
            step(name)
            assert capsys.readouterr() == (f"{name}\n", "")


def test_a_terminal_shows_what_is_built_and_what_is_done(terminal, capsys):
    with progress_bar("a product", "building it, about 5 seconds") as (building, step):
        building()
        consoles.console.file.flush()
        step(1, 4)
    text = terminal.getvalue()
    assert "a product" in text and "25 %" in text
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_the_time_of_each_step(terminal):
    with step_line() as step:
        step("synthesis")
        step("place and route")
    assert "place and route" in terminal.getvalue() and "0:00:00" in terminal.getvalue()
