"""Broken copies for the proofs of the buses of a core, and of its control."""

from weft.isa.codes import Unit

from .breaks import Break

BURST_BREAKS = (
    Break(
        "bus/burst_queue", "beat.ends_line | in_block.all()", "beat.ends_line", "burst_is_within"
    ),
    Break(
        "bus/burst_queue",
        "burst.length.eq(length)",
        "burst.length.eq(1)",
        "burst_has_its_words",
    ),
    Break(
        "bus/burst_queue",
        "burst.length.eq(length)",
        "burst.length.eq(1)",
        "word_is_there",
    ),
    Break(
        "bus/burst_queue", "Mux(length.any(), first, beat.number)", "beat.number", "burst_is_right"
    ),
    Break("bus/burst_queue", "burst.ends.eq(beat.ends)", "burst.ends.eq(0)", "burst_is_right"),
)

_BEGINS_LEFT = "& (~left.any() | (sends & (left == 1)))"
_MOVES = "with m.If(~w.valid | w.ready):"
WRITE_BREAKS = (
    Break(
        "bus/burst_writer", "with m.If(~aw.valid | aw.ready):", "with m.If(1):", "aw_valid_stays"
    ),
    Break(
        "bus/burst_writer",
        "(~self.port.aw.valid | self.port.aw.ready)",
        "1",
        "aw_payload_stays",
    ),
    Break("bus/burst_writer", _MOVES, "with m.If(1):", "w_valid_stays"),
    Break(
        "bus/burst_writer",
        "sends.eq(left.any() & (~w.valid | w.ready) &",
        "sends.eq(left.any() &",
        "w_payload_stays",
    ),
    Break("bus/burst_writer", "length.eq(burst.length)]", "length.eq(0)]", "burst_is_announced"),
    Break("bus/burst_writer", "aw.valid.eq(begins)", "aw.valid.eq(0)", "one_is_announced"),
    Break("bus/burst_writer", "& (owed != self.outstanding)", "", "few_are_owed"),
    Break("bus/burst_writer", "left.eq(left - 1)", "left.eq(left)", "no_beat_is_invented"),
    Break("bus/burst_writer", _BEGINS_LEFT, "", "last_is_marked"),
    Break(
        "bus/burst_writer", "w.payload.last.eq(left == 1)", "w.payload.last.eq(1)", "last_is_marked"
    ),
    Break(
        "bus/burst_writer",
        "owed.eq(owed + begins - b.valid)",
        "owed.eq(owed - b.valid)",
        "idle_is",
    ),
    Break(
        "bus/burst_writer",
        "                & ~discards\n",
        "",
        "nothing_begins_in_a_flush",
    ),
    Break(
        "bus/burst_writer",
        "self.words.ready.eq(sends & ~discards)",
        "self.words.ready.eq(sends)",
        "no_word_is_lost",
    ),
    Break(
        "bus/burst_writer", "w.payload.data.eq(word.data)", "w.payload.data.eq(0)", "word_is_sent"
    ),
    Break(
        "bus/burst_writer",
        "Mux(discards, 0, word.strobes)",
        "word.strobes",
        "other_beats_write_nothing",
    ),
    Break("bus/burst_writer", "ends.o.payload & ~fails", "~fails", "finished_is"),
    Break("bus/burst_writer", "& ~self.failed & ~discards),", "),", "finished_is"),
    Break(
        "bus/burst_writer", "(self.failed | (b.valid & fails))", "(b.valid & fails)", "failed_is"
    ),
    Break(
        "bus/burst_writer",
        "                & ~self.failed\n",
        "",
        "nothing_begins_after_an_error",
    ),
)

LITE_BREAKS = (
    *[
        Break(
            "bus/axi_lite", "with m.Elif(channel.ready):", "with m.Else():", f"{name}_valid_stays"
        )
        for name in "br"
    ],
    Break(
        "bus/axi_lite",
        "goes.eq(has_address & has_data & ~b.valid)",
        "goes.eq(has_address & has_data)",
        "b_payload_stays",
    ),
    Break(
        "bus/axi_lite", "goes.eq(has_address & ~r.valid)", "goes.eq(has_address)", "r_payload_stays"
    ),
    Break(
        "bus/axi_lite",
        "goes.eq(has_address & has_data & ~b.valid)",
        "goes.eq(has_address & ~b.valid)",
        "write_is_made",
    ),
    Break("bus/axi_lite", "words.read.eq(goes & aligned)", "words.read.eq(goes)", "read_is_made"),
    *[
        Break(
            "bus/axi_lite",
            "channel.valid.eq(1)",
            "channel.valid.eq(~refused)",
            f"{name}_is_answered",
        )
        for name in ("write", "read")
    ],
    *[
        Break("bus/axi_lite", "refused | ~was_aligned", broken, f"{name}_response_is_right")
        for name in ("write", "read")
        for broken in ("refused", "~was_aligned")
    ],
    Break(
        "bus/axi_lite",
        "with m.If(asked):\n            m.d.sync += r",
        "with m.If(1):\n            m.d.sync += r",
        "r_payload_stays",
    ),
    Break(
        "bus/axi_lite",
        "r.payload.data.eq(words.read_data)",
        "r.payload.data.eq(0)",
        "read_data_is_right",
    ),
    Break("bus/axi_lite", "with m.If(w.ready):", "with m.If(1):", "write_is_its_own"),
    Break(
        "bus/axi_lite",
        "words.read_number.eq(address[_PLACES:])",
        "words.read_number.eq(0)",
        "read_is_its_own",
    ),
)

CONTROL_BREAKS = (
    Break("core/core_control", "self.read.eq(1),", "self.read.eq(0),", "read_follows_launch"),
    Break(
        "core/core_control",
        "[self.state.eq(State.RUNNING), self.start.eq(1)]",
        "self.start.eq(1)",
        "sequencer_is_launched_once",
    ),
    Break("core/core_control", "self.ended.eq(1)]", "self.ended.eq(0)]", "ended_is_the_end"),
    Break(
        "core/core_control",
        "with m.Case(State.WAITING), m.If(self.idle):",
        "with m.Case(State.WAITING):",
        "ends_when_nothing_is_owed",
    ),
    Break(
        "core/core_control",
        "m.d.sync += self.state.eq(State.STOPPING)",
        "m.d.sync += self.state.eq(State.WAITING)",
        "sequencer_has_ended",
    ),
    Break(
        "core/core_control",
        "with m.If(found & self._has_program()):",
        "with m.If(found):",
        "first_error_is_kept",
    ),
    Break(
        "core/core_control",
        "self.state.eq(State.FLUSHING), self.done.eq(1)]",
        "self.state.eq(State.FLUSHING), self.done.eq(0)]",
        "end_has_a_reason",
    ),
    Break(
        "core/core_control",
        "self.done.eq(0),",
        "",
        "done_is_without_error",
    ),
    Break(
        "core/core_control",
        "left.eq(self.flush_cycles - 1)",
        "left.eq(self.flush_cycles - 2)",
        "all_is_flushed",
    ),
    Break(
        "core/core_control",
        "with m.If(~self.sequencer.running):",
        "with m.If(0):",
        "stop_is_short",
    ),
)

UNIT_COUNTER_BREAKS = tuple(
    Break("core/unit_counters", old, new, f"{unit.name.lower()}_adds_up")
    for unit in Unit
    for old, new in (
        ("found[number] & ~Cat(*found[:number]).any()", "found[number]"),
        ("self.running & ~Cat(*found).any()", "self.running"),
    )
)
