"""Memory writes: bursts are whole before they are announced, and sent as they were announced."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from weft.bus.axi4 import Response
from weft.bus.burst_queue import BurstQueue
from weft.bus.burst_writer import BurstWriter

from .harness import Harness, delayed, follow
from .streams import prove_stable


class BurstsAreWhole(Harness):
    """A burst is offered with all of its beats here, and stays between two multiples of its limit.

    Lines of arbitrary lengths come from arbitrary addresses, beat by beat; bursts are taken at any
    time, and then their words.
    """

    def __init__(self, *, burst_beats: int, places: int):
        super().__init__()
        self.burst_beats = burst_beats
        self.places = places

    def describe(self, m: Module) -> None:
        size, places = self.burst_beats, self.places
        m.submodules.queue = queue = BurstQueue(
            beat_bytes=1, address_width=2, burst_beats=size, places=places
        )
        beats, words, bursts = queue.beats, queue.words, queue.bursts
        beat, burst = beats.payload, bursts.payload
        m.d.comb += [
            beats.valid.eq(self.anything(1, "beat_valid")),
            beat.as_value().eq(self.anything(len(beat.as_value()), "beat")),
            bursts.ready.eq(self.anything(1, "burst_ready")),
            words.ready.eq(self.anything(1, "word_ready")),
        ]
        taken = beats.valid & beats.ready
        number = Value.cast(beat.number)
        inside_line, following = Signal(), Signal(number.shape())
        with m.If(taken):
            m.d.sync += [inside_line.eq(~beat.ends_line), following.eq(number + 1)]
        self.assume(~inside_line | (number == following))

        leaves, pops = bursts.valid & bursts.ready, words.valid & words.ready
        # Words here, and those of bursts that were taken. A word and a burst can wait outside of
        # the places.
        here, left = Signal(range(places + 4)), Signal(range(places + 4))
        m.d.sync += here.eq(here + taken - pops)
        m.d.sync += left.eq(left + Mux(leaves, burst.length + 1, 0) - pops)
        self.assume(left.any() | ~words.ready)
        self.prove("burst_has_its_words", ~bursts.valid | (here >= left + burst.length + 1))
        self.prove("word_is_there", ~left.any() | words.valid)
        within = burst.number[: (size - 1).bit_length()] + burst.length
        self.prove("burst_is_within", ~bursts.valid | (within < size))
        self.reach("whole_burst", leaves & (burst.length == size - 1))
        self.reach("is_full", beats.valid & ~beats.ready)

        ends_burst = beat.ends_line | beat.number[: (size - 1).bit_length()].all()
        waiting = Signal(range(places + 3))
        m.d.sync += waiting.eq(waiting + (taken & ends_burst) - leaves)
        followed = follow(self, m, taken & ends_burst, leaves, waiting)
        first, length = Signal(number.shape()), Signal(range(size))
        kept = Signal(burst.shape())
        with m.If(taken):
            m.d.sync += length.eq(Mux(ends_burst, 0, length + 1))
            with m.If(~length.any()):
                m.d.sync += first.eq(number)
        with m.If(followed.enters):
            m.d.sync += [
                kept.number.eq(Mux(length.any(), first, number)),
                kept.length.eq(length),
                kept.ends.eq(beat.ends),
            ]
        self.prove("burst_is_right", ~followed.leaves | (burst.as_value() == kept.as_value()))
        self.reach("burst_behind_others", followed.leaves & (waiting > 1))


class BurstsAreWritten(Harness):
    """The channels of writes keep the rules of AXI, also when a flush comes in between.

    Bursts, words, flushes and the memory are arbitrary, but the memory answers each burst once,
    after it has taken its address and all of its beats.
    """

    def __init__(self, *, burst_beats: int, outstanding: int):
        super().__init__()
        self.burst_beats = burst_beats
        self.outstanding = outstanding

    def describe(self, m: Module) -> None:
        most, size = self.outstanding, self.burst_beats
        m.submodules.writer = writer = BurstWriter(
            beat_bytes=1, address_width=2, burst_beats=size, outstanding=most
        )
        aw, w, b = writer.port.aw, writer.port.w, writer.port.b
        burst, word = writer.bursts.payload, writer.words.payload
        for stream, name in ((writer.bursts, "burst"), (writer.words, "word")):
            m.d.comb += [
                stream.valid.eq(self.anything(1, f"{name}_valid")),
                Value.cast(stream.payload).eq(self.anything(len(Value.cast(stream.payload)), name)),
            ]
        m.d.comb += [
            aw.ready.eq(self.anything(1, "aw_ready")),
            w.ready.eq(self.anything(1, "w_ready")),
            b.valid.eq(self.anything(1, "b_valid")),
            b.payload.resp.eq(self.anything(Response, "response")),
            writer.flush.eq(self.anything(1, "flush")),
        ]
        prove_stable(self, m, aw, "aw_")
        prove_stable(self, m, w, "w_")
        begins = writer.bursts.valid & writer.bursts.ready
        sent = w.valid & w.ready

        # Bursts without an address that was taken, without their last beat, and without an answer.
        unannounced, unsent, owed = (
            Signal(range(most + 2), name=name) for name in ("unannounced", "unsent", "owed")
        )
        beats = Signal(range(size * (most + 1) + 1))
        ends = Signal()
        m.d.sync += [
            unannounced.eq(unannounced + begins - (aw.valid & aw.ready)),
            unsent.eq(unsent + begins - ends),
            owed.eq(owed + begins - b.valid),
            beats.eq(beats + Mux(begins, burst.length + 1, 0) - sent),
        ]
        self.assume(~b.valid | ((owed > unannounced) & (owed > unsent)))
        self._prove_bursts(m, writer, begins, unannounced, owed)
        self._prove_beats(m, writer, begins, beats, ends)
        self._prove_answers(m, writer, begins)
        nothing = ~(unannounced.any() | beats.any() | owed.any())
        self.prove("idle_is", writer.idle == nothing)

        draining = Signal()
        discards = writer.flush | draining
        m.d.sync += draining.eq(discards & (writer.flush | ~nothing))
        self.prove("nothing_begins_in_a_flush", ~discards | ~begins)
        self.prove("no_word_is_lost", ~discards | ~(writer.words.valid & writer.words.ready))
        took = delayed(m, writer.words.valid & writer.words.ready, 1, "took")
        new = delayed(m, ~w.valid | w.ready, 1, "new")
        same = Cat(w.payload.data, w.payload.strb) == delayed(m, word.as_value(), 1, "word")
        self.prove("word_is_sent", ~took | (w.valid & same))
        self.prove("other_beats_write_nothing", ~(w.valid & new & ~took) | ~w.payload.strb.any())
        self.reach("flushed_beat", w.valid & new & ~took)
        self.reach("begins_after_a_flush", begins & delayed(m, discards, 1, "discards"))

    def _prove_bursts(self, m: Module, writer, begins, unannounced, owed) -> None:
        """Each burst is announced once, as it was given, and not too many are."""
        aw, burst = writer.port.aw, writer.bursts.payload
        begun = delayed(m, begins, 1, "begun")
        number = delayed(m, Value.cast(burst.number), 1, "number")
        length = delayed(m, Value.cast(burst.length), 1, "length")
        announced = aw.valid & (aw.payload.addr == number) & (aw.payload.len == length)
        self.prove("burst_is_announced", ~begun | announced)
        self.prove("one_is_announced", aw.valid == unannounced.any())
        self.prove("few_are_owed", owed <= self.outstanding)
        self.reach("all_are_owed", owed == self.outstanding)

    def _prove_beats(self, m: Module, writer, begins, beats, ends) -> None:
        """Each burst has as many beats as were announced, and the last one is marked."""
        w, burst = writer.port.w, writer.bursts.payload
        sent = w.valid & w.ready
        self.prove("no_beat_is_invented", ~w.valid | beats.any())
        # Beats up to the end of the burst that is being sent; another one has begun behind it.
        current, behind = Signal(range(self.burst_beats + 1)), Signal(range(self.burst_beats + 1))
        m.d.comb += ends.eq(sent & (current == 1))
        length = burst.length + 1
        with m.If(ends | ~current.any()):
            m.d.sync += current.eq(Mux(behind.any(), behind, Mux(begins, length, 0)))
            m.d.sync += behind.eq(Mux(behind.any() & begins, length, 0))
        with m.Else():
            m.d.sync += current.eq(current - sent)
            with m.If(begins):
                m.d.sync += behind.eq(length)
        self.prove("last_is_marked", ~w.valid | (w.payload.last == (current == 1)))
        self.reach("next_burst_waits", behind.any() & w.valid)

    def _prove_answers(self, m: Module, writer, begins) -> None:
        """Instructions finish with the answer to their last burst, unless something is wrong."""
        b, most = writer.port.b, self.outstanding
        ends, count = Signal(most + 1), Signal(range(most + 2))
        added = Signal(most + 1)
        m.d.comb += added.eq(ends | (writer.bursts.payload.ends & begins) << count)
        m.d.sync += [
            ends.eq(Mux(b.valid, added >> 1, added)),
            count.eq(count + begins - b.valid),
        ]
        bad = (b.payload.resp == Response.SLVERR) | (b.payload.resp == Response.DECERR)
        discards, failed = Signal(), Signal()
        m.d.comb += discards.eq(writer.flush | delayed(m, discards & ~writer.idle, 1, "discarded"))
        m.d.sync += failed.eq((failed | (b.valid & bad)) & ~discards)
        expected = b.valid & ends[0] & ~bad & ~failed & ~discards
        self.prove("finished_is", writer.finished == delayed(m, expected, 1, "expected"))
        self.prove("failed_is", writer.failed == failed)
        self.prove("nothing_begins_after_an_error", ~failed | ~begins)
        self.reach("finishes", writer.finished)
