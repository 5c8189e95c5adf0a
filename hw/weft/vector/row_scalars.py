"""RowScalars: a value and a shift per row scalar, with as many reads per cycle as a row needs."""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from ..isa.fields import WORD_BITS
from ..isa.kind import INDEX_BITS
from ..primitives.block_memory import BlockMemory
from .layouts import SCALAR_WORDS
from .rounding_shift import SHIFT_BITS

# What a row of x reads: x, y, what is subtracted, the scale, and what a reduction continues.
READS = ("x", "y", "subtract", "scale", "reduce")
# Only this one has a shift.
SCALE = "scale"
WORDS = {"value": WORD_BITS, "shift": SHIFT_BITS}


def scalar_write_layout(row_scalars: int) -> data.StructLayout:
    """Return the layout of a write of a row scalar: if `valid`, in this cycle."""
    return data.StructLayout(
        {
            "valid": 1,
            "row": range(max(2, row_scalars)),
            "value": signed(WORD_BITS),
            "shift": unsigned(SHIFT_BITS),
        }
    )


def scalar_load_layout() -> data.StructLayout:
    """Return the layout of a write of a word by LOAD: if `valid`, in this cycle."""
    return data.StructLayout(
        {"valid": 1, "row": INDEX_BITS, "word": range(SCALAR_WORDS), "data": WORD_BITS}
    )


class RowScalars(wiring.Component):
    """A memory of row scalars with five reads and two writes.

    There is a copy of the values for each read, since all can have different rows in every cycle.
    Value and shift are memories of their own. A word of LOAD waits in a register while `write` has
    the memory. That is one cycle at most, because `write` comes in every second cycle at most, and
    the next word for the same memory two cycles later at the earliest, because LOAD writes values
    and shifts in turns.

    Latency 2 cycles from the row of a read to the row scalar. A write of cycle n is read by rows of
    cycle n + 1 and later, a word of LOAD by those of cycle n + 3 and later.

    Parameters
    ----------
    row_scalars : int

    Members
    -------
    <read>_row : in, for each of READS
    <read> : signed(32) out, for each of READS. The value.
    scale_shift : unsigned(6) out. The shift of `scale`.
    write : scalar_write_layout(row_scalars) in. Not in two consecutive cycles.
    load : scalar_load_layout() in. The words of a row in their order.
    """

    latency = BlockMemory.latency

    def __init__(self, *, row_scalars: int):
        self.row_scalars = row_scalars
        rows = range(max(2, row_scalars))
        super().__init__(
            {
                **{f"{read}_row": In(rows) for read in READS},
                **{read: Out(signed(WORD_BITS)) for read in READS},
                "scale_shift": Out(unsigned(SHIFT_BITS)),
                "write": In(scalar_write_layout(row_scalars)),
                "load": In(scalar_load_layout()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        writes = {name: self._writes(m, word, name) for word, name in enumerate(WORDS)}
        outputs = {read: ("value", getattr(self, read)) for read in READS}
        outputs["scale_shift"] = "shift", self.scale_shift
        for name, (word, output) in outputs.items():
            memory = instantiate(
                m,
                f"{name}_copy" if word == "value" else name,
                platform,
                BlockMemory,
                width=WORDS[word],
                depth=self.row_scalars,
            )
            write, row, number = writes[word]
            read = name if word == "value" else SCALE
            m.d.comb += [
                memory.read_row.eq(getattr(self, f"{read}_row")),
                output.eq(memory.o),
                memory.write.eq(write),
                memory.write_row.eq(row),
                memory.i.eq(number),
            ]
        return m

    def _writes(self, m: Module, word: int, name: str) -> tuple[Value, Value, Value]:
        """Return the write of a word of a row scalar: whether there is one, its row and data."""
        load, write = self.load, self.write
        loads, waits = Signal(name=f"{name}_loads"), Signal(name=f"{name}_waits")
        row = Signal(INDEX_BITS, name=f"{name}_row", reset_less=True)
        number = Signal(WORD_BITS, name=f"{name}_data", reset_less=True)
        m.d.comb += loads.eq(load.valid & (load.word == word))
        m.d.sync += waits.eq(loads | (waits & write.valid))
        with m.If(loads):
            m.d.sync += [row.eq(load.row), number.eq(load.data)]
        return (
            write.valid | waits,
            Mux(write.valid, write.row, row),
            Mux(write.valid, write[name], number),
        )
