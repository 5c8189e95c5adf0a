"""BegunRows: which accumulator rows hold a sum that has begun and is not yet finished."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .config import MatrixUnitConfig

# Flags to a word: a word is found in one cycle, and its place in it in another.
WORD = 16


class BegunRows(wiring.Component):
    """One flag for each accumulator row, all false after a reset; a row is looked up every cycle.

    The flags are in a memory, which no reset clears; a bit for each of its words says whether it
    was written since.

    Latency `latency` cycles from `row` to `begun`. In that cycle, and in no other, the flag can be
    set; rows that are being looked up see it.

    Members
    -------
    row : range(accumulator_depth) in
    begun : 1 bit out. The flag of the row of `latency` cycles ago.
    set, value : 1 bit in. Set that flag to `value`.
    unfinished : 1 bit out. Some flag is set, when the rows of up to `unfinished_latency` cycles ago
        have set theirs.
    """

    latency = 3
    unfinished_latency = latency + 2

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "row": In(config.address_width),
                "begun": Out(1),
                "set": In(1),
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

        # A row on its way, one cycle after the other: its word is read, is kept, its flag is found,
        # and is set.
        fetched = Signal(self.config.address_width)
        kept = Signal.like(fetched)
        found = Signal.like(fetched)
        set_row = Signal.like(fetched)
        sets = Signal()
        set_value = Signal()
        m.d.sync += [
            fetched.eq(self.row),
            kept.eq(fetched),
            found.eq(kept),
            set_row.eq(found),
            sets.eq(self.set),
            set_value.eq(self.value),
        ]

        def word(row):
            return row[place_bits:]

        def place(row):
            return row[:place_bits]

        # Masks, since a flag picked by number would be a case a bit in the Verilog.
        others = Signal(width)
        set_flag = Signal(width)
        m.d.comb += [
            others.eq(~(1 << place(set_row))),
            set_flag.eq(Mux(set_value, ~others, 0)),
        ]

        def with_set(flags):
            return (flags & others) | set_flag

        m.submodules.memory = memory = Memory(shape=width, depth=words, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=(write,))
        written = Signal(words)
        fetched_written = Signal()
        m.d.comb += read.addr.eq(word(self.row))
        m.d.sync += [
            written.eq(written | Mux(sets, 1 << word(set_row), 0)),
            fetched_written.eq(
                written.bit_select(word(self.row), 1) | (sets & (word(self.row) == word(set_row)))
            ),
        ]

        # A word goes along with its row, and what is set in the meantime is set in it too.
        flags = Signal(width)
        kept_flags = Signal(width)
        found_flags = Signal(width)
        set_flags = Signal(width)
        m.d.comb += flags.eq(Mux(fetched_written, read.data, 0))
        for before, here, stage, later in (
            (self.row, flags, "fetched", kept_flags),
            (fetched, kept_flags, "kept", found_flags),
            (kept, found_flags, "found", set_flags),
        ):
            same_word = Signal(name=f"{stage}_same_word")
            m.d.sync += [
                same_word.eq(word(before) == word(found)),
                later.eq(Mux(sets & same_word, with_set(here), here)),
            ]
        m.d.comb += [
            write.addr.eq(word(set_row)),
            write.en.eq(sets),
            write.data.eq(with_set(set_flags)),
        ]

        flag = Signal()
        kept_same_row = Signal()
        found_same_row = Signal()
        m.d.sync += [
            kept_same_row.eq(fetched == found),
            found_same_row.eq(kept == found),
            flag.eq(Mux(sets & kept_same_row, set_value, kept_flags.bit_select(place(kept), 1))),
        ]
        m.d.comb += self.begun.eq(Mux(sets & found_same_row, set_value, flag))

        count = Signal(range(depth + 1))
        was_begun = Signal()
        m.d.sync += was_begun.eq(self.begun)
        with m.If(sets & (set_value != was_begun)):
            m.d.sync += count.eq(count + Mux(set_value, 1, -1))
        m.d.comb += self.unfinished.eq(count.any())
        return m
