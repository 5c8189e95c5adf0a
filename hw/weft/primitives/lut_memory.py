"""A memory with a read register, which an FPGA builds of LUTs if it has few rows."""

from dataclasses import dataclass, replace

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib.memory import Memory

from ..hierarchy import family_of
from . import ecp5

# Rows of the largest memory that is built of several of LUTs. A larger one is a block memory, which
# is slow without an output register, but LUTs for hundreds of rows would be most of a unit.
MOST_BANKED_ROWS = 128


@dataclass(frozen=True, kw_only=True)
class Write:
    """The write port: `data` is written to `row` when `enable` is high."""

    enable: Value
    row: Value
    data: Value


@dataclass(frozen=True, kw_only=True)
class Read:
    """The read port: `row` is read when `enable` is high; until then the output holds its value."""

    enable: Value
    row: Value


def add_lut_memory(
    m: Module, platform, *, shape: Shape, depth: int, write: Write, read: Read
) -> Value:
    """Add `depth` rows of `shape` to `m`; return the output, valid one cycle after the enable."""
    if family_of(platform) == ecp5.FAMILY and ecp5.LUT_MEMORY_ROWS < depth <= MOST_BANKED_ROWS:
        return _add_banks(m, shape, depth, write, read)
    m.submodules.memory = memory = Memory(shape=shape, depth=depth, init=[])
    return _connect(m, memory, write, read)


def _connect(m: Module, memory: Memory, write: Write, read: Read) -> Value:
    read_port = memory.read_port()
    write_port = memory.write_port()
    m.d.comb += [
        write_port.en.eq(write.enable),
        write_port.addr.eq(write.row),
        write_port.data.eq(write.data),
        read_port.en.eq(read.enable),
        read_port.addr.eq(read.row),
    ]
    return read_port.data


def _add_banks(m: Module, shape: Shape, depth: int, write: Write, read: Read) -> Value:
    """Do the same with several memories, selected by the high bits of the row."""
    rows = ecp5.LUT_MEMORY_ROWS
    low_bits = (rows - 1).bit_length()
    read_bank = Signal(range(-(-depth // rows)))
    with m.If(read.enable):
        m.d.sync += read_bank.eq(read.row[low_bits:])
    low_read = replace(read, row=read.row[:low_bits])
    out = Signal(shape)
    for number, start in enumerate(range(0, depth, rows)):
        height = max(2, min(rows, depth - start))
        m.submodules[f"bank_{number}"] = bank = Memory(shape=shape, depth=height, init=[])
        chosen = write.enable & (write.row[low_bits:] == number)
        low_write = replace(write, enable=chosen, row=write.row[:low_bits])
        data = _connect(m, bank, low_write, low_read)
        with m.If(read_bank == number):
            m.d.comb += out.eq(data)
    return out
