"""WeightLoader: tiles and switches stay paired, for tiles of any length and at any time."""

import itertools
import random
from collections import Counter
from dataclasses import dataclass

import cocotb

from benches.bits import join, operand
from benches.coroutines import TIMEOUT, parameters, randomness, read, reset, start, tick
from benches.runner import on_simulators
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft.matrix.weights import WeightLoader
from weft_sim.cocotb_streams import Stream, send
from weft_sim.stalls import random_bools, random_gaps

SHAPES = {
    "4x3": MatrixUnitConfig(rows=4, columns=3),
    "1x1": MatrixUnitConfig(rows=1, columns=1, weight="uint3"),
    "2x5": MatrixUnitConfig(rows=2, columns=5, weight="int4"),
    "7x2": MatrixUnitConfig(rows=7, columns=2, weight="uint16"),
}


@on_simulators("config", SHAPES)
def test_weights(simulate, config):
    coroutines = [
        loads_good_tiles_at_full_rate,
        loads_tiles_of_any_length,
        holds_a_tile_that_is_not_taken,
        forgets_a_tile_at_reset,
    ]
    simulate(coroutines, WeightLoader, config=config)


@dataclass
class Loader:
    """A model of the loader: how many rows of a tile have arrived, and whether a tile waits.

    `loads` and `lanes` are the outputs of this cycle, `next_loads` and `next_lanes` of the next.
    """

    rows: int
    count: int = 0
    complete: bool = False
    broken: bool = False
    loads: int = 0
    lanes: int = 0
    next_loads: int = 0
    next_lanes: int = 0

    def outputs(self, valid: bool, last: bool, take: bool) -> dict[str, int]:
        ready = not self.complete or take
        transferring = valid and ready
        errors = Error(0)
        if transferring and last and self.count + 1 < self.rows:
            errors |= Error.SHORT_TILE
        if transferring and not last and self.count + 1 == self.rows:
            errors |= Error.LONG_TILE
        return {
            "weights__ready": int(ready),
            "transferring": int(transferring),
            "complete": int(self.complete),
            "started": int(self.complete or self.count > 0),
            "errors": errors.value,
            "loads": self.loads,
            **({"broken": int(self.broken)} if self.complete else {}),
            **({"lanes": self.lanes} if self.loads else {}),
        }

    def step(self, valid: bool, last: bool, take: bool, lanes: int) -> None:
        transferring = valid and (not self.complete or take)
        if take:
            self.complete = False
        self.loads, self.next_loads = self.next_loads, 0
        self.lanes = self.next_lanes
        if not transferring:
            return
        if self.count < self.rows:
            self.next_loads = (2 << self.count) - 1
        self.next_lanes = lanes
        self.count += 1
        if last:
            self.complete, self.broken = True, self.count != self.rows
            self.count = 0


async def run_with_model(dut, cycles, take, resets=None, needed=()) -> Counter:
    """Compare every output with the model in every cycle; return the counts of events.

    `take` and `resets` yield whether to take a tile, if one is complete, and whether to reset. The
    run continues after `cycles` until each event in `needed` has occurred more than three times.
    """
    config = parameters().config
    lane_bits = config.columns * config.weight_port.operand.width
    model = Loader(config.rows)
    seen = Counter()
    for cycle in itertools.count():
        if cycle >= cycles and all(seen[what] > 3 for what in needed):
            return seen
        taking = model.complete and next(take)
        resetting = resets is not None and next(resets)
        dut.take.value = int(taking)
        dut.rst.value = int(resetting)
        await tick(dut)
        payload, valid = read(dut, "weights__payload"), bool(read(dut, "weights__valid"))
        lanes, last = payload % (1 << lane_bits), bool(payload >> lane_bits)
        for name, expected in model.outputs(valid, last, taking).items():
            got = read(dut, name)
            assert got == expected, f"{name}, cycle {cycle}: got {got:#x}, expected {expected:#x}"
        transferring = read(dut, "transferring")
        seen["transfers"] += transferring
        seen["tiles"] += transferring and last
        seen["taken with a transfer"] += taking and transferring
        seen["taken alone"] += taking and not transferring
        seen["held"] += valid and not transferring
        for error in Error:
            seen[error.name] += bool(read(dut, "errors") & error.value)
        if resetting:
            seen["reset within a tile"] += bool(model.count)
            seen["reset with a tile"] += model.complete
            model = Loader(config.rows)
        else:
            model.step(valid, last, taking, lanes)


