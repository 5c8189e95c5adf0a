"""BegunRows: which accumulator rows hold a sum that has begun and is not yet finished."""

from typing import NamedTuple

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

# Flags to a word: a word is found in one cycle, and its place in it in another.
WORD = 16


class _Lookup(NamedTuple):
    """A row on its way, one cycle after the other: its word is read, is kept, its flag is found,
    and is set."""

    fetched: Signal
    kept: Signal
    found: Signal
    set_row: Signal


class _Setting(NamedTuple):
    """A flag that is set in this cycle, if `sets`: `value` at `place` of `word`."""

    sets: Signal
    value: Signal
    word: Value
    place: Value


class BegunRows(wiring.Component):
    """One flag for each accumulator row, all false after a reset; a row is looked up every cycle.

    The flags are in a memory, which no reset clears; a bit for each of its words says whether it
    was written since.

    Latency `latency` cycles from `row` to `begun`. In that cycle, and in no other, the flag can be
    set; rows that are being looked up see it.

    Parameters
    ----------
    depth : int
        Rows.

    Members
    -------
    row : range(depth) in
    begun : 1 bit out. The flag of the row of `latency` cycles ago.
    set, value : 1 bit in. Set that flag to `value`.
    unfinished : 1 bit out. Some flag is set, when the rows of up to `unfinished_latency` cycles ago
        have set theirs.
    """

    latency = 3
    unfinished_latency = latency + 2

    def __init__(self, *, depth: int):
        self.depth = depth
        self.word_width = min(WORD, depth)
        super().__init__(
            {
                "row": In(max(1, (depth - 1).bit_length())),
                "begun": Out(1),
                "set": In(1),
                "value": In(1),
                "unfinished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows = self._follow(m)
        setting = self._setting(m, rows)
        words = self._words(m, rows, setting)
        self._flag(m, rows, setting, words)
        self._count(m, setting)
        return m

    def _word(self, row: Value) -> Value:
        return row[(self.word_width - 1).bit_length() :]

    def _place(self, row: Value) -> Value:
        return row[: (self.word_width - 1).bit_length()]

    def _follow(self, m: Module) -> _Lookup:
        fetched = Signal.like(self.row)
        kept = Signal.like(self.row)
        found = Signal.like(self.row)
        set_row = Signal.like(self.row)
        m.d.sync += [
            fetched.eq(self.row),
            kept.eq(fetched),
            found.eq(kept),
            set_row.eq(found),
        ]
        return _Lookup(fetched, kept, found, set_row)

    def _setting(self, m: Module, rows: _Lookup) -> _Setting:
        sets = Signal()
        set_value = Signal()
        m.d.sync += [sets.eq(self.set), set_value.eq(self.value)]
        return _Setting(sets, set_value, self._word(rows.set_row), self._place(rows.set_row))

    def _words(self, m: Module, rows: _Lookup, setting: _Setting) -> Value:
        """The word of each row is read and goes along with it; the one of the row that is kept.

        What is set in the meantime is set in it too, and in the end it is written back.
        """
        width = self.word_width
        # Masks, since a flag picked by number would be a case a bit in the Verilog.
        others = Signal(width)
        set_flag = Signal(width)
        m.d.comb += [
            others.eq(~(1 << setting.place)),
            set_flag.eq(Mux(setting.value, ~others, 0)),
        ]

        def with_set(word):
            return (word & others) | set_flag

        write, flags = self._memory(m, setting)
        kept_flags = Signal(width)
        found_flags = Signal(width)
        set_flags = Signal(width)
        for before, here, stage, later in (
            (self.row, flags, "fetched", kept_flags),
            (rows.fetched, kept_flags, "kept", found_flags),
            (rows.kept, found_flags, "found", set_flags),
        ):
            same_word = Signal(name=f"{stage}_same_word")
            m.d.sync += [
                same_word.eq(self._word(before) == self._word(rows.found)),
                later.eq(Mux(setting.sets & same_word, with_set(here), here)),
            ]
        m.d.comb += [
            write.addr.eq(setting.word),
            write.en.eq(setting.sets),
            write.data.eq(with_set(set_flags)),
        ]
        return kept_flags

    def _memory(self, m: Module, setting: _Setting):
        """The write port, and the word of the row that was fetched."""
        width = self.word_width
        words = max(2, -(-self.depth // width))
        m.submodules.memory = memory = Memory(shape=width, depth=words, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=(write,))
        word = self._word(self.row)
        written = Signal(words)
        fetched_written = Signal()
        flags = Signal(width)
        m.d.sync += [
            written.eq(written | Mux(setting.sets, 1 << setting.word, 0)),
            fetched_written.eq(
                written.bit_select(word, 1) | (setting.sets & (word == setting.word))
            ),
        ]
        m.d.comb += [read.addr.eq(word), flags.eq(Mux(fetched_written, read.data, 0))]
        return write, flags

    def _flag(self, m: Module, rows: _Lookup, setting: _Setting, kept_flags: Value) -> None:
        """Find the flag in the word; what is set in the meantime counts."""
        flag = Signal()
        kept_same_row = Signal()
        found_same_row = Signal()
        read = kept_flags.bit_select(self._place(rows.kept), 1)
        m.d.sync += [
            kept_same_row.eq(rows.fetched == rows.found),
            found_same_row.eq(rows.kept == rows.found),
            flag.eq(Mux(setting.sets & kept_same_row, setting.value, read)),
        ]
        m.d.comb += self.begun.eq(Mux(setting.sets & found_same_row, setting.value, flag))

    def _count(self, m: Module, setting: _Setting) -> None:
        """Count the flags that are set."""
        count = Signal(range(self.depth + 1))
        was_begun = Signal()
        m.d.sync += was_begun.eq(self.begun)
        with m.If(setting.sets & (setting.value != was_begun)):
            m.d.sync += count.eq(count + Mux(setting.value, 1, -1))
        m.d.comb += self.unfinished.eq(count.any())
