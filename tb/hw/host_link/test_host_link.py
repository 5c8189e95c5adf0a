"""HostLink: a request is executed once, or is refused and has no effect."""

from dataclasses import replace

import cocotb
import pytest
from cocotb.triggers import ClockCycles

from benches.coroutines import TIMEOUT, TIMEOUT_NS, parameters
from benches.link import begin, count
from benches.runner import on_simulators
from weft.host_link.host_link import HostLink
from weft.host_link.link_shape import LinkShape
from weft.host_link.protocol import ESCAPE, FLAG, MAX_PAYLOAD_BYTES, PATIENCE, Command, Status

SMALL = LinkShape(
    payload_bytes=16, registers=5, first_writable=3, input_beats=(3, 1), output_beats=(4,)
)
LINKS = {
    "small": SMALL,
    "streams": LinkShape(
        payload_bytes=21,
        registers=9,
        first_writable=9,
        input_beats=(7,),
        output_beats=(1, 2, 21),
    ),
    "registers": LinkShape(
        payload_bytes=64, registers=256, first_writable=0, input_beats=(64,), output_beats=(3,)
    ),
}
LONG = {**TIMEOUT, "timeout_time": 10 * TIMEOUT_NS}


@on_simulators("shape", LINKS)
def test_host_link(simulate, shape):
    coroutines = [
        answers_hello_with_any_bytes,
        refuses_requests_before_hello,
        reads_and_writes_registers,
        pushes_as_many_whole_beats_as_are_taken,
        limits_the_wait_for_each_beat,
        pulls_as_many_whole_beats_as_are_available,
        refuses_what_cannot_be_done,
        executes_a_request_once,
    ]
    simulate(coroutines, HostLink, shape=shape)


def test_impossible_links_are_refused():
    with pytest.raises(ValueError, match=f"payload_bytes must be an integer from 16 to {1 << 15}"):
        replace(SMALL, payload_bytes=MAX_PAYLOAD_BYTES + 1)
    with pytest.raises(ValueError, match=r"registers must be at most 256 .* not 257"):
        replace(SMALL, registers=257)
    for inputs, outputs in (((), (1,)), ((1,), ()), ((17,), (1,)), ((1,), (0,))):
        with pytest.raises(ValueError, match="needs a stream, with beats of 1 to 16 byte"):
            replace(SMALL, input_beats=inputs, output_beats=outputs)


@cocotb.test(**LONG)
async def answers_hello_with_any_bytes(dut):
    bench = await begin(dut)
    source = bench.source
    for size in (0, 1, 2, bench.payload_bytes - 1, bench.payload_bytes):
        payload = bytes(source.choice([FLAG, ESCAPE, source.randrange(256)]) for _ in range(size))
        sequence, target = source.randrange(256), source.randrange(256)
        expected = Status.OK, payload
        assert await bench.request(sequence, Command.HELLO, target, payload) == expected


@cocotb.test(**LONG)
async def refuses_requests_before_hello(dut):
    """Any sequence number gets NO_HELLO, and no request has an effect."""
    bench = await begin(dut, hello=False)
    for sequence in (0, 0, 1, 255):
        for command in (*list(Command)[1:], 77):
            answer = await bench.request(sequence, command, 0, count(4))
            assert answer == (Status.NO_HELLO, b"")
    assert await bench.request(255, Command.HELLO) == (Status.OK, b"")
    assert not bench.registers.writes


