"""BegunRows: track which accumulator rows hold a sum that has begun but is not finished."""

from typing import NamedTuple

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

# Flags per word: one cycle selects the word, another one selects the flag in it.
WORD = 16


class _Lookup(NamedTuple):
    """Row numbers in the lookup pipeline, one per stage: word read, word kept, flag found, flag
    set."""

    fetched: Signal
    kept: Signal
    found: Signal
    set_row: Signal


class _Setting(NamedTuple):
    """A write to a flag in this cycle, if `sets`: `value` at `place` of `word`."""

    sets: Signal
    value: Signal
    word: Value
    place: Value


class BegunRows(wiring.Component):
    """One flag per accumulator row, all false after a reset; one row is looked up in every cycle.

    The flags are in a memory, which a reset does not clear. One bit per word of the memory says
    whether the word was written since the reset.

    Latency `latency` cycles from `row` to `begun`. The flag can be written only in the cycle of
    `begun`; rows that are being looked up see the write.

    Parameters
    ----------
    depth : int
        Accumulator rows.

    Members
    -------
    row : range(depth) in
    begun : 1 bit out. The flag of the row of `latency` cycles ago.
    set, value : 1 bit in. Write `value` to that flag.
    unfinished : 1 bit out. A flag is true, counting the writes of all rows up to the row of
        `unfinished_latency` cycles ago.
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
        """Read the word of each row and pass it along; return the word at the stage `kept`.

        Writes to flags in the meantime go into it too, and in the end it is written back.
        """
        width = self.word_width
        # Masks, because an assignment to an indexed flag becomes a case statement in the Verilog.
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
        """Add the memory; return its write port and the word of the fetched row."""
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
        """Find the flag in the word, or take it from a write in the meantime."""
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
        """Count the flags that are true."""
        count = Signal(range(self.depth + 1))
        was_begun = Signal()
        m.d.sync += was_begun.eq(self.begun)
        with m.If(setting.sets & (setting.value != was_begun)):
            m.d.sync += count.eq(count + Mux(setting.value, 1, -1))
        m.d.comb += self.unfinished.eq(count.any())
