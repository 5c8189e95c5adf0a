"""Executor: every request takes exactly the stated number of cycles."""

import cocotb

from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.link import count
from benches.runner import on_simulators
from weft.host_link.executor import Executor
from weft.host_link.link_shape import LinkShape
from weft.host_link.protocol import PATIENCE, Command, Status

SHAPES = {
    "small": LinkShape(
        payload_bytes=16, registers=5, first_writable=3, input_beats=(3, 1), output_beats=(4,)
    ),
    "large": LinkShape(
        payload_bytes=1024, registers=256, first_writable=0, input_beats=(7,), output_beats=(1, 9)
    ),
}
# Cycles before `received` from which on the fields of a request are stable.
STABLE = 5
TO_SEND, PER_BYTE, PER_BEAT, OF_COUNT = 6, 4, 3, 2
REFUSED, REPEATED = 2, 1


@on_simulators("shape", SHAPES)
def test_executor(simulate, shape):
    simulate([takes_the_stated_cycles, gives_up_after_the_stated_cycles], Executor, shape=shape)


class Requests:
    """Sends requests to an Executor whose registers and streams are always ready."""

    def __init__(self, dut, source):
        self.dut, self.source = dut, source
        self.sequence = source.randrange(256)
        dut.registers__done.value = 1
        self.streams_are_ready(True)

    def streams_are_ready(self, ready: bool):
        shape = parameters().shape
        for number in range(len(shape.input_beats)):
            getattr(self.dut, f"inputs__{number}__room").value = int(ready)
        for number in range(len(shape.output_beats)):
            getattr(self.dut, f"outputs__{number}__available").value = int(ready)

    async def answer(
        self, command: Command, target: int, payload: bytes, *, repeat: bool = False
    ) -> tuple[Status, int, int]:
        """Return the status, the length of the response, and the cycles until `send`."""
        self.sequence = (self.sequence + (not repeat)) % 256
        dut = self.dut
        dut.sequence_number.value = self.sequence
        dut.command.value = command.value
        dut.target.value = target
        dut.length.value = len(payload)
        dut.requested.value = int.from_bytes((payload + b"\xee\xee")[:2], "little")
        for _ in range(STABLE):
            await tick(dut)
            assert not read(dut, "busy")
        dut.received.value = 1
        await tick(dut)
        dut.received.value = 0
        cycles = 0
        while not read(dut, "send"):
            await tick(dut)
            cycles += 1
            assert read(dut, "busy"), f"not busy {cycles} cycles after `received`"
        answer = Status(read(dut, "status")), read(dut, "response_length"), cycles
        for _ in range(self.source.randrange(1, 9)):
            await tick(dut)
        dut.sent.value = 1
        await tick(dut)
        dut.sent.value = 0
        await tick(dut)
        return answer


async def begin(dut) -> Requests:
    """Return the source of requests, after a HELLO."""
    await start(dut)
    requests = Requests(dut, randomness())
    assert await requests.answer(Command.HELLO, 0, b"") == (Status.OK, 0, TO_SEND)
    return requests


@cocotb.test(**TIMEOUT)
async def takes_the_stated_cycles(dut):
    """Fields that were stable for just long enough are judged correctly, and at once."""
    shape = parameters().shape
    requests = await begin(dut)
    source = requests.source
    most = min(shape.payload_bytes, 40)
    kinds = [
        (Command.HELLO, 0, 1),
        (Command.READ, 0, 4),
        (Command.WRITE, shape.first_writable, 4),
        *[(Command.PUSH, target, beat) for target, beat in enumerate(shape.input_beats)],
        *[(Command.PULL, target, beat) for target, beat in enumerate(shape.output_beats)],
    ]
    for _ in range(40):
        command, target, beat = source.choice(kinds)
        beats = source.randrange(min(most // beat, 2 if command is Command.WRITE else 99) + 1)
        moved = beats * beat
        counted = command in (Command.PUSH, Command.WRITE)
        payload = count(moved) if command in (Command.READ, Command.PULL) else bytes(moved)
        cycles = TO_SEND + PER_BYTE * moved + PER_BEAT * beats + OF_COUNT * counted
        expected = Status.OK, 2 if counted else moved
        answer = await requests.answer(command, target, payload)
        assert answer == (*expected, cycles), f"{command}, {beats} beats"
        if command is not Command.HELLO:
            answer = await requests.answer(command, target, payload, repeat=True)
            assert answer == (*expected, REPEATED)
        wrong = source.choice(
            [
                (Status.BAD_LENGTH, Command.READ, 0, b"\4"),
                (Status.BAD_LENGTH, Command.PULL, 0, count(shape.payload_bytes + 1)),
                (Status.BAD_ADDRESS, Command.READ, shape.registers - 1, count(8)),
                (Status.UNKNOWN_STREAM, Command.PUSH, len(shape.input_beats), b""),
            ]
        )
        status, *refused = wrong
        assert await requests.answer(*refused) == (status, 0, REFUSED)


@cocotb.test(**TIMEOUT)
async def gives_up_after_the_stated_cycles(dut):
    """The last of PATIENCE cycles in which the stream is not ready ends the request."""
    shape = parameters().shape
    requests = await begin(dut)
    requests.streams_are_ready(False)
    cycles = TO_SEND + PATIENCE - 1
    beat = shape.input_beats[0]
    answer = await requests.answer(Command.PUSH, 0, bytes(beat))
    assert answer == (Status.OK, 2, cycles + OF_COUNT)
    beat = shape.output_beats[0]
    assert await requests.answer(Command.PULL, 0, count(beat)) == (Status.OK, 0, cycles)
