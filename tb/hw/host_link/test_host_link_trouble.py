"""HostLink: trouble at any time has no effect, and the next request is answered."""

import cocotb

from benches.coroutines import TIMEOUT, TIMEOUT_NS, parameters, read, reset, tick
from benches.link import LinkBench, begin, count, request
from benches.runner import on_simulators
from weft.host_link.host_link import HostLink
from weft.host_link.link_shape import LinkShape
from weft.host_link.protocol import ESCAPE, FLAG, PATIENCE, Command, Status
from weft_sim.board.frames import encode

LONG = {**TIMEOUT, "timeout_time": 30 * TIMEOUT_NS}
LINK = LinkShape(
    payload_bytes=16, registers=5, first_writable=3, input_beats=(3, 1), output_beats=(4,)
)


@on_simulators("shape", {"": LINK})
def test_host_link_trouble(simulate, shape):
    coroutines = [
        ignores_bytes_before_the_first_flag,
        drops_and_counts_broken_frames,
        ignores_bytes_while_it_answers,
        answers_hello_after_any_bytes,
        answers_hello_after_any_reset,
    ]
    simulate(coroutines, HostLink, shape=shape)


@cocotb.test(**LONG)
async def ignores_bytes_before_the_first_flag(dut):
    """After a reset in the middle of a frame, the rest of it is ignored and not counted."""
    bench = await begin(dut, hello=False)
    frame = encode(request(1, Command.HELLO, 0, b"x"))
    await bench.send(frame[1:])
    await bench.no_answer()
    assert read(dut, "broken_frames") == 0
    await bench.send(frame[1:])
    assert await bench.answer() == bytes([1, Status.OK.value]) + b"x"


@cocotb.test(**LONG)
async def drops_and_counts_broken_frames(dut):
    """Each broken frame is counted; the request after it is executed."""
    bench = await begin(dut)
    sink = bench.sinks[0]
    frame = encode(request(9, Command.PUSH, 0, bytes(sink.size)))
    too_long = encode(request(9, Command.HELLO, 0, bytes(bench.payload_bytes + 1)))
    much_too_long = encode(request(9, Command.HELLO, 0, bytes(3 * bench.payload_bytes)))
    troubles = {
        "garbage": b"garbage",
        "cut at the end": frame[:-2],
        "cut in the header": frame[:3],
        "flag and escape": bytes([FLAG, ESCAPE]),
        "no header": encode(b"")[:-1],
        "half a header": encode(bytes([9, Command.PUSH.value]))[:-1],
        "too long": too_long[:-1],
        "much too long": much_too_long[:-1],
        "wrong check": frame[:-2] + bytes([frame[-2] ^ 0x40]),
        "aborted": frame[:-1] + bytes([ESCAPE]),
    }
    for sequence, (trouble, raw) in enumerate(troubles.items(), start=10):
        broken = read(dut, "broken_frames")
        await bench.send(raw)
        await bench.send(bytes([FLAG]))
        await bench.no_answer()
        assert read(dut, "broken_frames") == broken + 1, f"{trouble} was not counted"
        answer = await bench.request(sequence, Command.READ, 0, count(4))
        assert answer == (Status.OK, bytes(bench.registers.bytes[:4])), trouble
    broken = read(dut, "broken_frames")
    await bench.send(frame[:6])
    dut.line_error.value = 1
    await tick(dut)
    dut.line_error.value = 0
    await bench.send(frame[6:])
    await bench.no_answer()
    assert read(dut, "broken_frames") == broken + 1
    assert not sink.beats


@cocotb.test(**LONG)
async def ignores_bytes_while_it_answers(dut):
    """Bytes during an answer change nothing, and neither they nor their rest become a frame."""
    bench = await begin(dut)
    long = bench.source.randbytes(min(bench.payload_bytes, 50))
    noise = encode(request(7, Command.WRITE, parameters().shape.first_writable % 256, bytes(4)))
    for cut in (3, len(noise) - 1, len(noise)):
        broken = read(dut, "broken_frames")
        await bench.send(encode(request(3, Command.HELLO, 0, long)))
        await bench.send(noise[:cut])
        answer = await bench.answer()
        assert answer == bytes([3, Status.OK.value]) + long
        await bench.send(noise[cut:])
        await bench.no_answer()
        assert read(dut, "broken_frames") == broken
    assert await bench.request(8, Command.HELLO, 0, b"x") == (Status.OK, b"x")
    assert not bench.registers.writes


@cocotb.test(**LONG)
async def answers_hello_after_any_bytes(dut):
    """Random bytes and corrupted requests come at any time and without a pause."""
    bench = await begin(dut)
    source = bench.source
    for turn in range(25):
        for sink in bench.sinks:
            sink.places = source.choice([0, 2, 1 << 30])
        raw = bytearray()
        for _ in range(source.randrange(4)):
            command = source.choice([*[c.value for c in Command], source.randrange(256)])
            payload = source.randbytes(source.choice([0, 2, 4, source.randrange(20)]))
            frame = encode(
                request(source.randrange(256), command, source.choice([0, 1, 3, 255]), payload)
            )
            for _ in range(source.randrange(3)):
                at = source.randrange(len(frame))
                frame = frame[:at] + source.randbytes(source.randrange(3)) + frame[at + 1 :]
            raw += frame
        raw += bytes(source.choice([FLAG, ESCAPE, source.randrange(256)]) for _ in range(turn % 9))
        await bench.send(bytes(raw))
        await bench.resynchronize()


@cocotb.test(**LONG)
async def answers_hello_after_any_reset(dut):
    """A reset during a request, its execution or its answer leaves no trace of it."""
    bench = await begin(dut)
    for _ in range(20):
        source = bench.source
        long = source.randbytes(bench.payload_bytes)
        frame = encode(request(3, source.choice([Command.HELLO, Command.PUSH]), 0, long))
        sending = cocotb.start_soon(bench.send(frame))
        for _ in range(source.randrange(2 * len(frame) * 9 + 2 * PATIENCE)):
            await tick(dut)
        sending.cancel()
        bench.task.cancel()
        dut.received__valid.value = 0
        await reset(dut)
        bench = LinkBench(dut, source, parameters().shape)
        answer = await bench.request(3, Command.READ, 0, count(4))
        assert answer == (Status.NO_HELLO, b""), "a request was remembered"
        assert await bench.request(3, Command.HELLO, 0, b"x") == (Status.OK, b"x")
        assert read(dut, "broken_frames") == 0
