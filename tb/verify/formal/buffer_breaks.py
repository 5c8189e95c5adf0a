"""Broken copies for the proofs of the data path of a core."""

from .breaks import Break

WALK_BREAKS = (
    Break("buffer/loop_nest", "turns.eq(self.lasts[loop + 1 :].all())", "turns.eq(1)", "row"),
    Break("buffer/loop_nest", "Mux(left[-1], whole, left - 1)", "left - 1", "last_row"),
    Break("buffer/strided_sum", "self.advances[: loop + 1].any()", "self.advances[loop]", "row"),
    Break("buffer/image_walk", "~high.any() & (", "(", "inside"),
    Break("buffer/image_walk", "first_row.eq(rows.all())", "first_row.eq(0)", "first_row"),
    Break("buffer/image_walk", "m.d.sync += first_tile.eq(0)", "pass", "first_tile"),
    Break("buffer/image_walk", "out.tag.eq(tag)", "out.tag.eq(self.walks.payload.tag)", "tag"),
    Break("buffer/image_walk", "tiles.all()", "nest.lasts.all()", "last_tile"),
    Break(
        "buffer/image_walk",
        "with m.If(~steps.valid | steps.ready):",
        "with m.If(1):",
        "valid_stays",
    ),
    Break("buffer/image_walk", "active & (~steps.valid | steps.ready)", "active", "payload_stays"),
    Break("buffer/image_walk", "active.eq(self.walks.valid)", "active.eq(1)", "none_is_invented"),
    Break("buffer/image_walk", "active.eq(self.walks.valid)", "active.eq(0)", "none_is_late"),
)

_WAITS = "self.waits[port].eq(self.asks[port] & Cat(*before).any())"
BUFFER_BREAKS = (
    *[
        Break("buffer/bank_arbiter", _WAITS, "self.waits[port].eq(0)", f"{name}_{what}")
        for name in ("b", "c", "e")
        for what in ("waits_for_earlier_ports", "is_seen_to_wait")
    ],
    *[
        Break("buffer/unified_buffer", "cycles=self.latency - 1", "cycles=self.latency", name)
        for name in ("a_comes", "b_comes", "c_comes")
    ],
    Break("buffer/unified_buffer", "bank.write.eq(chosen.any())", "bank.write.eq(1)", "a_is_right"),
    Break("buffer/bank_arbiter", " & (self.bank[port] == bank)", "", "b_is_right"),
    Break("buffer/bank_arbiter", "self.asks[port] & ~self.waits[port] & ", "", "c_is_right"),
)

_ADVANCES = "with m.If(~weights.valid | weights.ready):"
_FETCH = "fetch.eq(~behind[-1] & (~weights.valid | weights.ready))"
FIFO_BREAKS = (
    Break("matrix/weight_fifo", _ADVANCES, "with m.If(1):", "valid_stays"),
    Break("matrix/weight_fifo", _FETCH, "fetch.eq(~behind[-1])", "payload_stays"),
    Break(
        "matrix/weight_fifo", "spare + fetched - self.reserve", "spare + fetched", "never_too_many"
    ),
    Break(
        "matrix/weight_fifo", "spare + fetched - self.reserve", "spare - self.reserve", "has_room"
    ),
    Break(
        "matrix/weight_fifo",
        "behind + written - fetched",
        "behind + written",
        "nothing_is_invented",
    ),
    Break(
        "matrix/weight_fifo", "behind + written - fetched", "behind - fetched", "nothing_is_lost"
    ),
    Break("matrix/weight_fifo", "payload.last.eq(last_read)", "payload.last.eq(0)", "last"),
    Break("matrix/weight_fifo", "read_row + (2 * rows - 1)", "read_row + rows", "row_is_right"),
    Break("matrix/weight_fifo", "out.signed.eq(found.signed)", "out.signed.eq(0)", "row_is_right"),
    Break("matrix/weight_fifo", "read_row.eq(read_row - 1)", "read_row.eq(0)", "row_is_right"),
)
QUEUE_BREAKS = (
    Break(
        "primitives/stream_queue",
        "with m.If(~self.o.valid | self.o.ready):",
        "with m.If(1):",
        "valid_stays",
    ),
    Break(
        "primitives/stream_queue",
        "fetch.eq(~behind[-1] & (~self.o.valid | self.o.ready))",
        "fetch.eq(~behind[-1])",
        "payload_stays",
    ),
    *[
        Break("primitives/stream_queue", "behind + self.i.valid - fetch", broken, fails)
        for broken, fails in (
            ("behind + self.i.valid", "nothing_is_invented"),
            ("behind - fetch", "nothing_is_lost"),
        )
    ],
    *[
        Break("primitives/stream_queue", "self.released.eq(fetch)", broken, fails)
        for broken, fails in (
            ("self.released.eq(fetch & ~self.i.valid)", "places_come_back"),
            ("self.released.eq(fetch | self.i.valid)", "places_come_back_once"),
        )
    ],
    Break(
        "primitives/stream_queue",
        "Mux(slot == self.depth - 1, 0, slot + 1)",
        "slot + 1",
        "word_is_right",
    ),
)
