"""A memory of few rows, which an FPGA makes of LUTs."""

from dataclasses import dataclass, replace

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib.memory import Memory

from ..hierarchy import family_of
from . import ecp5


@dataclass(frozen=True, kw_only=True)
class Write:
    """What is written: `data` to `row` where `enable` is high."""

    enable: Value
    row: Value
    data: Value


@dataclass(frozen=True, kw_only=True)
class Read:
    """What is read: `row` where `enable` is high; what was read before stays until then."""

    enable: Value
    row: Value


def add_lut_memory(
    m: Module, platform, *, shape: Shape, depth: int, write: Write, read: Read
) -> Value:
    """Add `depth` rows of `shape` to `m`; return what is read, one cycle after its enable."""
    if family_of(platform) == ecp5.FAMILY and depth > ecp5.LUT_MEMORY_ROWS:
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
    """The same of several memories, of which the high bits of a row name one."""
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
