"""Executor: does what a request asks for, a byte at a time, and never waits without end."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .ports import BYTE_ADDRESS_WIDTH, REGISTER_BYTES, byte_sink, byte_source, register_bus
from .protocol import COUNT_BYTES, PATIENCE, Command, Status


class Executor(wiring.Component):
    """Move the bytes of one request between its payload, registers, streams and the response.

    A request of the same sequence as the one before is not executed; the response that is there
    goes out again. HELLO always is. A request that cannot be done as a whole is answered with its
    status and has no effect, except that a stream may take or give fewer beats than asked for: one
    that keeps PATIENCE cycles waiting ends the request.

    Latency: from `received` to `send` 12 cycles, 4 for each byte, 3 for each beat, 2 where a count
    is answered, and what registers and streams keep waiting; 9 where a request is refused, 1 where
    a response goes out again.

    Parameters
    ----------
    payload_bytes : int
        Most bytes of a payload.
    registers, first_writable : int
        Registers are 0 .. registers - 1; from first_writable on they can be written.
    input_beats, output_beats : tuple of int
        Bytes of a beat of each stream.

    Members
    -------
    received, sequence_number, command, target, length, address, data : the RequestBuffer's
    busy : 1 bit out. A request is worked on or answered.
    write, response_address, response_data, send, status, response_length, sent : the
        ResponseBuffer's
    registers : register_bus(), out
    inputs, outputs : byte_sink() and byte_source(), out, one for each stream
    """

    def __init__(
        self,
        payload_bytes: int,
        registers: int,
        first_writable: int,
        input_beats: tuple[int, ...],
        output_beats: tuple[int, ...],
    ):
        self.payload_bytes = payload_bytes
        self.register_count = registers
        self.first_writable = first_writable
        self.input_beats = input_beats
        self.output_beats = output_beats
        super().__init__(
            {
                "received": In(1),
                "sequence_number": In(8),
                "command": In(8),
                "target": In(8),
                "length": In(range(payload_bytes + 1)),
                "address": Out(range(payload_bytes)),
                "data": In(8),
                "busy": Out(1),
                "write": Out(1),
                "response_address": Out(range(payload_bytes)),
                "response_data": Out(8),
                "send": Out(1),
                "status": Out(Status),
                "response_length": Out(range(payload_bytes + 1)),
                "sent": In(1),
                "registers": Out(register_bus()),
                "inputs": Out(byte_sink()).array(len(input_beats)),
                "outputs": Out(byte_source()).array(len(output_beats)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        longest = max(REGISTER_BYTES, *self.input_beats, *self.output_beats)
        is_command = {command: Signal(name=f"is_{command.name.lower()}") for command in Command}
        streams = max(len(self.inputs), len(self.outputs))
        is_stream = [Signal(name=f"is_stream_{number}") for number in range(streams)]
        # Header fields stand still long before `received`: what they select is decoded ahead.
        m.d.sync += [signal.eq(self.command == c) for c, signal in is_command.items()]
        m.d.sync += [signal.eq(self.target == n) for n, signal in enumerate(is_stream)]
        hello, read, write, push, pull = (is_command[command] for command in Command)

        last_sequence = Signal(8)
        greeted = Signal()
        # Bytes done and still to do.
        moved = Signal(range(self.payload_bytes + 1))
        left = Signal(8 * COUNT_BYTES)
        beat = Signal(range(longest + 1))
        beat_left = Signal(range(longest + 1))
        last_byte = Signal()
        tally = Signal(8 * COUNT_BYTES)
        repeated = Signal()
        register_byte = Signal(BYTE_ADDRESS_WIDTH)
        register_data = Signal(8)
        waited = Signal(range(PATIENCE))
        m.d.comb += [
            self.busy.eq(1),
            self.address.eq(moved),
            self.response_address.eq(moved),
        ]
        move = Signal()
        with m.If(move):
            m.d.sync += [
                moved.eq(moved + 1),
                left.eq(left - 1),
                beat_left.eq(beat_left - 1),
                register_byte.eq(register_byte + 1),
            ]
        self._connect_streams(m, push, pull, move, last_byte, is_stream)
        stream_ready = Signal()
        enough = Signal()
        out_of_patience = Signal()
        # What a state decides on is compared ahead of it.
        m.d.sync += [
            repeated.eq(greeted & ~hello & (self.sequence_number == last_sequence)),
            last_byte.eq(beat_left == 1),
            register_data.eq(self.registers.read_data),
            stream_ready.eq(self._stream_ready(push, is_stream)),
            enough.eq(left >= beat),
            out_of_patience.eq(waited == PATIENCE - 2),
        ]
        judged = self._judge(m, left, is_command)

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.busy.eq(0)
                m.d.sync += moved.eq(0)
                with m.If(self.received):
                    with m.If(repeated):
                        m.next = "SEND"
                    with m.Else():
                        m.next = "COUNT_LOW"
            with m.State("COUNT_LOW"):
                m.d.sync += [left.eq(self.data), moved.eq(1)]
                m.next = "COUNT_FETCH"
            with m.State("COUNT_FETCH"):
                m.next = "COUNT_WAIT"
            with m.State("COUNT_WAIT"):
                m.next = "COUNT_HIGH"
            with m.State("COUNT_HIGH"):
                m.d.sync += [left[8:].eq(self.data), moved.eq(0)]
                with m.If(~read & ~pull):
                    m.d.sync += left.eq(self.length)
                m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "COMPARE"
            with m.State("COMPARE"):
                m.next = "JUDGE"
            with m.State("JUDGE"):
                m.d.sync += [
                    self.status.eq(Mux(greeted | hello, judged, Status.NO_HELLO)),
                    self.response_length.eq(0),
                    last_sequence.eq(self.sequence_number),
                    greeted.eq(greeted | hello),
                    register_byte.eq(Cat(C(0, 2), self.target)),
                    beat.eq(self._beat(is_command, is_stream)),
                ]
                m.next = "BEGIN"
            with m.State("BEGIN"):
                with m.If(self.status == Status.OK):
                    m.next = "BEAT"
                with m.Else():
                    m.next = "SEND"
            # A stream sees a byte a cycle late, and what it is ready for is known a cycle later.
            with m.State("SETTLE"):
                m.next = "SETTLED"
            with m.State("SETTLED"):
                m.next = "BEAT"
            with m.State("BEAT"):
                m.d.sync += [beat_left.eq(beat), waited.eq(waited + 1)]
                with m.If(~enough | ((push | pull) & ~stream_ready & out_of_patience)):
                    m.d.sync += waited.eq(0)
                    m.next = "END"
                with m.Elif(~push & ~pull | stream_ready):
                    m.d.sync += waited.eq(0)
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.next = "WAIT"
            with m.State("WAIT"):
                m.next = "BYTE"
            with m.State("BYTE"):
                m.d.comb += self.registers.read.eq(read)
                with m.If(~read | self.registers.done):
                    m.next = "MOVE"
            with m.State("MOVE"):
                m.d.comb += [
                    move.eq(1),
                    self.registers.write.eq(write),
                    self.write.eq(hello | read | pull),
                ]
                with m.If(last_byte):
                    m.next = "SETTLE"
                with m.Else():
                    m.next = "FETCH"
            with m.State("END"):
                m.d.sync += tally.eq(moved)
                with m.If(push | write):
                    m.d.sync += moved.eq(0)
                    m.next = "TALLY_LOW"
                with m.Else():
                    m.next = "FINISH"
            with m.State("TALLY_LOW"):
                m.d.comb += self.write.eq(1)
                m.d.sync += [tally.eq(tally >> 8), moved.eq(1)]
                m.next = "TALLY_HIGH"
            with m.State("TALLY_HIGH"):
                m.d.comb += self.write.eq(1)
                m.d.sync += moved.eq(2)
                m.next = "FINISH"
            with m.State("FINISH"):
                m.d.sync += self.response_length.eq(moved)
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += self.send.eq(1)
                m.next = "SENDING"
            with m.State("SENDING"), m.If(self.sent):
                m.next = "IDLE"

        with m.If(hello):
            m.d.comb += self.response_data.eq(self.data)
        with m.Elif(read):
            m.d.comb += self.response_data.eq(register_data)
        with m.Elif(pull):
            m.d.comb += self.response_data.eq(_chosen(is_stream, [s.byte for s in self.outputs]))
        with m.Else():
            m.d.comb += self.response_data.eq(tally[:8])
        m.d.comb += [
            self.registers.address.eq(register_byte),
            self.registers.write_data.eq(self.data),
        ]
        return m

    def _connect_streams(self, m, push, pull, move, last, is_stream) -> None:
        for number, sink in enumerate(self.inputs):
            m.d.sync += [
                sink.byte.eq(self.data),
                sink.write.eq(move & push & is_stream[number]),
                sink.last.eq(last),
            ]
        for number, source in enumerate(self.outputs):
            m.d.sync += [
                source.take.eq(move & pull & is_stream[number]),
                source.last.eq(last),
            ]

    def _stream_ready(self, push, is_stream) -> Value:
        rooms = _chosen(is_stream, [sink.room for sink in self.inputs])
        available = _chosen(is_stream, [source.available for source in self.outputs])
        return Mux(push, rooms, available)

    def _beat(self, is_command, is_stream) -> Value:
        """Bytes that are moved together, or not at all."""
        inputs = _chosen(is_stream, [C(size) for size in self.input_beats])
        outputs = _chosen(is_stream, [C(size) for size in self.output_beats])
        streams = Mux(is_command[Command.PUSH], inputs, outputs)
        on_streams = is_command[Command.PUSH] | is_command[Command.PULL]
        return Mux(is_command[Command.HELLO], 1, Mux(on_streams, streams, REGISTER_BYTES))

    def _judge(self, m, left, is_command) -> Signal:
        """Whether a greeted request can be done, two cycles after `left` is known.

        `left` is the count that it gives, or its length.
        """
        read, write, push, pull = (is_command[c] for c in Command if c != Command.HELLO)
        known = Cat(*is_command.values()).any()
        fits = Signal()
        whole = Signal()
        end = Signal(len(left))
        in_range = Signal()
        unknown_stream = Signal()
        streams = Mux(push, len(self.input_beats), len(self.output_beats))
        writable = self.target >= self.first_writable
        m.d.sync += [
            fits.eq((self.length == COUNT_BYTES) & (left <= self.payload_bytes)),
            whole.eq(left[:2] == 0),
            end.eq(self.target + left[2:]),
            in_range.eq((end <= self.register_count) & (read | writable)),
            unknown_stream.eq((push | pull) & (self.target >= streams)),
        ]
        good_length = Mux(read, fits & whole, Mux(write, whole, ~pull | fits))
        status = Mux(unknown_stream, Status.UNKNOWN_STREAM, Status.OK)
        status = Mux((read | write) & ~in_range, Status.BAD_ADDRESS, status)
        status = Mux(~good_length, Status.BAD_LENGTH, status)
        judged = Signal(Status)
        m.d.comb += judged.eq(Mux(known, status, Status.UNKNOWN_COMMAND))
        return judged


def _chosen(is_stream: list[Signal], values: list) -> Value:
    """The value of the stream that the request names."""
    chosen = C(0)
    for named, value in zip(is_stream[: len(values)], values, strict=True):
        chosen = Mux(named, value, chosen)
    return chosen
