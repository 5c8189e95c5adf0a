"""LaneTable: the tables of one lane."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from ..primitives.block_memory import BlockMemory
from .beats import ENTRY_BITS, TABLE_WORDS, WORD, table_write_layout

PORTS = ("x", "y")


class LaneTable(wiring.Component):
    """Tables of 256 words; two words are read in every cycle, and one is written.

    Two reads and a write need three ports, and block memories have two; so there are two copies of
    the tables, both of which are written. With one copy, a table could not be loaded while lanes
    use others.

    Latency `latency` cycles from the number of a word to the word. A word that is written in cycle
    n is read by numbers of cycle n + 1 and later; in cycle n it is undefined.

    Parameters
    ----------
    tables : int

    Members
    -------
    <port> : port of "x" and "y"
        `table`: 0 for the first one, in. `entry`: unsigned(8) in. `word`: signed(32) out.
    write : table_write_layout(tables) in
    """

    latency = BlockMemory.latency

    def __init__(self, *, tables: int):
        self.tables = tables
        write = table_write_layout(tables)
        port = wiring.Signature(
            {"table": In(write["table"].shape), "entry": In(ENTRY_BITS), "word": Out(WORD)}
        )
        super().__init__({**dict.fromkeys(PORTS, Out(port)), "write": In(write)})

    def elaborate(self, platform):
        m = Module()
        for name in PORTS:
            port = getattr(self, name)
            memory = instantiate(
                m,
                name,
                platform,
                BlockMemory,
                width=WORD.width,
                depth=self.tables * TABLE_WORDS,
            )
            m.d.comb += [
                memory.read_row.eq(Cat(port.entry, port.table)),
                port.word.eq(memory.o),
                memory.write.eq(self.write.valid),
                memory.write_row.eq(Cat(self.write.entry, self.write.table)),
                memory.i.eq(self.write.data),
            ]
        return m
