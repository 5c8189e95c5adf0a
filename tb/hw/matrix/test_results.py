"""ResultBuffer: rows written along the diagonal leave complete and in order, and none is lost."""

import random
from collections import deque

import cocotb
import pytest

from benches.bits import join, split_signed, to_signed
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, reset, start, tick
from benches.runner import on_icarus, on_simulators
from weft.blocks.chain import FLAT_LINKS
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.results import ResultBuffer
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, throttle, watch
from weft_sim.stalls import random_bools, random_gaps


def buffer(columns, depth, accumulator_width=32, **options):
    options["accumulator_width"] = accumulator_width
    return MatrixUnitConfig(columns=columns, **options), depth


# Columns and depth.
SHAPES = {
    "columns-3-depth-6": buffer(3, 6),
    "columns-1-depth-5": buffer(1, 5, 8),
    "columns-2-depth-2": buffer(2, 2, 64),
    "columns-7-depth-16": buffer(7, 16, 20),
    "columns-9-depth-11": buffer(9, 11),
    "columns-18-depth-31": buffer(18, 31, 12),
    "columns-4-depth-8 checksum": buffer(4, 8, 10, checksum=True),
}


@on_simulators("config, depth", SHAPES)
def test_results(simulate, config, depth):
    coroutines = [
        outputs_every_row_at_full_speed,
        outputs_every_row_under_any_ready,
        holds_as_many_rows_as_it_is_deep,
        is_empty_after_reset,
    ]
    simulate(coroutines, ResultBuffer, config=config, depth=depth)


@on_icarus
@pytest.mark.parametrize("depth", [32, 33, 35, 64, 67])
def test_results_of_ecp5(simulate, depth):
    """Several LUT memories, as many as the rows need, replace a single memory."""
    coroutines = [
        outputs_every_row_at_full_speed,
        outputs_every_row_under_any_ready,
        holds_as_many_rows_as_it_is_deep,
        is_empty_after_reset,
    ]
    config = MatrixUnitConfig(columns=3, accumulator_width=20)
    simulate(coroutines, ResultBuffer, config=config, depth=depth, family="ecp5")


def test_columns_are_on_both_sides_of_the_limit():
    assert {config.columns > FLAT_LINKS for config, _ in SHAPES.values()} == {False, True}


class Writer:
    """Emits rows along the diagonal while there are places, and records their cycles."""

    def __init__(self, dut, source: random.Random):
        self.dut, self.source = dut, source
        self.config, self.places = parameters().config, parameters().depth
        self.rows: list[list[int]] = []
        self.ends: list[bool] = []
        self.cycles: list[int] = []
        self.late = deque([None] * self.config.result_columns, self.config.result_columns)

    async def write(self, cycles: int, rows: int, gaps) -> None:
        """Run for `cycles`; emit rows until there are `rows` in total."""
        gap = next(gaps)
        for _ in range(cycles):
            emit = rows > len(self.rows) and self.places > 0 and gap == 0
            if emit:
                self._add_row()
                gap = next(gaps)
            elif gap:
                gap -= 1
            self.late.appendleft(self.rows[-1] if emit else None)
            self.dut.emit.value = int(emit)
            # Without `emit` this must have no effect.
            self.dut.ends_job.value = int(self.ends[-1]) if emit else self.source.getrandbits(1)
            self.dut.sums.value = self._diagonal()
            await tick(self.dut)
            self.places += read(self.dut, "released") - emit

    def _add_row(self) -> None:
        half = 1 << (self.config.accumulator_width - 1)
        draw = self.source.randrange
        self.rows.append([draw(-half, half) for _ in range(self.config.result_columns)])
        self.ends.append(self.source.random() < 0.3)
        self.cycles.append(cycle_now() + 1)

    def _diagonal(self) -> int:
        """Return the sums: column c has the row emitted c cycles ago, or noise if there is none."""
        width = self.config.accumulator_width
        lanes = [
            self.source.getrandbits(width) if row is None else row[column]
            for column, row in enumerate(self.late)
        ]
        return join(lanes, width)


