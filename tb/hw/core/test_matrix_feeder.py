"""MatrixFeeder: every row has the lanes and the control that the machine in numpy implies."""

import random

import cocotb
import numpy as np

from benches.bits import split, split_signed, to_signed, unpack
from benches.buffer_port import answer
from benches.convolutions import Convolution
from benches.core import random_state
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, reset, start, tick
from benches.runner import on_simulators
from weft.core.core_config import BufferConfig, core_of
from weft.core.matrix_feeder import MatrixFeeder
from weft.isa.codes import Format, Opcode
from weft.isa.instruction import Instruction
from weft.matrix.layouts import activation_layout
from weft_model.core.walks import matmul_rows
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

CORES = {
    "4x4": core_of(lanes=4, buffer=BufferConfig(rows=256, banks=2), accumulators=32),
    "8x8": core_of(lanes=8, buffer=BufferConfig(rows=512, banks=2), accumulators=50),
}
FLAGS = ("switch", "first", "last", "end", "row")


@on_simulators("config", CORES)
def test_matrix_feeder(simulate, config):
    coroutines = [
        sends_a_row_per_cycle,
        sends_rows_under_stalls,
        asks_only_for_what_it_can_hold,
        reports_rows_that_do_not_exist,
    ]
    simulate(coroutines, MatrixFeeder, config=config)


def draw(source: random.Random, config) -> Instruction:
    """Return the MATMUL of a random convolution, with random ends and accumulators."""
    conv = Convolution.draw(source, lanes=config.lanes, kernel_row=config.buffer.rows, rows=16)
    values = {name: value for name, value in conv.matmul().values.items() if name != "opcode"}
    ends = {"first": source.getrandbits(1), "last": source.getrandbits(1)}
    accumulator = source.randrange(config.matrix.accumulator_depth - 16)
    return Instruction.make(Opcode.MATMUL, **(values | ends | {"accumulator": accumulator}))


def expected_of(instruction: Instruction, state) -> list[list[int]]:
    """Return the rows: lanes minus their zero point, and then FLAGS."""
    rows, inside = matmul_rows(instruction)
    tiles, height = rows.shape
    number = Format(instruction["format"])
    found = []
    for tile, row in np.ndindex(rows.shape):
        lanes = np.zeros(state.needs.lanes, np.int64)
        if inside[tile, row]:
            lanes = state.elements(rows[tile, row : row + 1], number)[0] - instruction["zero_point"]
        flags = {
            "switch": row == 0,
            "first": instruction["first"] and tile == 0,
            "last": instruction["last"] and tile == tiles - 1,
            "end": tile == tiles - 1 and row == height - 1,
            "row": instruction["accumulator"] + row,
        }
        found.append([*lanes.tolist(), *(int(flags[name]) for name in FLAGS)])
    return found


def numbers_of(payload: int, config) -> list[int]:
    """Return the lanes of a row minus their zero point, and then FLAGS."""
    width = config.operand_width
    fields = unpack(activation_layout(config.matrix), payload)
    lanes = (split_signed if fields["signed"] else split)(fields["lanes"], width, config.lanes)
    zero_point = fields["zero_point"]
    zero_point = to_signed(zero_point, width) if fields["signed"] else zero_point
    return [*(lane - zero_point for lane in lanes), *(fields[name] for name in FLAGS)]


async def feed(dut, count: int, gaps, ready, granted) -> list[int]:
    """Execute random instructions, compare their rows, reads and ends; return the cycles."""
    config, source = parameters().config, randomness()
    state = random_state(np.random.default_rng(source.getrandbits(32)), config.capacity)
    program = [draw(source, config) for _ in range(count)]
    expected = [row for one in program for row in expected_of(one, state)]
    seen, cycles, asked, finished = [], [], [], []

    def see(payload):
        seen.append(numbers_of(payload[0], config))
        cycles.append(cycle_now())
        if read(dut, "finished"):
            finished.append(len(seen))

    activations = Stream.amaranth(dut, "activations")
    beats = [(int.from_bytes(one.encode(), "little"),) for one in program]
    tasks = [
        cocotb.start_soon(answer(dut, "buffer", state.buffer, granted, asked)),
        cocotb.start_soon(watch(activations, see)),
        cocotb.start_soon(throttle(activations, ready)),
        cocotb.start_soon(send(Stream.amaranth(dut, "instructions"), beats, gaps)),
    ]
    while len(seen) < len(expected):
        await tick(dut)
    for task in tasks:
        task.cancel()
    compare(f"lanes and {FLAGS}", seen, expected, cycles)
    walks = [matmul_rows(one) for one in program]
    assert asked == [int(row) for rows, inside in walks for row in rows[inside]]
    assert not read(dut, "outside")
    assert finished == np.cumsum([rows.size for rows, _ in walks]).tolist()
    return cycles


