"""Executor: execute requests one byte at a time, with a time limit for the streams."""

from typing import NamedTuple

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .link_shape import LinkShape
from .ports import BYTE_ADDRESS_WIDTH, REGISTER_BYTES, byte_sink, byte_source, register_bus
from .protocol import COUNT_BYTES, PATIENCE, Command, Status


class _Request(NamedTuple):
    """The decoded header of a request: one-hot command, and the stream that it names."""

    hello: Signal
    read: Signal
    write: Signal
    push: Signal
    pull: Signal
    is_stream: list[Signal]


class _Session(NamedTuple):
    """Whether a HELLO has come, and the sequence number of the last executed request."""

    greeted: Signal
    last_sequence: Signal


class _Moving(NamedTuple):
    """Progress in bytes: moved and left of the request, size and left of the current beat."""

    move: Signal
    moved: Signal
    left: Signal
    beat: Signal
    beat_left: Signal
    last_byte: Signal
    register_byte: Signal


class _Ahead(NamedTuple):
    """Conditions for the next state, compared one cycle ahead."""

    stream_ready: Signal
    enough: Signal
    out_of_patience: Signal
    waited: Signal


class Executor(wiring.Component):
    """Move the bytes of one request between its payload, registers, streams and the response.

    A request with the same sequence number as the one before is not executed; its response is sent
    again. HELLO is always executed. A request that cannot be executed is answered with its status
    and has no effect. A stream may accept or deliver fewer beats than requested: a request ends if
    its stream is not ready for PATIENCE cycles.

    Latency from `received` to `send`: 12 cycles, plus 4 per byte, 3 per beat, 2 if the response is
    a count, and the wait cycles of registers and streams; 9 cycles if the request is refused, 1
    cycle if a response is sent again.

    Parameters
    ----------
    shape : LinkShape

    Members
    -------
    received, sequence_number, command, target, length, address, data : see RequestBuffer
    busy : 1 bit out. A request is being executed or answered.
    write, response_address, response_data, send, status, response_length, sent : see
        ResponseBuffer
    registers : register_bus(), out
    inputs, outputs : byte_sink() and byte_source(), out, one per stream
    """

    def __init__(self, *, shape: LinkShape):
        self.shape = shape
        size = shape.payload_bytes
        super().__init__(
            {
                "received": In(1),
                "sequence_number": In(8),
                "command": In(8),
                "target": In(8),
                "length": In(range(size + 1)),
                "address": Out(range(size)),
                "data": In(8),
                "busy": Out(1),
                "write": Out(1),
                "response_address": Out(range(size)),
                "response_data": Out(8),
                "send": Out(1),
                "status": Out(Status),
                "response_length": Out(range(size + 1)),
                "sent": In(1),
                "registers": Out(register_bus()),
                "inputs": Out(byte_sink()).array(len(shape.input_beats)),
                "outputs": Out(byte_source()).array(len(shape.output_beats)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        request = self._decode(m)
        moving = self._move(m)
        ahead = self._look_ahead(m, request, moving)
        judged = self._judge(m, moving.left, request)
        tally = Signal(8 * COUNT_BYTES)
        session = _Session(
            greeted=Signal(name="greeted"), last_sequence=Signal(8, name="last_sequence")
        )
        self._connect_streams(m, request, moving)
        self._respond(m, request, tally)
        m.d.comb += [
            self.busy.eq(1),
            self.address.eq(moving.moved),
            self.response_address.eq(moving.moved),
            self.registers.address.eq(moving.register_byte),
            self.registers.write_data.eq(self.data),
        ]
        with m.FSM():
            self._count_states(m, request, moving, session)
            self._judging_states(m, request, moving, session, judged)
            self._beat_states(m, request, moving, ahead)
            self._byte_states(m, request, moving)
            self._ending_states(m, request, moving, tally)
        return m

    def _decode(self, m: Module) -> _Request:
        """Decode the header ahead; its fields are stable long before `received`."""
        is_command = {command: Signal(name=f"is_{command.name.lower()}") for command in Command}
        streams = max(len(self.inputs), len(self.outputs))
        is_stream = [Signal(name=f"is_stream_{number}") for number in range(streams)]
        m.d.sync += [signal.eq(self.command == c) for c, signal in is_command.items()]
        m.d.sync += [signal.eq(self.target == n) for n, signal in enumerate(is_stream)]
        named = {command.name.lower(): signal for command, signal in is_command.items()}
        return _Request(**named, is_stream=is_stream)

    def _move(self, m: Module) -> _Moving:
        """Count the bytes that are done and the bytes that are left."""
        size, beats = self.shape.payload_bytes, (*self.shape.input_beats, *self.shape.output_beats)
        longest = max(REGISTER_BYTES, *beats)
        moving = _Moving(
            move=Signal(name="move"),
            moved=Signal(range(size + 1), name="moved"),
            left=Signal(8 * COUNT_BYTES, name="left"),
            beat=Signal(range(longest + 1), name="beat"),
            beat_left=Signal(range(longest + 1), name="beat_left"),
            last_byte=Signal(name="last_byte"),
            register_byte=Signal(BYTE_ADDRESS_WIDTH, name="register_byte"),
        )
        with m.If(moving.move):
            m.d.sync += [
                moving.moved.eq(moving.moved + 1),
                moving.left.eq(moving.left - 1),
                moving.beat_left.eq(moving.beat_left - 1),
                moving.register_byte.eq(moving.register_byte + 1),
            ]
        m.d.sync += moving.last_byte.eq(moving.beat_left == 1)
        return moving

    def _look_ahead(self, m: Module, request: _Request, moving: _Moving) -> _Ahead:
        waited = Signal(range(PATIENCE))
        stream_ready = Signal()
        enough = Signal()
        out_of_patience = Signal()
        rooms = _chosen(request.is_stream, [sink.room for sink in self.inputs])
        available = _chosen(request.is_stream, [source.available for source in self.outputs])
        m.d.sync += [
            stream_ready.eq(Mux(request.push, rooms, available)),
            enough.eq(moving.left >= moving.beat),
            out_of_patience.eq(waited == PATIENCE - 2),
        ]
        return _Ahead(stream_ready, enough, out_of_patience, waited)

    def _judge(self, m: Module, left: Signal, request: _Request) -> Signal:
        """Return the status of a request after HELLO, valid two cycles after `left`.

        `left` is the count in the request, or its length.
        """
        shape = self.shape
        read, write, push, pull = request.read, request.write, request.push, request.pull
        known = request.hello | read | write | push | pull
        fits = Signal()
        whole = Signal()
        end = Signal(len(left))
        in_range = Signal()
        unknown_stream = Signal()
        streams = Mux(push, len(shape.input_beats), len(shape.output_beats))
        writable = self.target >= shape.first_writable
        m.d.sync += [
            fits.eq((self.length == COUNT_BYTES) & (left <= shape.payload_bytes)),
            whole.eq(left[:2] == 0),
            end.eq(self.target + left[2:]),
            in_range.eq((end <= shape.registers) & (read | writable)),
            unknown_stream.eq((push | pull) & (self.target >= streams)),
        ]
        good_length = Mux(read, fits & whole, Mux(write, whole, ~pull | fits))
        status = Mux(unknown_stream, Status.UNKNOWN_STREAM, Status.OK)
        status = Mux((read | write) & ~in_range, Status.BAD_ADDRESS, status)
        status = Mux(~good_length, Status.BAD_LENGTH, status)
        judged = Signal(Status)
        m.d.comb += judged.eq(Mux(known, status, Status.UNKNOWN_COMMAND))
        return judged

    def _connect_streams(self, m: Module, request: _Request, moving: _Moving) -> None:
        for number, sink in enumerate(self.inputs):
            m.d.sync += [
                sink.byte.eq(self.data),
                sink.write.eq(moving.move & request.push & request.is_stream[number]),
                sink.last.eq(moving.last_byte),
            ]
        for number, source in enumerate(self.outputs):
            m.d.sync += [
                source.take.eq(moving.move & request.pull & request.is_stream[number]),
                source.last.eq(moving.last_byte),
            ]

    def _respond(self, m: Module, request: _Request, tally: Signal) -> None:
        """Select the byte that is written to the response."""
        register_data = Signal(8)
        m.d.sync += register_data.eq(self.registers.read_data)
        with m.If(request.hello):
            m.d.comb += self.response_data.eq(self.data)
        with m.Elif(request.read):
            m.d.comb += self.response_data.eq(register_data)
        with m.Elif(request.pull):
            outputs = [source.byte for source in self.outputs]
            m.d.comb += self.response_data.eq(_chosen(request.is_stream, outputs))
        with m.Else():
            m.d.comb += self.response_data.eq(tally[:8])

    def _beat(self, request: _Request) -> Value:
        """Return the bytes that are moved together or not at all."""
        inputs = _chosen(request.is_stream, [C(size) for size in self.shape.input_beats])
        outputs = _chosen(request.is_stream, [C(size) for size in self.shape.output_beats])
        streams = Mux(request.push, inputs, outputs)
        on_streams = request.push | request.pull
        return Mux(request.hello, 1, Mux(on_streams, streams, REGISTER_BYTES))

    def _count_states(
        self, m: Module, request: _Request, moving: _Moving, session: _Session
    ) -> None:
        """Accept a request; its byte count is in its payload, or is its length."""
        repeated = Signal()
        same = self.sequence_number == session.last_sequence
        m.d.sync += repeated.eq(session.greeted & ~request.hello & same)
        with m.State("IDLE"):
            m.d.comb += self.busy.eq(0)
            m.d.sync += moving.moved.eq(0)
            with m.If(self.received):
                with m.If(repeated):
                    m.next = "SEND"
                with m.Else():
                    m.next = "COUNT_LOW"
        with m.State("COUNT_LOW"):
            m.d.sync += [moving.left.eq(self.data), moving.moved.eq(1)]
            m.next = "COUNT_FETCH"
        with m.State("COUNT_FETCH"):
            m.next = "COUNT_WAIT"
        with m.State("COUNT_WAIT"):
            m.next = "COUNT_HIGH"
        with m.State("COUNT_HIGH"):
            m.d.sync += [moving.left[8:].eq(self.data), moving.moved.eq(0)]
            with m.If(~request.read & ~request.pull):
                m.d.sync += moving.left.eq(self.length)
            m.next = "CHECK"

    def _judging_states(
        self, m: Module, request: _Request, moving: _Moving, session: _Session, judged: Signal
    ) -> None:
        """Decide whether the request is executed or refused."""
        with m.State("CHECK"):
            m.next = "COMPARE"
        with m.State("COMPARE"):
            m.next = "JUDGE"
        with m.State("JUDGE"):
            m.d.sync += [
                self.status.eq(Mux(session.greeted | request.hello, judged, Status.NO_HELLO)),
                self.response_length.eq(0),
                session.last_sequence.eq(self.sequence_number),
                session.greeted.eq(session.greeted | request.hello),
                moving.register_byte.eq(Cat(C(0, 2), self.target)),
                moving.beat.eq(self._beat(request)),
            ]
            m.next = "BEGIN"
        with m.State("BEGIN"):
            with m.If(self.status == Status.OK):
                m.next = "BEAT"
            with m.Else():
                m.next = "SEND"

    def _beat_states(self, m: Module, request: _Request, moving: _Moving, ahead: _Ahead) -> None:
        """Move beats while there is one to move and the stream is ready for it."""
        on_stream = request.push | request.pull
        # A stream sees a byte one cycle late, and its readiness is sampled another cycle later.
        with m.State("SETTLE"):
            m.next = "SETTLED"
        with m.State("SETTLED"):
            m.next = "BEAT"
        with m.State("BEAT"):
            m.d.sync += [moving.beat_left.eq(moving.beat), ahead.waited.eq(ahead.waited + 1)]
            given_up = on_stream & ~ahead.stream_ready & ahead.out_of_patience
            with m.If(~ahead.enough | given_up):
                m.d.sync += ahead.waited.eq(0)
                m.next = "END"
            with m.Elif(~request.push & ~request.pull | ahead.stream_ready):
                m.d.sync += ahead.waited.eq(0)
                m.next = "FETCH"

    def _byte_states(self, m: Module, request: _Request, moving: _Moving) -> None:
        """Move the bytes of a beat."""
        with m.State("FETCH"):
            m.next = "WAIT"
        with m.State("WAIT"):
            m.next = "BYTE"
        with m.State("BYTE"):
            m.d.comb += self.registers.read.eq(request.read)
            with m.If(~request.read | self.registers.done):
                m.next = "MOVE"
        with m.State("MOVE"):
            m.d.comb += [
                moving.move.eq(1),
                self.registers.write.eq(request.write),
                self.write.eq(request.hello | request.read | request.pull),
            ]
            with m.If(moving.last_byte):
                m.next = "SETTLE"
            with m.Else():
                m.next = "FETCH"

    def _ending_states(self, m: Module, request: _Request, moving: _Moving, tally: Signal) -> None:
        """Write the byte count if the response has one, and send the response."""
        with m.State("END"):
            m.d.sync += tally.eq(moving.moved)
            with m.If(request.push | request.write):
                m.d.sync += moving.moved.eq(0)
                m.next = "TALLY_LOW"
            with m.Else():
                m.next = "FINISH"
        with m.State("TALLY_LOW"):
            m.d.comb += self.write.eq(1)
            m.d.sync += [tally.eq(tally >> 8), moving.moved.eq(1)]
            m.next = "TALLY_HIGH"
        with m.State("TALLY_HIGH"):
            m.d.comb += self.write.eq(1)
            m.d.sync += moving.moved.eq(2)
            m.next = "FINISH"
        with m.State("FINISH"):
            m.d.sync += self.response_length.eq(moving.moved)
            m.next = "SEND"
        with m.State("SEND"):
            m.d.comb += self.send.eq(1)
            m.next = "SENDING"
        with m.State("SENDING"), m.If(self.sent):
            m.next = "IDLE"


def _chosen(is_stream: list[Signal], values: list) -> Value:
    """Return the value that belongs to the stream in the request."""
    chosen = C(0)
    for named, value in zip(is_stream[: len(values)], values, strict=True):
        chosen = Mux(named, value, chosen)
    return chosen