@cocotb.test(**LONG)
async def reads_and_writes_registers(dut):
    link = parameters().shape
    payload_bytes, registers = link.payload_bytes, link.registers
    first_writable = link.first_writable
    bench = await begin(dut)
    source = bench.source
    most = min(payload_bytes // 4, 12)
    spans = [(0, 0), (0, 1), (registers - 1, 1), (registers, 0)]
    for _ in range(4):
        address = source.randrange(registers)
        spans.append((address, source.randint(1, min(most, registers - address))))
    for sequence, (address, words) in enumerate(spans, start=1):
        if address > 255:
            continue
        expected = bytes(bench.registers.bytes[4 * address : 4 * (address + words)])
        answer = await bench.request(sequence, Command.READ, address, count(4 * words))
        assert answer == (Status.OK, expected), f"{words} registers from {address} on"
    for sequence, (address, words) in enumerate(spans, start=100):
        if not first_writable <= address <= 255:
            continue
        written = source.randbytes(4 * words)
        answer = await bench.request(sequence, Command.WRITE, address, written)
        assert answer == (Status.OK, count(4 * words))
        assert bench.registers.writes == [(4 * address + i, b) for i, b in enumerate(written)]
        bench.registers.writes.clear()


@cocotb.test(**LONG)
async def pushes_as_many_whole_beats_as_are_taken(dut):
    """The sink takes all, some or no beats; bytes of an incomplete beat are left."""
    bench = await begin(dut)
    sequence = 0
    for number, sink in enumerate(bench.sinks):
        whole = bench.payload_bytes // sink.size
        for places in {0, 1, whole - 1, whole, whole + 1}:
            for offered in {0, sink.size, sink.size - 1, bench.payload_bytes}:
                sequence += 1
                sink.beats.clear()
                sink.places = places
                await ClockCycles(dut.clk, 3)
                payload = bench.source.randbytes(offered)
                status, taken = await bench.request(sequence, Command.PUSH, number, payload)
                beats = min(places, offered // sink.size)
                assert (status, taken) == (Status.OK, count(beats * sink.size))
                assert b"".join(sink.beats) == payload[: beats * sink.size]


@cocotb.test(**LONG)
async def limits_the_wait_for_each_beat(dut):
    """A stream within the time limit takes all beats; one beyond it takes none."""
    bench = await begin(dut)
    sink = bench.sinks[0]
    payload = bench.source.randbytes(bench.payload_bytes // sink.size * sink.size)
    for sequence, (pace, taken) in enumerate(((PATIENCE - 20, len(payload)), (3000, 0)), start=1):
        sink.beats.clear()
        # Zero places first, so that the pace applies to the first beat too.
        sink.places = 0
        await ClockCycles(dut.clk, 3)
        sink.pace, sink.places = pace, 1 << 30
        answer = await bench.request(sequence, Command.PUSH, 0, payload)
        assert answer == (Status.OK, count(taken))
        assert b"".join(sink.beats) == payload[:taken]


@cocotb.test(**LONG)
async def pulls_as_many_whole_beats_as_are_available(dut):
    bench = await begin(dut)
    sequence = 0
    for number, origin in enumerate(bench.origins):
        whole = bench.payload_bytes // origin.size
        for there in {0, 1, min(whole, 9), min(whole + 1, 10)}:
            for most in {0, origin.size, origin.size - 1, bench.payload_bytes}:
                sequence += 1
                beats = [bench.source.randbytes(origin.size) for _ in range(there)]
                origin.beats.extend(beats)
                status, payload = await bench.request(sequence, Command.PULL, number, count(most))
                left = len(origin.beats)
                given = min(there, most // origin.size)
                assert (status, left) == (Status.OK, there - given)
                assert payload == b"".join(beats[:given])
                rest = b""
                while origin.beats:
                    sequence += 1
                    most = bench.payload_bytes
                    rest += (await bench.request(sequence, Command.PULL, number, count(most)))[1]
                assert rest == b"".join(beats[given:])


def wrong_requests(link: LinkShape) -> list[tuple[Status, int, int, bytes]]:
    """Return wrong requests of every kind: expected status, command, target, payload."""
    payload_bytes, registers = link.payload_bytes, link.registers
    first_writable = link.first_writable
    word = bytes(4)
    wrong = [(Status.UNKNOWN_COMMAND, command, 0, count(4)) for command in (0, 6, 0x81, 255)]
    for bad in (
        b"",
        b"\4",
        count(4) + b"\0",
        count(3),
        count(5),
        count(payload_bytes // 4 * 4 + 4),
    ):
        wrong.append((Status.BAD_LENGTH, Command.READ, 0, bad))
    for bad in (b"", b"\4", count(0) + b"\0", count(payload_bytes + 1), count(0xFFFF)):
        wrong.append((Status.BAD_LENGTH, Command.PULL, 0, bad))
    for bad in (b"\0", word + b"\0", bytes(3)):
        wrong.append((Status.BAD_LENGTH, Command.WRITE, first_writable % 256, bad))
    if registers < 256:
        wrong.append((Status.BAD_ADDRESS, Command.READ, registers, count(4)))
        wrong.append((Status.BAD_ADDRESS, Command.READ, 255, count(8)))
        wrong.append((Status.BAD_ADDRESS, Command.WRITE, registers, word))
    wrong.append((Status.BAD_ADDRESS, Command.READ, registers - 1, count(8)))
    wrong.append((Status.BAD_ADDRESS, Command.WRITE, registers - 1, 2 * word))
    if first_writable:
        wrong.append((Status.BAD_ADDRESS, Command.WRITE, first_writable - 1, word))
        wrong.append((Status.BAD_ADDRESS, Command.WRITE, 0, word))
    for target in (len(link.input_beats), 255):
        wrong.append((Status.UNKNOWN_STREAM, Command.PUSH, target, bytes(payload_bytes)))
    for target in (len(link.output_beats), 255):
        wrong.append((Status.UNKNOWN_STREAM, Command.PULL, target, count(1)))
    return wrong


@cocotb.test(**LONG)
async def refuses_what_cannot_be_done(dut):
    """Each wrong request gets its status and has no effect; a correct request after it works."""
    bench = await begin(dut)
    for origin in bench.origins:
        origin.beats.append(bytes(origin.size))
    sequence = 0
    for status, command, target, payload in wrong_requests(parameters().shape):
        sequence += 2
        answer = await bench.request(sequence, command, target, payload)
        assert answer == (status, b""), f"{command} {target} {payload.hex()}"
        answer = await bench.request(sequence + 1, Command.READ, 0, count(4))
        assert answer == (Status.OK, bytes(bench.registers.bytes[:4]))
    assert not bench.registers.writes
    assert not any(sink.beats for sink in bench.sinks)
    assert all(len(origin.beats) == 1 for origin in bench.origins)


@cocotb.test(**LONG)
async def executes_a_request_once(dut):
    """A repeated request gets the same answer without effect; HELLO sets the sequence number."""
    bench = await begin(dut)
    sink, origin = bench.sinks[0], bench.origins[0]
    beat = bench.source.randbytes(sink.size)
    beats = [bench.source.randbytes(origin.size) for _ in range(3)]
    origin.beats.extend(beats)
    for _ in range(3):
        answer = await bench.request(1, Command.PUSH, 0, beat)
        assert answer == (Status.OK, count(sink.size))
    assert sink.beats == [beat]
    for sequence in (2, 3, 3, 3, 4, 4):
        answer = await bench.request(sequence, Command.PULL, 0, count(origin.size))
        assert answer == (Status.OK, beats[sequence - 2])
    # The sequence number alone identifies a repeated request.
    answer = await bench.request(4, Command.READ, 0, count(4))
    assert answer == (Status.OK, beats[2])
    for status in (Status.UNKNOWN_COMMAND, Status.UNKNOWN_COMMAND):
        assert await bench.request(5, 99, 0, b"") == (status, b"")
    for greeting in (b"a", b"b"):
        assert await bench.request(5, Command.HELLO, 0, greeting) == (Status.OK, greeting)
    assert await bench.request(5, Command.PUSH, 0, beat) == (Status.OK, b"b")
    assert await bench.request(4, Command.PUSH, 0, beat) == (Status.OK, count(sink.size))
    assert sink.beats == [beat, beat]
