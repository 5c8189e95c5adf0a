"""ByteMover: move the bytes of a request one at a time, with a time limit for the streams."""

from collections.abc import Sequence
from typing import NamedTuple

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .link_shape import LinkShape
from .ports import REGISTER_BYTES, byte_sink, byte_source, register_bus
from .protocol import PATIENCE, Command


def order_layout(shape: LinkShape) -> data.StructLayout:
    """Return the layout of a decoded request: one bit for each command and for each stream.

    `on_stream`: PUSH or PULL. `counts`: PUSH or WRITE, whose response is a byte count.
    """
    streams = max(len(shape.input_beats), len(shape.output_beats))
    commands = {command.name.lower(): 1 for command in Command}
    return data.StructLayout({**commands, "on_stream": 1, "counts": 1, "is_stream": streams})


class _Progress(NamedTuple):
    """Bytes left of the request, size and bytes left of the beat; `move` moves one byte."""

    move: Signal
    left: Signal
    beat: Signal
    beat_left: Signal
    last_byte: Signal


class _Ahead(NamedTuple):
    """Conditions for the next state, compared one cycle ahead."""

    stream_ready: Signal
    enough: Signal
    out_of_patience: Signal
    waited: Signal


class ByteMover(wiring.Component):
    """Move the bytes of a request between its payload, registers, streams and the response.

    Only whole beats are moved; a beat of registers has 4 bytes, a beat of HELLO one. The move ends
    early if the stream is not ready for PATIENCE cycles.

    Latency from `begin` to `finished`: 4 cycles, plus 4 per byte, 3 per beat, and the wait cycles
    of registers and streams. 2 cycles from `moved` to `data`.

    Parameters
    ----------
    shape : LinkShape

    Members
    -------
    begin : 1 bit in. Start; the mover must be idle.
    order : order_layout() in, stable from `begin` until `finished`
    target : 8 bits in, with `begin`. First register of a READ or a WRITE.
    length : range(payload_bytes + 1) in, with `begin`. Most bytes to move.
    finished : 1 bit out, for one cycle
    moved : range(payload_bytes + 1) out. Bytes that were moved, and the position of the next one
        in the payloads of the request and the response. Zero from the cycle after `finished` on.
    data : 8 bits in. Byte of the request.
    write, response_data : 1 bit and 8 bits out. Write a byte of the response.
    registers : register_bus(), out
    inputs, outputs : byte_sink() and byte_source(), out, one per stream
    """

    def __init__(self, *, shape: LinkShape):
        self.shape = shape
        size = shape.payload_bytes
        super().__init__(
            {
                "begin": In(1),
                "order": In(order_layout(shape)),
                "target": In(8),
                "length": In(range(size + 1)),
                "finished": Out(1),
                "moved": Out(range(size + 1)),
                "data": In(8),
                "write": Out(1),
                "response_data": Out(8),
                "registers": Out(register_bus()),
                "inputs": Out(byte_sink()).array(len(shape.input_beats)),
                "outputs": Out(byte_source()).array(len(shape.output_beats)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        progress = self._progress(m)
        ahead = self._look_ahead(m, progress)
        self._connect(m, progress)
        self._respond(m, progress.move)
        m.d.sync += [progress.move.eq(0), self.finished.eq(0)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [
                    self.moved.eq(0),
                    self.registers.address.eq(Cat(C(0, 2), self.target)),
                    progress.left.eq(self.length),
                ]
                with m.If(self.begin):
                    m.next = "SETTLE"
            self._beat_states(m, progress, ahead)
            self._byte_states(m, progress)
        return m

    def _progress(self, m: Module) -> _Progress:
        """Count the bytes that are moved and the bytes that are left."""
        shape = self.shape
        longest = max(REGISTER_BYTES, *shape.input_beats, *shape.output_beats)
        progress = _Progress(
            move=Signal(name="move"),
            left=Signal(range(shape.payload_bytes + 1), name="left"),
            beat=Signal(range(longest + 1), name="beat"),
            beat_left=Signal(range(longest + 1), name="beat_left"),
            last_byte=Signal(name="last_byte"),
        )
        with m.If(progress.move):
            m.d.sync += [
                self.moved.eq(self.moved + 1),
                self.registers.address.eq(self.registers.address + 1),
                progress.left.eq(progress.left - 1),
                progress.beat_left.eq(progress.beat_left - 1),
            ]
        m.d.sync += [
            progress.beat.eq(self._beat()),
            progress.last_byte.eq(progress.beat_left == 1),
        ]
        return progress

    def _beat(self) -> Value:
        """Return the bytes that are moved together or not at all."""
        order = self.order
        inputs = self._chosen([C(size) for size in self.shape.input_beats])
        outputs = self._chosen([C(size) for size in self.shape.output_beats])
        streams = Mux(order.push, inputs, outputs)
        return Mux(order.hello, 1, Mux(order.on_stream, streams, REGISTER_BYTES))

    def _look_ahead(self, m: Module, progress: _Progress) -> _Ahead:
        ahead = _Ahead(
            stream_ready=Signal(name="stream_ready"),
            enough=Signal(name="enough"),
            out_of_patience=Signal(name="out_of_patience"),
            waited=Signal(range(PATIENCE), name="waited"),
        )
        rooms = self._chosen([sink.room for sink in self.inputs])
        available = self._chosen([source.available for source in self.outputs])
        m.d.sync += [
            ahead.stream_ready.eq(Mux(self.order.push, rooms, available)),
            ahead.enough.eq(progress.left >= progress.beat),
            ahead.out_of_patience.eq(ahead.waited == PATIENCE - 2),
        ]
        return ahead

    def _connect(self, m: Module, progress: _Progress) -> None:
        """Connect the registers and the streams."""
        order = self.order
        m.d.comb += [
            self.registers.write.eq(progress.move & order.write),
            self.registers.write_data.eq(self.data),
        ]
        for number, sink in enumerate(self.inputs):
            m.d.sync += [
                sink.byte.eq(self.data),
                sink.write.eq(progress.move & order.push & order.is_stream[number]),
                sink.last.eq(progress.last_byte),
            ]
        for number, source in enumerate(self.outputs):
            m.d.sync += [
                source.take.eq(progress.move & order.pull & order.is_stream[number]),
                source.last.eq(progress.last_byte),
            ]

    def _respond(self, m: Module, move: Signal) -> None:
        """Select the byte that is written to the response."""
        order = self.order
        register_data = Signal(8)
        stream_data = self._chosen([source.byte for source in self.outputs])
        m.d.sync += register_data.eq(self.registers.read_data)
        m.d.comb += [
            self.write.eq(move & (order.hello | order.read | order.pull)),
            self.response_data.eq(
                Mux(order.hello, self.data, Mux(order.read, register_data, stream_data))
            ),
        ]

    def _beat_states(self, m: Module, progress: _Progress, ahead: _Ahead) -> None:
        """Move beats while there is one to move and the stream is ready for it."""
        on_stream = self.order.on_stream
        # A stream sees a byte one cycle late, and its readiness is sampled another cycle later.
        with m.State("SETTLE"):
            m.next = "SETTLED"
        with m.State("SETTLED"):
            m.next = "BEAT"
        with m.State("BEAT"):
            m.d.sync += [progress.beat_left.eq(progress.beat), ahead.waited.eq(ahead.waited + 1)]
            given_up = on_stream & ~ahead.stream_ready & ahead.out_of_patience
            with m.If(~ahead.enough | given_up):
                m.d.sync += [ahead.waited.eq(0), self.finished.eq(1)]
                m.next = "IDLE"
            with m.Elif(~on_stream | ahead.stream_ready):
                m.d.sync += ahead.waited.eq(0)
                m.next = "FETCH"

    def _byte_states(self, m: Module, progress: _Progress) -> None:
        """Move the bytes of a beat."""
        with m.State("FETCH"):
            m.next = "WAIT"
        with m.State("WAIT"):
            m.next = "BYTE"
        with m.State("BYTE"):
            m.d.comb += self.registers.read.eq(self.order.read)
            with m.If(~self.order.read | self.registers.done):
                m.d.sync += progress.move.eq(1)
                m.next = "MOVE"
        with m.State("MOVE"):
            with m.If(progress.last_byte):
                m.next = "SETTLE"
            with m.Else():
                m.next = "FETCH"

    def _chosen(self, values: Sequence[ValueLike]) -> Value:
        """Return the value that belongs to the stream of the request."""
        chosen = C(0)
        for named, value in zip(self.order.is_stream[: len(values)], values, strict=True):
            chosen = Mux(named, value, chosen)
        return chosen
