"""BegunRows: which accumulator rows hold a sum that has begun and is not yet finished."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from .config import MatrixUnitConfig

# Flags to a word: a word and its place are found in about the same time.
WORD = 16


class BegunRows(wiring.Component):
    """One flag for each accumulator row, all false after a reset; a row is looked up every cycle.

    The flags are in a memory, which no reset clears; a bit for each of its words says whether it
    was written since, and the first write of a word clears the flags beside the one it sets.

    Latency `latency` cycles from `row` to `begun`. In that cycle, and in no other, the flag can be
    changed; rows that are being looked up see the change.

    Members
    -------
    row : range(accumulator_depth) in
    begun : 1 bit out. The flag of the row of `latency` cycles ago.
    change, value : 1 bit in. Set that flag to `value`.
    unfinished : 1 bit out. Some flag is set, when the rows of up to `unfinished_latency` cycles ago
        have made their changes.
    """

    latency = 3
    unfinished_latency = latency + 2

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
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

        # A row on its way: its word is read, kept, its flag is found, and then changed.
        fetched = Signal(self.config.address_width)
        kept = Signal.like(fetched)
        found = Signal.like(fetched)
        changed = Signal.like(fetched)
        changes = Signal()
        value = Signal()
        m.d.sync += [
            fetched.eq(self.row),
            kept.eq(fetched),
            found.eq(kept),
            changed.eq(found),
            changes.eq(self.change),
            value.eq(self.value),
        ]

        def word(row):
            return row[place_bits:]

        def place(row):
            return row[:place_bits]

        # Whether its word is written before it is, be it for a row that came shortly before it.
        written = Signal(words)
        fetched_written = Signal()
        kept_written = Signal()
        found_written = Signal()
        changed_written = Signal()
        for here, before, row in (
            (fetched_written, written.bit_select(word(self.row), 1), self.row),
            (kept_written, fetched_written, fetched),
            (found_written, kept_written, kept),
            (changed_written, found_written, found),
        ):
            m.d.sync += here.eq(before | (changes & (word(row) == word(changed))))
        with m.If(changes):
            m.d.sync += written.bit_select(word(changed), 1).eq(1)

        m.submodules.memory = memory = Memory(shape=width, depth=words, init=[])
        write = memory.write_port(granularity=1)
        read = memory.read_port(transparent_for=(write,))
        flags = Signal(width)
        own = Signal(width)
        m.d.comb += [
            read.addr.eq(word(self.row)),
            own.eq(1 << place(changed)),
            write.addr.eq(word(changed)),
            write.en.eq(Mux(changes, Mux(changed_written, own, ~0), 0)),
            write.data.eq(Mux(value, own, 0)),
        ]
        m.d.sync += flags.eq(Mux(fetched_written, read.data, 0))

        # What the three rows before it change is not in the word that it reads.
        one_before = Signal()
        two_before = Signal()
        three_before = Signal()
        value_before = Signal()
        flag = Signal()
        m.d.sync += [
            one_before.eq(kept == found),
            two_before.eq(fetched == found),
            three_before.eq(changes & (fetched == changed)),
            value_before.eq(value),
            flag.eq(flags.bit_select(place(kept), 1)),
        ]
        with m.If(changes & two_before):
            m.d.sync += flag.eq(value)
        with m.Elif(three_before):
            m.d.sync += flag.eq(value_before)
        m.d.comb += self.begun.eq(Mux(changes & one_before, value, flag))

        count = Signal(range(depth + 1))
        was_begun = Signal()
        m.d.sync += was_begun.eq(self.begun)
        with m.If(changes & (value != was_begun)):
            m.d.sync += count.eq(count + Mux(value, 1, -1))
        m.d.comb += self.unfinished.eq(count.any())
        return m
