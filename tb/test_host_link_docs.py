"""docs/host_link.md has the tables that the hardware and the driver are made with."""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))

import host_link_tables  # noqa: E402

from weft.host_link.protocol import COMMANDS, ESCAPE, FLAG, PATIENCE, STATUSES, Command, Status  # noqa: E402

PAGE = (DOCS / "host_link.md").read_text()


def test_tables_are_those_of_the_code():
    for made in (
        host_link_tables.commands(),
        host_link_tables.statuses(),
        host_link_tables.registers(),
    ):
        assert f"\n{made}\n" in PAGE, f"docs/host_link.md needs this table:\n{made}"


def test_every_word_is_explained():
    assert COMMANDS.keys() == set(Command)
    assert STATUSES.keys() == set(Status)


def test_numbers_are_those_of_the_code():
    flags = [int(number, 16) for number in re.findall(r"0x([0-9A-F]{2})\b", PAGE)]
    assert set(flags) == {FLAG, ESCAPE}
    assert f"for {PATIENCE}\ncycles" in PAGE
