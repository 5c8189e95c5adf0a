"""docs/host_link.md explains every word of the protocol and has the numbers of the code."""

import re

from benches.repository import DOCS
from weft.host_link.protocol import COMMANDS, ESCAPE, FLAG, PATIENCE, STATUSES, Command, Status

PAGE = (DOCS / "host_link.md").read_text()


def test_every_word_is_explained():
    assert COMMANDS.keys() == set(Command)
    assert STATUSES.keys() == set(Status)


def test_numbers_are_those_of_the_code():
    flags = [int(number, 16) for number in re.findall(r"0x([0-9A-F]{2})\b", PAGE)]
    assert set(flags) == {FLAG, ESCAPE}
    assert f"for {PATIENCE} cycles" in " ".join(PAGE.split())