def tile(source: random.Random, config: MatrixUnitConfig, length: int) -> list[tuple[int]]:
    """Return random weight rows as payloads, with `last` on the last row."""
    width = config.weight_port.operand.width
    rows = [
        join([operand(source, config.weight_port.operand) for _ in range(config.columns)], width)
        for _ in range(length)
    ]
    rows[-1] |= 1 << (config.columns * width)
    return [(row,) for row in rows]


def any_tiles(source: random.Random, config: MatrixUnitConfig, count: int) -> list[tuple[int]]:
    """Return tiles, most of them of the correct length, others shorter or longer."""
    lengths = [config.rows] * 3 + [1, config.rows + 1, 2 * config.rows + 3, max(1, config.rows - 1)]
    return [row for _ in range(count) for row in tile(source, config, source.choice(lengths))]


@cocotb.test(**TIMEOUT)
async def loads_good_tiles_at_full_rate(dut):
    """One tile is loaded every R cycles if each tile is taken as soon as it is complete."""
    config = parameters().config
    source, count = randomness(), 40
    beats = [beat for _ in range(count) for beat in tile(source, config, config.rows)]
    await start(dut)
    sender = cocotb.start_soon(send(Stream.amaranth(dut, "weights"), beats))
    seen = await run_with_model(dut, count * config.rows, random_bools(source, 1.0))
    assert seen["transfers"] == count * config.rows
    assert seen["taken with a transfer"] == count - 1
    assert seen["SHORT_TILE"] == seen["LONG_TILE"] == 0
    sender.cancel()


@cocotb.test(**TIMEOUT)
async def loads_tiles_of_any_length(dut):
    """The stream has gaps, and tiles are taken late, too short or too long."""
    config = parameters().config
    source = randomness()
    beats = any_tiles(source, config, 150)
    await start(dut)
    gaps = random_gaps(source, 0.3, 4)
    sender = cocotb.start_soon(send(Stream.amaranth(dut, "weights"), beats, gaps))
    seen = await run_with_model(dut, 6 * len(beats), random_bools(source, 0.5))
    assert sender.done(), "not every row was taken"
    assert seen["transfers"] == len(beats)
    assert seen["tiles"] == 150
    needed = ["taken with a transfer", "taken alone", "held", "LONG_TILE"]
    needed += ["SHORT_TILE"] if config.rows > 1 else []
    for what in needed:
        assert seen[what] > 3, f"{what} came only {seen[what]} times"


@cocotb.test(**TIMEOUT)
async def holds_a_tile_that_is_not_taken(dut):
    """The stream stalls for as long as a complete tile waits."""
    config = parameters().config
    source = randomness()
    beats = tile(source, config, config.rows) + tile(source, config, config.rows)
    await start(dut)
    sender = cocotb.start_soon(send(Stream.amaranth(dut, "weights"), beats))
    seen = await run_with_model(dut, config.rows + 50, random_bools(source, 0.0))
    assert (seen["transfers"], seen["held"]) == (config.rows, 50)
    sender.cancel()


@cocotb.test(**TIMEOUT)
async def forgets_a_tile_at_reset(dut):
    """After a reset within a tile or while one waits, the next row is the first of its tile."""
    config = parameters().config
    source = randomness()
    await start(dut)
    beats = itertools.chain.from_iterable(any_tiles(source, config, 1) for _ in itertools.count())
    sender = cocotb.start_soon(
        send(Stream.amaranth(dut, "weights"), beats, random_gaps(source, 0.3, 4))
    )
    needed = ["reset with a tile", "reset within a tile"]
    await run_with_model(dut, 1500, random_bools(source, 0.5), random_bools(source, 0.05), needed)
    sender.cancel()
    await reset(dut)
    assert read(dut, "complete") == read(dut, "started") == read(dut, "loads") == 0
