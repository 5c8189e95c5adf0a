"""FloatResults: rows leave whole, in order and rounded, whatever the pauses at both ends."""

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from benches.bits import join, split
from benches.coroutines import TIMEOUT, compare, parameters, randomness, start
from benches.runner import on_simulators
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.float_results import FloatResults
from weft.matrix.layouts import result_layout, sum_row_layout
from weft_model.to_float import to_float
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

ROWS = 200
UNITS = {
    "float32": MatrixUnitConfig(rows=2, columns=3, result="float32"),
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


def draw(config, source, count):
    half = 1 << config.accumulator_width - 1
    rows = [
        ([source.randrange(-half, half) for _ in range(config.columns)], source.getrandbits(1))
        for _ in range(count)
    ]
    floats = to_float(
        np.array([lanes for lanes, _ in rows]), config.least_exponent, config.result_format
    )
    codes = floats.view(f"u{config.result_format.width // 8}").tolist()
    return rows, [(lanes, end) for lanes, (_, end) in zip(codes, rows, strict=True)]


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
