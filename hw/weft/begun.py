"""BegunRows: which accumulator rows hold a sum that has begun and is not yet finished."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .config import MatrixUnitConfig

# Flags to a word: a word and its place are found in about the same time.
WORD = 16


class BegunRows(wiring.Component):
    """One flag for each accumulator row, all false after a reset.

    The flags are in a memory, which no reset clears; a bit for each of its words says whether it
    was written since. A row is looked up in one cycle; in those that follow its flag can be read,
    and in the one in which the next row is looked up, and in no other, it can be changed.

    Latency 1 cycle from `look` to `begun`, which sees a change in the cycle of the `look`.

    Members
    -------
    look : 1 bit in. Look `row` up.
    row : range(accumulator_depth) in
    begun : 1 bit out. The flag of the row looked up last.
    change, value : 1 bit in. Set that flag to `value`; only with `look`.
    unfinished : 1 bit out. Some flag is set.
    """

    latency = 1

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "look": In(1),
                "row": In(config.address_width),
                "begun": Out(1),
                "change": In(1),
                "value": In(1),
                "unfinished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        depth = self.config.accumulator_depth
        width = min(WORD, depth)
        words = max(2, -(-depth // width))
        place_bits = (width - 1).bit_length()

        m.submodules.memory = memory = Memory(shape=width, depth=words, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=(write,))

        written = Signal(words)
        word_written = Signal()
        row = Signal(self.config.address_width)
        address, place = row[place_bits:], row[:place_bits]
        looked = self.row[place_bits:]

        # A change is written a cycle late. A row that was looked up in the cycle of the change has
        # read a word that differs in one bit, which is put right here.
        changed = Signal()
        changed_row = Signal(self.config.address_width)
        changed_value = Signal()
        changed_flags = Signal(width)
        same_row = Signal()
        same_word = Signal()
        flags = Signal(width)
        m.d.comb += [
            read.en.eq(self.look),
            read.addr.eq(looked),
            flags.eq(Mux(word_written, read.data, 0)),
            self.begun.eq(Mux(same_row, changed_value, flags.bit_select(place, 1))),
        ]
        m.d.sync += changed.eq(self.change)
        with m.If(self.change):
            m.d.sync += [changed_row.eq(row), changed_value.eq(self.value)]
        with m.If(self.look):
            m.d.sync += [
                row.eq(self.row),
                same_row.eq(self.change & (self.row == row)),
                same_word.eq(self.change & (looked == address)),
                word_written.eq(
                    written.bit_select(looked, 1) | (changed & (looked == changed_row[place_bits:]))
                ),
            ]

        right_flags = Signal(width)
        m.d.comb += right_flags.eq(flags)
        with m.If(same_word):
            m.d.comb += right_flags.bit_select(changed_row[:place_bits], 1).eq(changed_value)
        m.d.sync += changed_flags.eq(right_flags)
        m.d.comb += [
            write.en.eq(changed),
            write.addr.eq(changed_row[place_bits:]),
            write.data.eq(changed_flags),
            write.data.bit_select(changed_row[:place_bits], 1).eq(changed_value),
        ]
        with m.If(changed):
            m.d.sync += written.bit_select(changed_row[place_bits:], 1).eq(1)

        # Counted a cycle late, which keeps the carry out of the cycle of the change.
        count = Signal(range(depth + 1))
        begins = Signal()
        ends = Signal()
        was_begun = Signal()
        m.d.sync += was_begun.eq(self.begun)
        m.d.comb += [
            begins.eq(changed & changed_value & ~was_begun),
            ends.eq(changed & ~changed_value & was_begun),
        ]
        with m.If(begins):
            m.d.sync += count.eq(count + 1)
        with m.If(ends):
            m.d.sync += count.eq(count - 1)
        m.d.comb += self.unfinished.eq(begins | count[1:].any() | (count[0] & ~ends))
        return m
