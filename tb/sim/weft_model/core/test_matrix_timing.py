"""MatrixTimes and WeightsTimes: the cycles of the hardware, for every instruction and result."""

import itertools
import random
from collections.abc import Coroutine, Mapping
from dataclasses import astuple, replace
from types import MappingProxyType

import cocotb
import numpy as np

from benches.core_shapes import draw_products
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, start, tick
from benches.data_path import PORTS, beats_of
from benches.data_path_times import Drain, Reading, at_a_rate, times_of, when_ready
from benches.runner import on_simulators
from weft.core.core_config import BufferConfig, CoreConfig, core_of
from weft.core.data_path import OUTER_READERS, DataPath
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle
from weft_sim.stalls import random_gaps

CORES = {
    "4x4": core_of(lanes=4, buffer=BufferConfig(rows=512, banks=2), accumulators=64),
    "8x8, 2 tiles": core_of(
        lanes=8, buffer=BufferConfig(rows=1024, banks=4), accumulators=32, tiles=2
    ),
    "4x4, 1 tile": core_of(
        lanes=4, buffer=BufferConfig(rows=512, banks=2), accumulators=32, tiles=1
    ),
}


@on_simulators("config", CORES)
def test_matrix_timing(simulate, config):
    run(simulate, config, result_rows=1)


@on_simulators("config", CORES, verilator=0)
def test_matrix_timing_with_many_results(simulate, config):
    run(simulate, config, result_rows=config.queues.result_rows)


def run(simulate, config: CoreConfig, *, result_rows: int) -> None:
    simulate(
        [
            keeps_the_cycles_of_the_model,
            keeps_the_cycles_of_a_drain_at_a_rate,
            keeps_the_cycles_of_ports_that_share_banks,
        ],
        DataPath,
        config=replace(config, queues=replace(config.queues, result_rows=result_rows)),
    )


async def record(dut, times: dict[str, list[int]], begun: int) -> None:
    """Record the cycles of all transfers and finishes."""
    while True:
        await tick(dut)
        cycle = cycle_now() - begun - 1
        for name, found in times.items():
            signals = (f"{name}__valid", f"{name}__ready") if hasattr(dut, f"{name}__valid") else ()
            if all(read(dut, signal) for signal in signals or (name,)):
                found.append(cycle)


SEEN = {
    "weights": "weights_starts",
    "weights_finished": "weights_finishes",
    "matmuls": "matrix_starts",
    "matmul_finished": "matrix_finishes",
    "results": "taken",
    **{f"{name}__requests": name for name in OUTER_READERS},
}


async def take_at_a_rate(dut, period: int, begin: int) -> None:
    """Be ready from a cycle on, and again `period` cycles after each transfer."""
    results = Stream.amaranth(dut, "results")
    wait = begin
    while True:
        results.ready.value = int(not wait)
        await tick(dut)
        if wait:
            wait -= 1
        elif results.valid.value:
            wait = period - 1


async def read_rows(dut, name: str, reading: Reading) -> None:
    """Ask for rows as another unit does."""
    for _ in range(reading.begin):
        await tick(dut)
    await send(Stream.amaranth(dut, f"{name}__requests"), [(row,) for row in reading.rows])


async def check(
    dut,
    program,
    gaps,
    drain: Drain,
    taking: Coroutine,
    readings: Mapping[str, Reading] = MappingProxyType({}),
) -> None:
    """Run a program, and compare all cycles with those of the model.

    `taking`: takes the results, as `drain` does in the model. `readings`: those of other ports.
    """
    expected = times_of(
        parameters().config, program, gaps=gaps, drain=drain, readings=dict(readings)
    )
    begun = cycle_now()
    seen = {name: [] for name in SEEN}
    tasks = [
        cocotb.start_soon(record(dut, seen, begun)),
        cocotb.start_soon(taking),
        *[
            cocotb.start_soon(
                send(Stream.amaranth(dut, port), beats_of(program, opcode), iter(gaps[opcode]))
            )
            for opcode, port in PORTS.items()
        ],
        *[cocotb.start_soon(read_rows(dut, *reading)) for reading in readings.items()],
    ]
    for _ in range(max(max(cycles, default=0) for cycles in astuple(expected)) + 5):
        await tick(dut)
    for task in tasks:
        task.cancel()
    dut.results__ready.value = 0
    for name in (*PORTS.values(), *(f"{reader}__requests" for reader in OUTER_READERS)):
        getattr(dut, f"{name}__valid").value = 0
    await tick(dut)
    for name, field in SEEN.items():
        compare(name, seen[name], getattr(expected, field))
    assert not read(dut, "errors")


def rows_of(config: CoreConfig) -> tuple[range, range]:
    """Return the buffer rows of weights and of activations: different banks."""
    rows = config.buffer.rows
    return range(rows // 2, rows), range(rows // 2)


def draw(source: random.Random, late: float, *, shared: bool = False):
    """Return a random program, and the gaps before its instructions.

    `shared`: weights and activations may be in the same bank.
    """
    config = parameters().config
    rows = range(config.buffer.rows)
    banks = (rows, rows) if shared else rows_of(config)
    program = draw_products(source, config, tiles=30, banks=banks)
    gaps = {
        opcode: list(itertools.islice(random_gaps(source, late, 60), len(program)))
        for opcode in PORTS
    }
    return program, gaps


@cocotb.test(**TIMEOUT)
async def keeps_the_cycles_of_the_model(dut):
    """Random products, offered early and late, with results taken at once and late."""
    source = randomness()
    await start(dut)
    for late, likely in itertools.product((0.0, 0.6), (1.0, 0.5, 0.2)):
        ready = np.array([source.random() < likely for _ in range(20_000)])
        taking = throttle(Stream.amaranth(dut, "results"), iter(ready))
        await check(dut, *draw(source, late), when_ready(np.flatnonzero(ready)), taking)


@cocotb.test(**TIMEOUT)
async def keeps_the_cycles_of_a_drain_at_a_rate(dut):
    """Results are taken from some cycle on, and then at most one in a number of cycles."""
    source = randomness()
    await start(dut)
    for period in (1, 2, 4, 9):
        begin = source.choice([0, 300])
        drain = at_a_rate(period, begin=begin)
        await check(dut, *draw(source, 0.3), drain, take_at_a_rate(dut, period, begin))


@cocotb.test(**TIMEOUT)
async def keeps_the_cycles_of_ports_that_share_banks(dut):
    """Weights, activations and the rows of three other ports are in any banks."""
    source, rows = randomness(), parameters().config.buffer.rows
    await start(dut)
    for readers in (0, 1, 3, 3):
        readings = {
            name: Reading(rows=draw_rows(source, rows), begin=source.randrange(200))
            for name in source.sample(OUTER_READERS, readers)
        }
        period = source.choice([1, 3])
        drain = at_a_rate(period, begin=0)
        taking = take_at_a_rate(dut, period, 0)
        await check(dut, *draw(source, 0.2, shared=True), drain, taking, readings)


def draw_rows(source: random.Random, rows: int) -> list[int]:
    """Return runs of rows of a buffer, mostly of consecutive ones."""
    drawn: list[int] = []
    for _ in range(source.randint(5, 30)):
        count, first = source.choice([1, 3, 40]), source.randrange(rows - 40)
        drawn += range(first, first + count)
    return drawn
