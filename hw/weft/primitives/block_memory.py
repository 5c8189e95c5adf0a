"""BlockMemory: a memory with an output register, one read and one write per cycle."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..hierarchy import family_of
from . import ecp5


class BlockMemory(wiring.Component):
    """A memory of `depth` words; it reads one word and writes one word in every cycle.

    Latency 2 cycles from `read_row` to `o`: the read register of the memory and an output register,
    without which block memories are slow. Words are zero until written. A read of a row in the
    cycle in which it is written returns an undefined value.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int

    Members
    -------
    read_row, write_row : range(depth) in
    o : `width` bits out
    write : 1 bit in. Write `i`.
    i : `width` bits in
    """

    latency = 2

    def __init__(self, *, width: int, depth: int):
        self.width = width
        self.depth = depth
        rows = range(max(2, depth))
        super().__init__(
            {
                "read_row": In(rows),
                "o": Out(width),
                "write": In(1),
                "write_row": In(rows),
                "i": In(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if family_of(platform) == ecp5.FAMILY and self.depth <= ecp5.LARGEST_DEPTH:
            ecp5.add_memory(m, self)
            return m
        m.submodules.memory = memory = Memory(shape=self.width, depth=max(2, self.depth), init=[])
        read = memory.read_port()
        write = memory.write_port()
        m.d.comb += [
            read.addr.eq(self.read_row),
            write.en.eq(self.write),
            write.addr.eq(self.write_row),
            write.data.eq(self.i),
        ]
        out = Signal(self.width, reset_less=True)
        m.d.sync += out.eq(read.data)
        m.d.comb += self.o.eq(out)
        return m
