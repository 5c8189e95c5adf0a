"""BurstQueue: collect the beats of lines in bursts."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from ..primitives.stream_queue import StreamQueue
from .line_packer import beat_layout


def burst_layout(*, beat_bytes: int, address_width: int, burst_beats: int) -> data.StructLayout:
    """Return the layout of a burst.

    `number`: the address of its first beat, in beats. `length`: its beats minus one. `ends`: it is
    the last burst of its instruction.
    """
    beat = beat_layout(beat_bytes=beat_bytes, address_width=address_width)
    return data.StructLayout(
        {"number": beat["number"].shape, "length": range(burst_beats), "ends": 1}
    )


def word_layout(*, beat_bytes: int) -> data.StructLayout:
    """Return the layout of the bytes of a beat, and of those that are written."""
    return data.StructLayout({"data": 8 * beat_bytes, "strobes": beat_bytes})


class BurstQueue(wiring.Component):
    """Queue beats, and offer each burst when all of its beats are in the queue.

    A burst ends with its line, and at every multiple of `burst_beats` beats in the memory. As
    `burst_beats` * `beat_bytes` divides 4 KiB, no burst crosses a multiple of 4 KiB.

    Latency `latency` cycles from a beat to `words`, and from the last beat of a burst to `bursts`.
    While a burst is on `bursts` or has beats left, its next beat is on `words`.

    Parameters
    ----------
    beat_bytes, address_width : int
        See LinePacker.
    burst_beats : int
        Most beats of a burst, a power of two.
    places : int
        Places for beats, at least `burst_beats`; with twice as many, beats come while a burst goes.

    Members
    -------
    beats : stream of beat_layout(...) in
    words : stream of word_layout(...) out
    bursts : stream of burst_layout(...) out
    """

    latency = StreamQueue.latency

    def __init__(self, *, beat_bytes: int, address_width: int, burst_beats: int, places: int):
        self.beat_bytes = beat_bytes
        self.address_width = address_width
        self.burst_beats = burst_beats
        self.places = places
        sizes = {"beat_bytes": beat_bytes, "address_width": address_width}
        burst = burst_layout(**sizes, burst_beats=burst_beats)
        super().__init__(
            {
                "beats": In(stream.Signature(beat_layout(**sizes))),
                "words": Out(stream.Signature(word_layout(beat_bytes=beat_bytes))),
                "bursts": Out(stream.Signature(burst)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        beat, taken = self.beats.payload, Signal()
        words = instantiate(
            m,
            "words_queue",
            platform,
            StreamQueue,
            width=self.words.payload.shape().size,
            depth=self.places,
        )
        # Every burst here has a beat here, in one of the places or on `words`.
        bursts = instantiate(
            m,
            "bursts_queue",
            platform,
            StreamQueue,
            width=self.bursts.payload.shape().size,
            depth=self.places + 1,
        )
        # Free places minus one, so that the sign bit alone shows that there is none.
        spare = Signal(range(-1, self.places), init=self.places - 1)
        m.d.comb += [
            self.beats.ready.eq(~spare[-1]),
            taken.eq(self.beats.valid & self.beats.ready),
            words.i.valid.eq(taken),
            words.i.payload.eq(Cat(beat.data, beat.strobes)),
        ]
        m.d.sync += spare.eq(spare + words.released - taken)
        self._collect(m, taken, bursts.i)
        for port, queue in ((self.words, words), (self.bursts, bursts)):
            m.d.comb += [
                port.valid.eq(queue.o.valid),
                port.payload.as_value().eq(queue.o.payload),
                queue.o.ready.eq(port.ready),
            ]
        return m

    def _collect(self, m: Module, taken, bursts) -> None:
        """Count the beats of a burst, and put it into its queue with the last one."""
        beat, burst = self.beats.payload, Signal(self.bursts.payload.shape())
        length, first, is_last = (
            Signal(range(self.burst_beats)),
            Signal.like(beat.number, reset_less=True),
            Signal(),
        )
        in_block = beat.number[: (self.burst_beats - 1).bit_length()]
        m.d.comb += [
            is_last.eq(beat.ends_line | in_block.all()),
            burst.number.eq(Mux(length.any(), first, beat.number)),
            burst.length.eq(length),
            burst.ends.eq(beat.ends),
            bursts.valid.eq(taken & is_last),
            bursts.payload.eq(burst.as_value()),
        ]
        with m.If(taken):
            m.d.sync += [length.eq(Mux(is_last, 0, length + 1)), first.eq(burst.number)]
