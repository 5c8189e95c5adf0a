"""The proofs about the memory bus of a core."""

from .breaks import Break
from .bus_reads import BeatsAreFresh, BeatsHaveRoom, BurstsCoverSpans
from .proof import Proof

_SPLITTER, _READER, _ARBITER = "bus/burst_splitter", "bus/line_reader", "bus/read_arbiter"
_ADVANCES = "with m.If(~self.ar.valid | self.ar.ready):"
_SPARE = "spare + self.released - Mux(moves, length + 1, 0)"
SPLITTER_BREAKS = (
    Break(_SPLITTER, _ADVANCES, "with m.If(1):", "valid_stays"),
    Break(_SPLITTER, "spare) & (~self.ar.valid | self.ar.ready)", "spare)", "payload_stays"),
    Break(_SPLITTER, "until.eq(~beat[:places])", "until.eq(-1)", "burst_is_in_a_page"),
    Break(_SPLITTER, "burst.len.eq(length)", "burst.len.eq(left)", "burst_is_short"),
    Break(_SPLITTER, "burst.size.eq(low)", "burst.size.eq(0)", "burst_is_of_beats"),
    Break(_SPLITTER, "(length < spare)", "(length <= spare)", "room_suffices"),
    Break(_SPLITTER, _SPARE, "spare + self.released - moves", "room_suffices"),
    Break(_SPLITTER, "beat[places:] + 1", "beat[places:]", "burst_is_expected"),
    Break(_SPLITTER, "last.eq(left <= until)", "last.eq(left < until)", "burst_is_of_its_span"),
    Break(_SPLITTER, "(moves & last)),", "moves),", "span_is_whole"),
    Break(_SPLITTER, _SPARE, "spare - Mux(moves, length + 1, 0)", "nothing_waits_in_vain"),
)
READER_BREAKS = (
    Break(_READER, "released.eq(released)", "released.eq(1)", "beats_have_room"),
    Break(_READER, "beats.i.valid.eq(answer.valid)", "beats.i.valid.eq(1)", "rows_are_beats"),
    Break(_SPLITTER, _ADVANCES, "with m.If(1):", "valid_stays"),
    Break(_SPLITTER, "spare) & (~self.ar.valid | self.ar.ready)", "spare)", "payload_stays"),
)
_TAKES = "room & (~self.memory.ar.valid | self.memory.ar.ready)"
_FLUSHED = "with m.If(self.flush & ~old.any()):"
ARBITER_BREAKS = (
    Break(_ARBITER, "with m.If(~ar.valid | ar.ready):", "with m.If(1):", "valid_stays"),
    Break(_ARBITER, _TAKES, "room", "payload_stays"),
    Break(_ARBITER, "~draining & (current", "(current", "fresh_beats_are_delivered"),
    Break(_ARBITER, _FLUSHED, "with m.If(self.flush):", "stale_beats_are_not"),
    Break(_ARBITER, _FLUSHED, "with m.If(0):", "stale_beats_are_not"),
    Break(_ARBITER, "current = ~draining & (", "current = (", "stale_beats_are_not"),
    Break(_ARBITER, "self._id(number, epoch))\n", "self._id(0, epoch))\n", "only_to_its_reader"),
    Break(_ARBITER, "order & (~order + 1)", "order", "one_at_a_time"),
    Break(_ARBITER, "room.eq(~self.flush & ", "room.eq(", "none_during_a_flush"),
    Break(_ARBITER, "(owed[0].any() | owed[1].any())", "owed[0].any()", "idle_is"),
    Break(_ARBITER, "draining.eq(0)", "draining.eq(1)", "nothing_waits_in_vain"),
)
BUS_PROOFS = (
    Proof(
        "bursts",
        "bursts cover the beats of each line once and in order, keep the rules of AXI4, and never "
        "exceed the room for their beats",
        lambda: BurstsCoverSpans(address_width=13, burst_beats=2, room=3, most=4),
        SPLITTER_BREAKS,
    ),
    Proof(
        "line reader",
        "a reader of lines never has more beats requested or inside than it has places for",
        lambda: BeatsHaveRoom(burst_beats=2, room=2),
        READER_BREAKS,
        method="bmc 18",
        methods=(("wrong_valid_stays", "pdr"), ("wrong_payload_stays", "pdr")),
    ),
    Proof(
        "read arbiter",
        "a beat is delivered to its reader if and only if no flush came since its request",
        lambda: BeatsAreFresh(most=2),
        ARBITER_BREAKS,
    ),
)
