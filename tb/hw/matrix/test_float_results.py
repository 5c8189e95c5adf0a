"""FloatResults: rows leave whole, in order and rounded, whatever the pauses at both ends."""

import math

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from benches.bits import join, split
from benches.coroutines import TIMEOUT, compare, parameters, randomness, start
from benches.floats import draw_code, sums_as_floats
from benches.runner import on_simulators
from weft.float_format import FLOAT32
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.float_results import FloatResults
from weft.matrix.layouts import result_layout, sum_row_layout
from weft_model.chained import canonical, round_to
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

ROWS = 200
UNITS = {
    "float32": MatrixUnitConfig(rows=2, columns=3, result="float32"),
    "float32 with flags": MatrixUnitConfig(
        rows=2,
        columns=2,
        activation="float8_e4m3fn",  # type: ignore[arg-type]
        weight="float4_e2m1fn",  # type: ignore[arg-type]
    ),
    "float32 with infinities": MatrixUnitConfig(
        rows=2,
        columns=2,
        activation="float8_e5m2",  # type: ignore[arg-type]
        weight="float8_e5m2",  # type: ignore[arg-type]
    ),
    "bfloat16 of float32": MatrixUnitConfig(
        rows=2,
        columns=3,
        activation="bfloat16",  # type: ignore[arg-type]
        weight="bfloat16",  # type: ignore[arg-type]
        result="bfloat16",
    ),
    "bfloat16": MatrixUnitConfig(
        rows=2,
        columns=2,
        activation="float6_e3m2fn",  # type: ignore[arg-type]
        weight="float4_e2m1fn",  # type: ignore[arg-type]
        result="bfloat16",
    ),
}


@on_simulators("config", UNITS)
def test_float_results(simulate, config):
    simulate([passes_every_row, takes_its_latency], FloatResults, config=config)


def packed(layout, lanes, end):
    width = layout["lanes"].shape.elem_shape.width
    return join(lanes, width) | end << layout["end"].offset


async def passed(dut, config, rows, **pauses):
    """Send rows of sums; return the rows that leave, and the cycle of the first."""
    out = result_layout(config)
    received, cycles = [], []
    cycle = 0

    def take(payload):
        bits = payload[0]
        lanes = split(bits, config.result_format.width, config.columns)
        received.append((lanes, bits >> out["end"].offset & 1))
        cycles.append(cycle)
        return len(received) == len(rows)

    sink, beats = (
        Stream.amaranth(dut, "o"),
        [(packed(sum_row_layout(config), *row),) for row in rows],
    )
    tasks = [cocotb.start_soon(send(Stream.amaranth(dut, "i"), beats, pauses.get("gaps")))]
    if "ready" in pauses:
        tasks.append(cocotb.start_soon(throttle(sink, pauses["ready"])))
    else:
        sink.ready.value = 1
    watcher = cocotb.start_soon(watch(sink, take))
    while not watcher.done():
        await RisingEdge(dut.clk)
        cycle += 1
    for task in tasks:
        task.cancel()
    return received, cycles


def draw_sum(source, width):
    """Return a number of any magnitude, or the least one."""
    least = -(1 << width - 1)
    number = (source.getrandbits(width) + least) >> source.randrange(width)
    return least if source.random() < 0.05 else number


def draw(config, source, rows):
    """Return random rows of sums and of results, each with `end`."""
    shape, number = (rows, config.columns), config.result_format
    ends = [source.getrandbits(1) for _ in range(rows)]
    size, width, count = math.prod(shape), config.accumulator_width, config.arithmetic.flags
    if config.chained:
        lanes = [draw_code(source, FLOAT32, 127) for _ in range(size)]
        floats = round_to(np.array(lanes, np.uint32).view(np.float32), number.dtype)
    else:
        sums = [draw_sum(source, width) for _ in range(size)]
        flags = [source.getrandbits(count) if source.random() < 0.3 else 0 for _ in range(size)]
        lanes = [
            total % (1 << width) << count | seen for total, seen in zip(sums, flags, strict=True)
        ]
        floats = sums_as_floats(sums, config.least_exponent, number)
        # By the number of flags and their value.
        special = [[0], [0, np.nan], [0, np.inf, -np.inf, np.nan]][count]
        found = np.array([special[seen] for seen in flags])
        floats = np.where(found == 0, floats, canonical(found.astype(number.dtype)))
    results = floats.view(f"u{number.width // 8}").reshape(shape).tolist()
    sent = [lanes[n : n + config.columns] for n in range(0, size, config.columns)]
    return list(zip(sent, ends, strict=True)), list(zip(results, ends, strict=True))


@cocotb.test(**TIMEOUT)
async def passes_every_row(dut):
    """Gaps in, pauses out, and both."""
    config, source = parameters().config, randomness()
    await start(dut)
    for gaps, ready in ((0, 0.5), (0.5, 1), (0.3, 0.3)):
        rows, expected = draw(config, source, ROWS)
        received, _ = await passed(
            dut, config, rows, gaps=random_gaps(source, gaps, 5), ready=random_bools(source, ready)
        )
        for what in (0, 1):
            compare(
                ("lanes", "end")[what], [x[what] for x in received], [x[what] for x in expected]
            )


@cocotb.test(**TIMEOUT)
async def takes_its_latency(dut):
    """Without pauses, one row per cycle after the latency."""
    config, source = parameters().config, randomness()
    await start(dut)
    rows, expected = draw(config, source, 20)
    received, cycles = await passed(dut, config, rows)
    assert received == expected
    assert cycles == list(range(cycles[0], cycles[0] + 20))
    assert cycles[0] in (FloatResults.latency_of(config), FloatResults.latency_of(config) + 1)
