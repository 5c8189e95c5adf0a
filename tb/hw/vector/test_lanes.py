"""VectorLanes: instructions with random constants equal numpy, in the exact cycle."""

import cocotb
import numpy as np

from benches.bits import pack, split_signed
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, reset, start, tick
from benches.runner import on_simulators
from benches.vector_lanes import Beats, random_beats, random_constants
from weft.isa.codes import Rounding
from weft.vector.beats import TABLE_WORDS, table_write_layout
from weft.vector.lanes import VectorLanes
from weft_model.core.rounding import MOST_F32_MULTIPLIER

INSTRUCTIONS = {"Verilator": 120, "Icarus Verilog": 12}
BEATS = 40


@on_simulators("lanes, tables", {"2 lanes": (2, 3), "1 lane": (1, 1)})
def test_vector_lanes(simulate, lanes, tables):
    simulate(
        [
            computes_what_numpy_does,
            reports_multipliers_that_are_no_float32,
            finds_words_written_in_the_cycle_before,
            forgets_beats_at_reset,
        ],
        VectorLanes,
        lanes=lanes,
        tables=tables,
    )


async def write_word(dut, *, table: int, entry: int, word: int) -> None:
    layout = table_write_layout(parameters().tables)
    dut.table_write.value = pack(layout, valid=1, table=table, entry=entry, data=word)
    await tick(dut)
    dut.table_write.value = 0


async def write_tables(dut, source: np.random.Generator) -> np.ndarray:
    """Fill all tables with random words; return them."""
    words = source.integers(-(1 << 31), 1 << 31, (parameters().tables, TABLE_WORDS))
    for table, entry in np.ndindex(words.shape):
        await write_word(dut, table=table, entry=entry, word=int(words[table, entry]))
    return words


async def send(dut, source: np.random.Generator, beats: Beats) -> list[list[int]]:
    """Send beats with random gaps; return the results, after checking their cycles."""
    dut.constants.value = beats.packed_constants
    valid, cycle, due, got = [], 0, [], []
    waiting = beats.payloads()
    while waiting or cycle < due[-1] + 1:
        sends = bool(waiting) and source.random() < 0.8
        dut.beats__valid.value = int(sends)
        if sends:
            dut.beats__payload.value = waiting.pop(0)
            due.append(cycle + VectorLanes.latency)
        await tick(dut)
        if read(dut, "results__valid"):
            valid.append(cycle)
            payload = read(dut, "results__payload")
            got.append(split_signed(payload, 32, parameters().lanes))
        cycle += 1
    dut.beats__valid.value = 0
    assert valid == due
    return got


@cocotb.test(**TIMEOUT)
async def computes_what_numpy_does(dut):
    """Each instruction has random constants; its beats come with random gaps."""
    source = np.random.default_rng(randomness().getrandbits(32))
    await start(dut)
    tables = await write_tables(dut, source)
    for _ in range(INSTRUCTIONS[cocotb.SIM_NAME]):
        constants = random_constants(source, parameters().tables)
        beats = random_beats(source, constants, beats=BEATS, lanes=parameters().lanes)
        got = await send(dut, source, beats)
        compare(str(constants), got, beats.results(tables).tolist())


@cocotb.test(**TIMEOUT)
async def reports_multipliers_that_are_no_float32(dut):
    """Only F32, only valid lanes, and exactly from 2**24 + 1 and -2**24 - 1 on."""
    source = np.random.default_rng(randomness().getrandbits(32))
    lanes, most = parameters().lanes, MOST_F32_MULTIPLIER
    choices = [most, most + 1, -most, -most - 1, (1 << 31) - 1, -(1 << 31), 1, 0]
    await start(dut)
    expected, got = [], []
    for rounding in Rounding:
        constants = random_constants(source, parameters().tables) | {"rounding": rounding}
        beats = random_beats(source, constants, beats=BEATS, lanes=lanes)
        beats.scaling.multiplier[:] = source.choice(choices, (BEATS, lanes))
        dut.constants.value = beats.packed_constants
        wrong = (np.abs(beats.scaling.multiplier) > most) & (beats.valid == 1)
        for beat, payload in enumerate(beats.payloads()):
            sends = int(source.random() < 0.7)
            dut.beats__valid.value, dut.beats__payload.value = sends, payload
            await tick(dut)
            got.append(read(dut, "error"))
            expected.append(int(sends and rounding == Rounding.F32 and wrong[beat].any()))
        dut.beats__valid.value = 0
        for _ in range(VectorLanes.error_latency):
            await tick(dut)
            got.append(read(dut, "error"))
            expected.append(0)
    late = VectorLanes.error_latency
    compare("error", got[late:], expected[:-late])
    assert any(expected)


@cocotb.test(**TIMEOUT)
async def finds_words_written_in_the_cycle_before(dut):
    """A word of every table, looked up by the beat of the next cycle, on x and on y."""
    source = np.random.default_rng(randomness().getrandbits(32))
    lanes, tables = parameters().lanes, parameters().tables
    await start(dut)
    for table in range(tables):
        for port in ("x_table", "y_table"):
            constants = random_constants(source, tables)
            constants |= {"x_table": 0, "y_table": 0, "output_table": 0} | {port: table + 1}
            beats = random_beats(source, constants, beats=1, lanes=lanes)
            words = np.zeros((tables, TABLE_WORDS), np.int64)
            beats.scaling.x[:] = 0
            beats.y[:] = 0
            number = int(beats.subtract[0, 0]) if port == "x_table" else constants["y_zero_point"]
            entry, word = -number & 255, int(source.integers(-(1 << 31), 1 << 31))
            words[table, entry] = word
            dut.constants.value = beats.packed_constants
            await write_word(dut, table=table, entry=entry, word=word)
            dut.beats__payload.value, dut.beats__valid.value = beats.payloads()[0], 1
            await tick(dut)
            dut.beats__valid.value = 0
            for _ in range(VectorLanes.latency):
                await tick(dut)
            got = split_signed(read(dut, "results__payload"), 32, lanes)
            compare(str(constants), [got], beats.results(words).tolist())


@cocotb.test(**TIMEOUT)
async def forgets_beats_at_reset(dut):
    await start(dut)
    dut.beats__valid.value = 1
    for _ in range(VectorLanes.latency - 2):
        await tick(dut)
    dut.beats__valid.value = 0
    await reset(dut)
    for _ in range(2 * VectorLanes.latency):
        await tick(dut)
        assert not read(dut, "results__valid")