@cocotb.test(**TIMEOUT)
async def sends_a_row_per_cycle(dut):
    """Rows come without a pause across tiles and instructions, `latency` after the first."""
    source = randomness()
    await start(dut)
    begun = cycle_now()
    always = random_bools(source, 1.0)
    cycles = await feed(dut, 12, None, always, always)
    assert cycles[0] == begun + 1 + MatrixFeeder.latency
    assert cycles == list(range(cycles[0], cycles[0] + len(cycles)))


@cocotb.test(**TIMEOUT)
async def sends_rows_under_stalls(dut):
    """Instructions come late, the bank belongs to others, and the matrix unit stops."""
    source = randomness()
    await start(dut)
    for late, ready, granted in (
        (0.5, 1.0, 1.0),
        (0.0, 0.4, 1.0),
        (0.0, 1.0, 0.4),
        (0.3, 0.5, 0.5),
    ):
        gaps = random_gaps(source, late, 40)
        await feed(dut, 6, gaps, random_bools(source, ready), random_bools(source, granted))


@cocotb.test(**TIMEOUT)
async def asks_only_for_what_it_can_hold(dut):
    """While the matrix unit takes nothing, requests stop when all places are taken."""
    config, source = parameters().config, randomness()
    await start(dut)
    asked: list[int] = []
    memory = np.zeros((config.buffer.rows, config.lanes), np.uint8)
    task = cocotb.start_soon(answer(dut, "buffer", memory, random_bools(source, 1.0), asked))
    instruction = Instruction.make(Opcode.MATMUL, x_count=30, x_stride=1, width=30)
    beat = (int.from_bytes(instruction.encode(), "little"),)
    await send(Stream.amaranth(dut, "instructions"), [beat])
    for _ in range(40):
        await tick(dut)
    # One row more is at the port.
    assert len(asked) == MatrixFeeder.places + 1
    assert not read(dut, "buffer__requests__valid")
    task.cancel()


@cocotb.test(**TIMEOUT)
async def reports_rows_that_do_not_exist(dut):
    """Rows behind and in front of the buffer, and accumulators that are too great."""
    config, source = parameters().config, randomness()
    rows, depth = config.buffer.rows, config.matrix.accumulator_depth
    memory = np.zeros((rows, config.lanes), np.uint8)
    await start(dut)
    fields = {"x_count": 3, "width": 3, "x_stride": 1}
    for wrong in ({"row": rows - 2}, {"row": 1, "x_stride": -1}, {"row": 2 - (1 << 19)}):
        task = cocotb.start_soon(answer(dut, "buffer", memory, random_bools(source, 1.0), []))
        legal = Instruction.make(Opcode.MATMUL, **(fields | {"row": rows - 3}))
        illegal = Instruction.make(Opcode.MATMUL, **(fields | wrong))
        dut.activations__ready.value = 1
        for instruction, outside in ((legal, 0), (illegal, 1)):
            beat = (int.from_bytes(instruction.encode(), "little"),)
            await send(Stream.amaranth(dut, "instructions"), [beat])
            for _ in range(12):
                await tick(dut)
            assert read(dut, "outside") == outside, illegal
        task.cancel()
        await reset(dut)
        assert not read(dut, "outside")

    seen = []
    tasks = [
        cocotb.start_soon(answer(dut, "buffer", memory, random_bools(source, 1.0), [])),
        cocotb.start_soon(
            watch(
                Stream.amaranth(dut, "activations"),
                lambda payload: seen.append(numbers_of(payload[0], config)[-1]),
            )
        ),
    ]
    for accumulator in (depth - 2, depth, 4095):
        instruction = Instruction.make(Opcode.MATMUL, **fields, accumulator=accumulator)
        beat = (int.from_bytes(instruction.encode(), "little"),)
        await send(Stream.amaranth(dut, "instructions"), [beat])
    for _ in range(30):
        await tick(dut)
    for task in tasks:
        task.cancel()
    assert seen == [depth - 2, depth - 1, *[depth] * 7]