class Reader:
    """Records rows, with their checksums if there are any, and their cycles."""

    def __init__(self, dut, writer: Writer):
        self.config = parameters().config
        self.dut, self.writer = dut, writer
        self.stream = Stream.amaranth(dut, "results")
        self.rows: list[list[int]] = []
        self.ends: list[bool] = []
        self.cycles: list[int] = []
        self.watching = cocotb.start_soon(watch(self.stream, self._see))

    def _see(self, payload) -> None:
        width, columns = self.config.accumulator_width, self.config.columns
        self.rows.append(split_signed(payload[0], width, columns))
        if self.config.checksum:
            self.rows[-1].append(to_signed(read(self.dut, "checksum"), width))
        self.ends.append(bool(payload[0] >> (width * columns)))
        self.cycles.append(cycle_now())

    def check(self) -> None:
        """Check that exactly the written rows left, in order, each with its `end`."""
        compare("results", self.rows, self.writer.rows, self.cycles)
        compare("end", self.ends, self.writer.ends, self.cycles)


@cocotb.test(**TIMEOUT)
async def outputs_every_row_at_full_speed(dut):
    """Each row leaves exactly `latency_of` cycles after its `emit`; its place is free before."""
    config, depth = parameters().config, parameters().depth
    await start(dut)
    writer = Writer(dut, randomness())
    reader = Reader(dut, writer)
    dut.results__ready.value = 1
    count, latency = 200, ResultBuffer.latency_of(config)
    await writer.write(count * (latency + 1), count, random_gaps(writer.source, 0.0, 1))
    reader.check()
    late = [came - went for came, went in zip(reader.cycles, writer.cycles, strict=True)]
    assert set(late) == {latency}, f"rows came after {set(late)} cycles, expected {latency}"
    if depth >= latency:
        last = writer.cycles[0] + count - 1
        assert writer.cycles[-1] == last, "a place came back too late for full rate"


@cocotb.test(**TIMEOUT)
async def outputs_every_row_under_any_ready(dut):
    """Rows come with random gaps, and `ready` is random, with several probabilities."""
    await start(dut)
    writer = Writer(dut, randomness())
    reader = Reader(dut, writer)
    source = writer.source
    for likely in (0.2, 0.5, 0.9):
        throttling = cocotb.start_soon(throttle(reader.stream, random_bools(source, likely)))
        target = len(writer.rows) + 150
        await writer.write(3000, target, random_gaps(source, 0.2, 4))
        assert len(writer.rows) == target
        throttling.cancel()
        reader.check()


@cocotb.test(**TIMEOUT)
async def holds_as_many_rows_as_it_is_deep(dut):
    """Without a reader, `depth` rows wait in the buffer and one waits at the port."""
    depth = parameters().depth
    await start(dut)
    writer = Writer(dut, randomness())
    reader = Reader(dut, writer)
    for turn in range(1, 4):
        dut.results__ready.value = 0
        await writer.write(200, 10_000, random_gaps(writer.source, 0.0, 1))
        assert len(writer.rows) == turn * (depth + 1)
        assert writer.places == 0
        dut.results__ready.value = 1
        await writer.write(depth + 2, 0, random_gaps(writer.source, 0.0, 1))
        reader.check()
        assert writer.places == depth


@cocotb.test(**TIMEOUT)
async def is_empty_after_reset(dut):
    """After a reset, all stored and partly written rows are gone, and the next row leaves first."""
    await start(dut)
    source = randomness()
    for _ in range(10):
        writer = Writer(dut, source)
        dut.results__ready.value = source.getrandbits(1)
        await writer.write(source.randrange(40), 10_000, random_gaps(source, 0.3, 3))
        dut.emit.value = 0
        await reset(dut)
        assert not read(dut, "results__valid")
        writer = Writer(dut, source)
        reader = Reader(dut, writer)
        dut.results__ready.value = 1
        await writer.write(300, 7, random_gaps(source, 0.3, 3))
        reader.check()
        reader.watching.cancel()
