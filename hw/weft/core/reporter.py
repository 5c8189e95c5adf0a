"""Reporter: the part of a core that ended a program."""

from amaranth.lib import data, enum

from ..sequencer.ports import NUMBER_BITS


class Reporter(enum.Enum, shape=4):
    """Who reported the error that ended a program. Of several in a cycle, the first one counts."""

    NONE = 0
    PROGRAM = 1
    SEQUENCER = 2
    LOAD = 3
    STORE = 4
    WEIGHTS = 5
    MATRIX = 6
    VECTOR = 7
    STANDSTILL = 8
    HOST = 9


REPORTER_SENTENCES = {
    Reporter.PROGRAM: "the reader of the program; the place counts from the header on",
    Reporter.SEQUENCER: "the sequencer; the place counts from the first instruction on",
    Reporter.LOAD: "the unit LOAD",
    Reporter.STORE: "the unit STORE",
    Reporter.WEIGHTS: "the unit WEIGHTS",
    Reporter.MATRIX: "the unit MATRIX",
    Reporter.VECTOR: "the unit VECTOR",
    Reporter.STANDSTILL: "the counter of cycles without progress",
    Reporter.HOST: "the host, which ended the program",
}
# Reporters that name the error; the others have one each.
UNITS = (
    Reporter.PROGRAM,
    Reporter.LOAD,
    Reporter.STORE,
    Reporter.WEIGHTS,
    Reporter.MATRIX,
    Reporter.VECTOR,
)


def place_layout() -> data.StructLayout:
    """Return the layout of a place in a program: a unit of 32 bytes, and a 32-bit word of it."""
    return data.StructLayout({"unit": NUMBER_BITS, "word": 3})
