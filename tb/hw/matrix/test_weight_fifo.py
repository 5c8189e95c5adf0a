"""WeightFifo: tiles leave backwards, whole, once and in order, at one row per cycle."""

import random

import cocotb

from benches.bits import join, pack
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, reset, start, tick
from benches.runner import on_simulators
from weft.core.core_config import TINY
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import weight_layout
from weft.matrix.weight_fifo import WeightFifo, fifo_row_layout
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, throttle, watch
from weft_sim.stalls import random_bools, random_gaps


def unit(rows: int, columns: int) -> MatrixUnitConfig:
    return MatrixUnitConfig(
        rows=rows,
        columns=columns,
        activation="int8,uint8",
        weight="int8,uint8",
        zero_points=True,
    )


FIFOS = {"4x4-4": (TINY.matrix, 4), "12x3-3": (unit(12, 3), 3), "3x2-1": (unit(3, 2), 1)}


@on_simulators("config, tiles", FIFOS)
def test_weight_fifo(simulate, config, tiles):
    coroutines = [
        reads_tiles_backwards_at_full_rate,
        reads_tiles_under_stalls,
        holds_as_many_tiles_as_it_has_places,
        is_empty_after_reset,
    ]
    simulate(coroutines, WeightFifo, config=config, tiles=tiles)


class Writer:
    """Reserves places and writes random tiles; `expected` are the rows on `weights`."""

    def __init__(self, dut, source: random.Random):
        self.dut, self.source, self.config = dut, source, parameters().config
        self.expected: list[int] = []
        self.written: list[int] = []

    async def write(self, tiles: int, gaps) -> None:
        """Write tiles, each as soon as there is a place, with gaps before their rows."""
        for _ in range(tiles):
            while not read(self.dut, "has_room"):
                await tick(self.dut)
            self.dut.reserve.value = 1
            await self.write_tile(gaps)

    async def write_tile(self, gaps) -> None:
        config, source = self.config, self.source
        width, columns = config.weight_port.lane.width, config.columns
        zero_point, signed = source.getrandbits(width), source.getrandbits(1)
        rows = []
        for row in range(config.rows):
            for _ in range(next(gaps)):
                self.dut.rows__valid.value = 0
                self.dut.rows__payload.value = source.getrandbits(8)
                await tick(self.dut)
                self.dut.reserve.value = 0
            lanes = source.getrandbits(width * columns)
            fields = {"lanes": lanes, "signed": signed}
            points = {"zero_points": join([zero_point] * columns, width)}
            rows.append(pack(weight_layout(config), **fields, **points, last=row == 0))
            self.dut.rows__valid.value = 1
            self.dut.rows__payload.value = pack(
                fifo_row_layout(config), **fields, zero_point=zero_point
            )
            await tick(self.dut)
            self.dut.reserve.value = self.dut.rows__valid.value = 0
        self.written.append(cycle_now())
        self.expected += reversed(rows)


class Reader:
    """Records rows and their cycles."""

    def __init__(self, dut):
        self.rows: list[int] = []
        self.cycles: list[int] = []
        self.stream = Stream.amaranth(dut, "weights")
        self.task = cocotb.start_soon(watch(self.stream, self._see))

    def _see(self, payload) -> None:
        self.rows.append(payload[0])
        self.cycles.append(cycle_now())


async def drain(dut, writer: Writer, reader: Reader) -> None:
    """Wait until as many rows have left as have been written, and compare them."""
    while len(reader.rows) < len(writer.expected):
        await tick(dut)
    compare("weights", reader.rows, writer.expected, reader.cycles)


@cocotb.test(**TIMEOUT)
async def reads_tiles_backwards_at_full_rate(dut):
    """With two places or more, tiles pass at a row per cycle, `latency` after the first."""
    config, tiles = parameters().config, parameters().tiles
    await start(dut)
    source = randomness()
    writer, reader = Writer(dut, source), Reader(dut)
    dut.weights__ready.value = 1
    await writer.write(20, random_gaps(source, 0.0, 1))
    await drain(dut, writer, reader)
    assert reader.cycles[0] == writer.written[0] + WeightFifo.latency
    if tiles > 1:
        count = 20 * config.rows
        assert reader.cycles == list(range(reader.cycles[0], reader.cycles[0] + count))


@cocotb.test(**TIMEOUT)
async def reads_tiles_under_stalls(dut):
    """Rows come late, and weights wait."""
    await start(dut)
    source = randomness()
    writer, reader = Writer(dut, source), Reader(dut)
    for late, likely in ((0.3, 1.0), (0.0, 0.5), (0.3, 0.3)):
        throttling = cocotb.start_soon(throttle(reader.stream, random_bools(source, likely)))
        await writer.write(15, random_gaps(source, late, 4))
        await drain(dut, writer, reader)
        throttling.cancel()


@cocotb.test(**TIMEOUT)
async def holds_as_many_tiles_as_it_has_places(dut):
    """Without a reader, the FIFO has room for `tiles` tiles, of which a first row waits outside."""
    config, tiles = parameters().config, parameters().tiles
    await start(dut)
    source = randomness()
    writer, reader = Writer(dut, source), Reader(dut)
    for _ in range(3):
        await writer.write(tiles, random_gaps(source, 0.2, 3))
        for _ in range(3 * config.rows):
            await tick(dut)
            assert not read(dut, "has_room")
        dut.weights__ready.value = 1
        await drain(dut, writer, reader)
        dut.weights__ready.value = 0
        assert read(dut, "has_room")


@cocotb.test(**TIMEOUT)
async def is_empty_after_reset(dut):
    """After a reset at any time, all places are free, and the next tile leaves first."""
    await start(dut)
    source = randomness()
    for _ in range(6):
        writer, reader = Writer(dut, source), Reader(dut)
        dut.weights__ready.value = 1
        writing = cocotb.start_soon(writer.write(30, random_gaps(source, 0.3, 3)))
        for _ in range(source.randrange(60)):
            await tick(dut)
        writing.cancel()
        reader.task.cancel()
        dut.reserve.value = dut.rows__valid.value = 0
        await reset(dut)
        assert read(dut, "has_room") and not read(dut, "weights__valid")
        writer, reader = Writer(dut, source), Reader(dut)
        await writer.write(2 * parameters().tiles, random_gaps(source, 0.2, 3))
        await drain(dut, writer, reader)
        reader.task.cancel()
