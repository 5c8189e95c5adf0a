"""MatrixUnitHost: the whole board design, driven through its serial pins only."""

from collections import deque

import cocotb
import numpy as np
import pytest
from cocotb.triggers import Timer

from benches.coroutines import (
    TIMEOUT,
    TIMEOUT_NS,
    compare,
    parameters,
    randomness,
    read,
)
from benches.link import count, request
from benches.products import draw_matrix
from benches.runner import on_simulators
from benches.serial_pins import SerialPins
from weft.host_link import MatrixUnitHost
from weft.host_link.beat_formats import RESULTS, WEIGHTS, result_beat
from weft.host_link.protocol import Command
from weft.host_link.registers import (
    ADDRESSES,
    CLEAR_ERRORS_BIT,
    REGISTERS,
    RESET_BIT,
    SNAPSHOT,
    SNAPSHOT_REGISTERS,
    HostParameters,
    constants,
    decode_parameter,
    encode_parameter,
)
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft.parameters import parameters_of
from weft_model.reference import matmul
from weft_model.schedule import Schedule
from weft_sim.board.frames import encode
from weft_sim.board.segments import segments

PAYLOAD_BYTES = 64
LONG = {**TIMEOUT, "timeout_time": 20 * TIMEOUT_NS}


CONFIG = MatrixUnitConfig(
    rows=3,
    columns=2,
    activation="uint5",  # type: ignore[arg-type]
    weight="int16",  # type: ignore[arg-type]
    accumulator_width=48,
    accumulator_depth=8,
)


@on_simulators("cycles_per_bit", {"": 5})
def test_matrix_unit_host(simulate, cycles_per_bit):
    coroutines = [
        identifies_itself,
        computes_products,
        counts_every_cycle_once,
        shows_and_clears_errors,
        drops_and_counts_broken_frames,
        works_as_new_after_a_reset_of_the_unit,
    ]
    simulate(
        coroutines,
        MatrixUnitHost,
        config=CONFIG,
        cycles_per_bit=cycles_per_bit,
        clock_hz=12_000_000,
        payload_bytes=PAYLOAD_BYTES,
    )


def test_parameters_survive_their_encoding():
    config = MatrixUnitConfig(rows=3, activation="uint5", weight="int16")  # type: ignore[arg-type]
    for name, known in parameters_of(MatrixUnitConfig).items():
        value = getattr(config, name)
        assert decode_parameter(known, encode_parameter(known, value)) == value


def test_impossible_parameters_are_refused():
    config = MatrixUnitConfig(rows=2, columns=16)
    for wrong, sentence in {
        (3, 1, 1024): "cycles_per_bit must be an integer of at least 4, not 3",
        (4, 0, 1024): r"clock_hz must be an integer from 1 to 2\*\*32-1, not 0",
        (4, 1, 8): "payload_bytes must be an integer from 16 to 32768, not 8",
        (4, 1, 64): "payload_bytes must be at least 65, the largest beat of this unit, not 64",
    }.items():
        with pytest.raises(ValueError, match=sentence):
            cycles_per_bit, clock_hz, payload_bytes = wrong
            HostParameters(
                config=config,
                cycles_per_bit=cycles_per_bit,
                clock_hz=clock_hz,
                payload_bytes=payload_bytes,
            )


class Pins(SerialPins):
    """A host that computes products with the unit."""

    def __init__(self, dut):
        super().__init__(dut)
        self.config = parameters().config

    async def control(self, bit: int):
        await self.write_word(ADDRESSES["control"], 1 << bit)

    async def counters(self) -> list[int]:
        _, *counters = await self.read_words(SNAPSHOT, SNAPSHOT_REGISTERS)
        return counters

    async def compute(self, source, requests: int = 1 << 30) -> bool:
        """Compute and check a random product; return False if it takes more than `requests`."""
        config = self.config
        m, k, n = source.randint(2, 4), source.randint(4, 6), source.randint(1, 3)
        a = draw_matrix(source, config.activation_port.lane, (m, k))
        b = draw_matrix(source, config.weight_port.lane, (k, n))
        schedule = Schedule.of(config, a, b)
        beat = result_beat(config)
        received = b""
        work = deque(segments(schedule, a, b))
        rows = m * schedule.n_tiles
        while len(received) < rows * beat.itemsize:
            requests -= 2
            if requests < 0:
                return False
            if work:
                segment = work[0]
                offer = segment.offer(PAYLOAD_BYTES, 1 << 30)
                taken = await self.request(Command.PUSH, segment.stream, offer)
                segment.take(int.from_bytes(taken, "little"))
                if segment.finished:
                    work.popleft()
            received += await self.request(Command.PULL, RESULTS, count(PAYLOAD_BYTES))
        results = np.frombuffer(received, beat)
        assert results["end"].tolist() == [0] * (rows - 1) + [1]
        compare("Z", schedule.gather(results["lanes"]), matmul(config, a, b))
        return True


