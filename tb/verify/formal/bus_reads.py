"""The memory bus: requests keep the rules of AXI and their room, and no stale beat is delivered."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from weft.bus.axi4 import BOUNDARY_BYTES, offset_bits
from weft.bus.burst_splitter import BurstSplitter
from weft.bus.line_reader import LineReader
from weft.bus.read_arbiter import ReadArbiter

from .harness import Harness, delayed, follow
from .streams import prove_stable

DATA_WIDTH = 32


class BurstsCoverSpans(Harness):
    """Bursts cover the beats of each span, in order, and keep the rules of AXI.

    Spans of up to `most` beats are arbitrary, and so are the cycles in which bursts are taken and
    beats released. The specification expects the next beat of the span; it takes a span one cycle
    late, when the last burst of the one before has appeared.
    """

    def __init__(self, *, address_width: int, burst_beats: int, room: int, most: int):
        super().__init__()
        self.address_width = address_width
        self.burst_beats = burst_beats
        self.room = room
        self.most = most

    def describe(self, m: Module) -> None:
        m.submodules.splitter = splitter = BurstSplitter(
            address_width=self.address_width,
            data_width=DATA_WIDTH,
            burst_beats=self.burst_beats,
            room=self.room,
        )
        spans, ar = splitter.spans, splitter.ar
        valid, ready, released = (self.anything(1, n) for n in ("valid", "ready", "released"))
        span = self.anything(spans.payload.shape(), "span")
        m.d.comb += [
            spans.valid.eq(valid),
            spans.payload.eq(span),
            ar.ready.eq(ready),
            splitter.released.eq(released),
        ]
        low = offset_bits(DATA_WIDTH)
        # A span must end at an address.
        end = span.address + span.bytes
        self.assume(span.bytes != 0, span.bytes <= self.most << low)
        self.assume(end <= 1 << self.address_width)
        prove_stable(self, m, ar)

        burst = ar.payload
        beats = burst.len + 1
        last_byte = burst.addr + (beats << low) - 1
        page = (BOUNDARY_BYTES - 1).bit_length()
        self.prove("burst_is_in_a_page", ~ar.valid | (last_byte[page:] == burst.addr[page:]))
        self.prove("burst_is_short", ~ar.valid | (burst.len < self.burst_beats))
        self.prove("burst_is_of_beats", ~ar.valid | ((burst.size == low) & ~burst.addr[:low].any()))
        # Beats that have been requested, and whose room has not been released.
        owed = Signal(range(self.room + self.burst_beats + 1))
        appears = ar.valid & ~delayed(m, ar.valid & ~ready, 1, "waited")
        total = owed + Mux(appears, beats, 0)
        m.d.sync += owed.eq(total - released)
        self.assume(owed.any() | ~released)
        self.prove("room_suffices", total <= self.room)
        self.reach("room_is_full", total == self.room)

        taken = delayed(m, valid & spans.ready, 1, "taken")
        begin = delayed(m, span.address[low:], 1, "begin")
        count = delayed(m, (end + (1 << low) - 1)[low:] - span.address[low:], 1, "count")
        expected = Signal(self.address_width - low)
        left = Signal(range(self.most + 2))
        remaining = Signal(left.shape())
        m.d.comb += remaining.eq(left - Mux(appears, beats, 0))
        m.d.sync += [
            left.eq(Mux(taken, count, remaining)),
            expected.eq(Mux(taken, begin, expected + Mux(appears, beats, 0))),
        ]
        self.prove("burst_is_expected", ~appears | (burst.addr[low:] == expected))
        self.prove("burst_is_of_its_span", ~appears | (beats <= left))
        self.prove("span_is_whole", ~taken | ~remaining.any())
        idle = (left != 0) & ~ar.valid & (owed + self.burst_beats <= self.room)
        self.prove("nothing_waits_in_vain", ~delayed(m, idle & ~taken, 1, "idle") | ar.valid)
        self.reach("two_bursts", appears & (left == self.most) & (beats < left))


class BeatsHaveRoom(Harness):
    """A LineReader never has more beats requested or inside than places for them.

    Lines have one or two whole beats, and rows are beats, so what is inside can be counted. The
    memory answers in arbitrary cycles.
    """

    def __init__(self, *, burst_beats: int, room: int):
        super().__init__()
        self.burst_beats = burst_beats
        self.room = room

    def describe(self, m: Module) -> None:
        size = DATA_WIDTH // 8
        m.submodules.reader = reader = LineReader(
            address_width=5,
            data_width=DATA_WIDTH,
            row_bytes=size,
            tag_width=0,
            burst_beats=self.burst_beats,
            room=self.room,
        )
        lines, ar, r, rows = reader.lines, reader.memory.ar, reader.memory.r, reader.rows
        names = ("valid", "two", "taken", "answers", "ready")
        valid, two, taken, answers, ready = (self.anything(1, name) for name in names)
        beat = self.anything(3, "beat")
        m.d.comb += [
            lines.valid.eq(valid),
            lines.payload.address[offset_bits(DATA_WIDTH) :].eq(beat),
            lines.payload.bytes.eq(Mux(two, 2 * size, size)),
            ar.ready.eq(taken),
            r.valid.eq(answers),
            rows.ready.eq(ready),
        ]
        prove_stable(self, m, ar)
        # The queue, its output, and the beat, chunk and row of the aligner.
        places = self.room + 4
        owed, inside = Signal(range(places + 8)), Signal(range(places + 8))
        requested = Mux(ar.valid & taken, ar.payload.len + 1, 0)
        leaves = rows.valid & ready
        m.d.sync += [
            owed.eq(owed + requested - answers),
            inside.eq(inside + answers - leaves),
        ]
        self.assume(owed.any() | ~answers)
        self.prove("beats_have_room", owed + inside <= places)
        self.prove("rows_are_beats", inside.any() | ~rows.valid)
        self.reach("is_full", (owed + inside == places) & ~owed.any())


class BeatsAreFresh(Harness):
    """A beat is delivered to its reader if and only if no flush came since its request was taken.

    Two readers request bursts of one beat in arbitrary cycles, and the memory answers each ID in
    order, in arbitrary cycles. One arbitrary request is followed.
    """

    def __init__(self, *, most: int):
        super().__init__()
        self.most = most

    def describe(self, m: Module) -> None:
        m.submodules.arbiter = arbiter = ReadArbiter(
            address_width=2, data_width=DATA_WIDTH, readers=("a", "b"), most=self.most
        )
        ports = [arbiter.a, arbiter.b]
        ar, r = arbiter.memory.ar, arbiter.memory.r
        flush, ready, answers = (self.anything(1, n) for n in ("flush", "ready", "answers"))
        number = self.anything(ar.payload.id.shape(), "number")
        m.d.comb += [
            arbiter.flush.eq(flush),
            ar.ready.eq(ready),
            r.valid.eq(answers),
            r.payload.id.eq(number),
            r.payload.last.eq(1),
        ]
        for name, port in zip("ab", ports, strict=True):
            m.d.comb += [
                port.ar.valid.eq(self.anything(1, f"asks_{name}")),
                port.ar.payload.addr.eq(self.anything(2, f"address_{name}")),
            ]
        prove_stable(self, m, ar)

        # Requests of the followed ID that the memory has, and whether that on the bus is fresh.
        chosen = self.some_constant(m, number.shape(), "chosen_id")
        enters = ar.valid & ready & (ar.payload.id == chosen)
        counts = Signal(range(self.most + 2))
        answered = answers & (number == chosen)
        m.d.sync += counts.eq(counts + enters - answered)
        others = self._owed(m, ar, ready, answers, number)
        self.assume(others[0], counts.any() | ~answered)
        taken = Cat(port.ar.valid & port.ar.ready for port in ports)
        fresh_on_bus, fresh = Signal(), Signal()
        with m.If(taken.any()):
            m.d.sync += fresh_on_bus.eq(1)
        with m.Elif(flush):
            m.d.sync += fresh_on_bus.eq(0)
        request = follow(self, m, enters, answered, counts)
        with m.If(flush):
            m.d.sync += fresh.eq(0)
        with m.Elif(request.enters):
            m.d.sync += fresh.eq(fresh_on_bus)
        delivered = Cat(port.r.valid for port in ports)
        # The lower bits of an ID are the reader.
        mine = Mux(chosen[0], delivered[1], delivered[0])
        leaves = request.leaves & ~flush
        self.prove("fresh_beats_are_delivered", ~leaves | ~fresh | mine)
        self.prove("stale_beats_are_not", ~leaves | fresh | ~delivered.any())
        self.prove("only_to_its_reader", ~leaves | ~Mux(chosen[0], delivered[0], delivered[1]))
        self.prove("one_at_a_time", ~taken.all())
        self.prove("none_during_a_flush", ~flush | ~taken.any())
        self.prove("idle_is", arbiter.idle == (~others[1] & ~ar.valid))
        asks = Cat(port.ar.valid for port in ports).any()
        can = asks & arbiter.idle & ~flush & ~delayed(m, ~arbiter.idle, 1, "busy")
        self.prove("nothing_waits_in_vain", ~can | taken.any())
        self.reach("stale", leaves & ~fresh & ~delivered.any())
        self.reach("fresh_after_stale", leaves & fresh & chosen[-1])

    def _owed(self, m: Module, ar, ready: Value, answers: Value, number: Value):
        """Count what the memory owes of each ID.

        Return whether it answers only what it owes, and whether it owes anything.
        """
        owed = []
        for identity in range(1 << len(number)):
            count = Signal(range(self.most + 2), name=f"owed_{identity}")
            comes = answers & (number == identity)
            m.d.sync += count.eq(count + (ar.valid & ready & (ar.payload.id == identity)) - comes)
            owed.append((count, comes))
        legal = Cat(*[count.any() | ~comes for count, comes in owed]).all()
        return legal, Cat(*[count.any() for count, _ in owed]).any()
