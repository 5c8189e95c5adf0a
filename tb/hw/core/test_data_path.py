"""DataPath: convolutions from the buffer to their sums, bit for bit and at a row per cycle."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import cocotb
import numpy as np
import pytest

from benches.bits import split_signed
from benches.convolutions import Convolution
from benches.core import random_state
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, reset, start, tick
from benches.data_path import PORTS, beats_of, fill, results_of
from benches.runner import on_simulators
from weft.core.core_config import SMALL, BufferConfig, CoreConfig, core_of
from weft.core.data_path import OUTER_READERS, DataPath
from weft.core.matrix_feeder import MatrixFeeder
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft.matrix.layouts import Activity, counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

CORES = {
    "4x4": core_of(lanes=4, buffer=BufferConfig(rows=256, banks=2), accumulators=32),
    "8x8": core_of(lanes=8, buffer=BufferConfig(rows=512, banks=4), accumulators=64, tiles=2),
}


@on_simulators("config", CORES)
def test_data_path(simulate, config):
    simulate(
        [
            convolves,
            multiplies_a_row_per_cycle,
            drains_under_the_next_product,
            splits_a_sum_between_instructions,
            knows_what_is_left_over,
            works_as_new_after_a_reset,
        ],
        DataPath,
        config=config,
    )


@pytest.mark.large
@pytest.mark.parametrize("simulator", ["verilator"], indirect=True)
@pytest.mark.parametrize("result_rows", [512, 39])
def test_a_convolution_of_64_channels(simulate, result_rows):
    """The array is active in 99 % of the cycles only if results can wait."""
    queues = dataclasses.replace(SMALL.queues, result_rows=result_rows)
    simulate([keeps_the_array_active], DataPath, config=dataclasses.replace(SMALL, queues=queues))


class Core:
    """A data path whose buffer is full of random rows, and the results that come out of it."""

    def __init__(self, dut, config: CoreConfig, state):
        self.dut, self.config, self.state = dut, config, state
        self.rows: list[list[int]] = []
        self.cycles: list[int] = []
        self.finished = {name: 0 for name in ("weights", "matmul")}
        self.begun = 0
        self.sending: list = []
        self.results = Stream.amaranth(dut, "results")
        self.tasks = [
            cocotb.start_soon(watch(self.results, self._see)),
            cocotb.start_soon(self._count()),
        ]

    @classmethod
    async def begin(cls, dut) -> "Core":
        """Reset, and fill the buffer."""
        config, source = parameters().config, randomness()
        await start(dut)
        state = random_state(np.random.default_rng(source.getrandbits(32)), config.capacity)
        await fill(dut, config, state.buffer)
        return cls(dut, config, state)

    def _see(self, payload) -> None:
        matrix = self.config.matrix
        width = matrix.accumulator_width
        self.rows.append(split_signed(payload[0], width, matrix.columns))
        self.cycles.append(cycle_now())

    async def _count(self) -> None:
        while True:
            await tick(self.dut)
            for name in self.finished:
                self.finished[name] += read(self.dut, f"{name}_finished")

    async def run(
        self, program: Sequence[Instruction], ready: Iterator, gaps=None, *, lead: int = 0
    ) -> None:
        """Run a program to its end, and compare the results with those of the machine in numpy.

        `lead`: cycles by which WEIGHTS begin earlier than MATMULs, which begin after `begun`.
        """
        before, expected = len(self.rows), results_of(self.state, program)
        finished = dict(self.finished)
        throttling = cocotb.start_soon(throttle(self.results, ready))
        self.sending = sending = [throttling]
        for opcode, port in PORTS.items():
            self.begun = cycle_now()
            beats = beats_of(program, opcode)
            sending.append(cocotb.start_soon(send(Stream.amaranth(self.dut, port), beats, gaps)))
            for _ in range(lead if opcode == Opcode.WEIGHTS else 0):
                await tick(self.dut)
        while len(self.rows) < before + len(expected):
            await tick(self.dut)
        throttling.cancel()
        for task in sending[1:]:
            await task
        compare("results", self.rows[before:], expected.tolist(), self.cycles[before:])
        counts = [len(beats_of(program, opcode)) for opcode in PORTS]
        done = [self.finished[name] - finished[name] for name in finished]
        assert done == counts, f"{done} instructions have finished, of {counts}"
        assert not read(self.dut, "errors")
        assert not read(self.dut, "left_over")

    def counters(self) -> dict[str, int]:
        layout = counter_layout()
        bits = read(self.dut, "counters")
        return {name: bits >> field.offset & ((1 << field.width) - 1) for name, field in layout}


def program_of(convolutions: Sequence[Convolution]) -> list[Instruction]:
    return [one for conv in convolutions for one in (conv.weights(), conv.matmul())]


@cocotb.test(**TIMEOUT)
async def convolves(dut):
    """Random convolutions with padding, stride and dilation, with stalls and other readers."""
    core, source = await Core.begin(dut), randomness()
    config = core.config
    kernels = config.buffer.rows // 2
    for late, likely, others in ((0.0, 1.0, False), (0.5, 0.4, False), (0.0, 1.0, True)):
        drawn = [
            Convolution.draw(
                source,
                lanes=config.lanes,
                kernel_row=kernels,
                rows=config.matrix.accumulator_depth,
            )
            for _ in range(8)
        ]
        before = len(core.rows)
        reading = [cocotb.start_soon(read_for_ever(dut, name, source)) for name in OUTER_READERS]
        if not others:
            for task in reading:
                task.cancel()
        gaps = random_gaps(source, late, 30)
        await core.run(program_of(drawn), random_bools(source, likely), gaps)
        for task in reading:
            task.cancel()
        for name in OUTER_READERS:
            getattr(dut, f"{name}__requests__valid").value = 0
        expected = np.concatenate([conv.compute(core.state.buffer) for conv in drawn])
        compare("convolutions", core.rows[before:], expected.tolist(), core.cycles[before:])


async def read_for_ever(dut, name, source):
    """Ask for random rows, as another unit would."""
    rows = parameters().config.buffer.rows
    beats = ((source.randrange(rows),) for _ in itertools.count())
    requests = Stream.amaranth(dut, f"{name}__requests")
    await send(requests, beats, random_gaps(source, 0.3, 3))


def steady(config: CoreConfig) -> Convolution:
    """Return a convolution with as many rows per tile as there are accumulators."""
    height, width = 4, config.matrix.accumulator_depth // 4
    return Convolution(
        lanes=config.lanes,
        height=height,
        width=width,
        channels=config.lanes,
        outputs=config.lanes,
        kernel_row=config.buffer.rows // 2,
    )


@cocotb.test(**TIMEOUT)
async def multiplies_a_row_per_cycle(dut):
    """If nothing waits, a row enters the array in every cycle, also across tiles and products.

    The first result comes after the latencies of the units, once its tiles are there.
    """
    core, source = await Core.begin(dut), randomness()
    conv = steady(core.config)
    height = core.config.matrix.accumulator_depth
    # The tiles come first, so that the first MATMUL does not wait for them.
    await core.run(program_of([conv] * 4), random_bools(source, 1.0), lead=8 * core.config.lanes)
    timing = MatrixUnitTiming.of(core.config.matrix)
    last_pass = (conv.tiles - 1) * height
    first = core.begun + 1 + MatrixFeeder.latency + timing.latency + last_pass
    starts = [first + turn * conv.tiles * height for turn in range(4)]
    expected = [begin + row for begin in starts for row in range(height)]
    assert core.cycles == expected
    counters = core.counters()
    assert counters[Activity.COMPUTING.name.lower()] == 4 * conv.tiles * height


@cocotb.test(**TIMEOUT)
async def drains_under_the_next_product(dut):
    """Results that leave at a quarter of the rate do not stop the array, if all can wait."""
    core = await Core.begin(dut)
    conv = steady(core.config)
    await core.run(program_of([conv] * 5), (not cycle % 4 for cycle in itertools.count()))
    assert core.counters()["waiting_for_room"] == 0


@cocotb.test(**TIMEOUT)
async def splits_a_sum_between_instructions(dut):
    """Two MATMULs share a sum: the first has no `last`, and the second no `first`."""
    core, source = await Core.begin(dut), randomness()
    conv = steady(core.config)
    one, two = (Instruction.make(Opcode.MATMUL, **(conv_fields(conv) | end)) for end in ENDS)
    for _ in range(2):
        program = [conv.weights(), one, conv.weights(), two]
        await core.run(program, random_bools(source, 0.7))


@cocotb.test(**TIMEOUT)
async def knows_what_is_left_over(dut):
    """A tile without rows, a sum that was not emitted, and results that nobody took are left."""
    core = await Core.begin(dut)
    conv = steady(core.config)
    begin = Instruction.make(Opcode.MATMUL, **(conv_fields(conv) | ENDS[0]))
    # Results that nobody takes are withdrawn by the reset.
    for task in core.tasks:
        task.cancel()
    for program in ([conv.weights()], [conv.weights(), begin], [conv.weights(), conv.matmul()]):
        for opcode, port in PORTS.items():
            await send(Stream.amaranth(dut, port), beats_of(program, opcode))
        for _ in range(40 * conv.tiles * core.config.matrix.accumulator_depth // 8 + 200):
            await tick(dut)
        assert read(dut, "left_over")
        await reset(dut)
        assert not read(dut, "left_over")


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """Nothing of a program that a reset ends is left, but for the buffer."""
    core, source = await Core.begin(dut), randomness()
    program = program_of([steady(core.config)] * 2)
    for _ in range(5):
        running = cocotb.start_soon(core.run(program, random_bools(source, 0.5)))
        for _ in range(source.randrange(10, 400)):
            await tick(dut)
        for task in (running, *core.sending, *core.tasks):
            task.cancel()
        for port in PORTS.values():
            getattr(dut, f"{port}__valid").value = 0
        await reset(dut)
        core = Core(dut, core.config, core.state)
        await core.run(program, random_bools(source, 0.8))


ENDS = ({"first": 1, "last": 0}, {"first": 0, "last": 1})


def conv_fields(conv: Convolution) -> dict[str, int]:
    values = dict(conv.matmul().values)
    return {name: value for name, value in values.items() if name != "opcode"}


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def keeps_the_array_active(dut):
    """Output tiles of 224 rows of a 3 x 3 convolution from 64 to 64 channels, drained at 1 in 4."""
    core = await Core.begin(dut)
    conv = Convolution(
        lanes=16,
        height=4,
        width=56,
        channels=64,
        outputs=16,
        kernel_row=core.config.buffer.rows // 2,
    )
    turns = 5
    await core.run(program_of([conv] * turns), (not cycle % 4 for cycle in itertools.count()))
    # From the first result of an output tile to that of the next, without the first tile.
    rows = 4 * 56
    spans = np.diff(core.cycles[::rows])
    active = conv.tiles * rows / spans[1:].mean()
    dut._log.info(f"array active: {active:.4f} of the cycles, {spans}")
    deep = core.config.queues.result_rows > rows
    assert active == 1 if deep else 0.92 < active < 0.94, active