async def begin(dut) -> Pins:
    pins = Pins(dut)
    await pins.begin()
    return pins


@cocotb.test(**LONG)
async def identifies_itself(dut):
    pins = await begin(dut)
    expected = constants(HostParameters(**vars(parameters())))
    step = PAYLOAD_BYTES // 4
    for address in range(0, len(REGISTERS), step):
        words = await pins.read_words(address, min(step, len(REGISTERS) - address))
        for register, word, constant in zip(
            REGISTERS[address:], words, expected[address:], strict=False
        ):
            assert word == constant or not register.constant, register.name


@cocotb.test(**LONG)
async def computes_products(dut):
    pins = await begin(dut)
    source = randomness()
    for _ in range(2):
        assert await pins.compute(source)
    assert not read(dut, "error")


@cocotb.test(**LONG)
async def counts_every_cycle_once(dut):
    """Each snapshot is consistent, and counters never decrease from one to the next."""
    pins = await begin(dut)
    before = [0] * len(await pins.counters())
    for _ in range(2):
        await pins.compute(randomness(), 6)
        total, *parts = await pins.counters()
        assert total == sum(parts)
        assert all(now >= then for now, then in zip([total, *parts], before, strict=True))
        before = [total, *parts]


@cocotb.test(**LONG)
async def shows_and_clears_errors(dut):
    """Errors are in the register and at the pin."""
    pins = await begin(dut)
    rows = pins.config.rows
    beat = bytearray(PAYLOAD_BYTES)[
        : pins.config.columns * pins.config.weight_port.lane.lane_width // 8 + 1
    ]
    beat[-1] = 1
    assert rows > 1
    await pins.request(Command.PUSH, WEIGHTS, bytes(beat))
    (status,) = await pins.read_words(SNAPSHOT, 1)
    assert Error(status) == Error.SHORT_TILE
    assert read(dut, "error")
    # Only the lowest byte has an effect.
    await pins.request(Command.WRITE, ADDRESSES["control"], b"\0\xff\xff\xff")
    assert await pins.read_words(SNAPSHOT, 1) == [status]
    await pins.control(CLEAR_ERRORS_BIT)
    assert await pins.read_words(SNAPSHOT, 1) == [0]
    assert not read(dut, "error")


@cocotb.test(**LONG)
async def drops_and_counts_broken_frames(dut):
    """Noise is dropped, and so is a request with a byte that has no stop bit."""
    pins = await begin(dut)
    await pins.send(b"~noise~")
    assert await pins.read_words(SNAPSHOT, 1) == [1 << 16]
    frame = encode(request(99, Command.HELLO, 0, b""))
    await pins.send(frame[:4])
    dut.rx.value = 0
    await Timer(11 * pins.bit_ns, "ns")
    dut.rx.value = 1
    await Timer(2 * pins.bit_ns, "ns")
    await pins.send(frame[4:])
    assert await pins.read_words(SNAPSHOT, 1) == [2 << 16]


@cocotb.test(**LONG)
async def works_as_new_after_a_reset_of_the_unit(dut):
    """A product that was aborted anywhere leaves no results, tiles or counts."""
    pins = await begin(dut)
    source = randomness()
    for _ in range(2):
        await pins.compute(source, source.randrange(2, 9))
        await pins.control(RESET_BIT)
        assert await pins.request(Command.PULL, RESULTS, count(PAYLOAD_BYTES)) == b""
        total, *parts = await pins.counters()
        assert total == parts[-1] < 3000, "counters that were not reset"
        assert await pins.compute(source)
