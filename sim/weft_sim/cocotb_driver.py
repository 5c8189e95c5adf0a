"""Drive an emitted matrix unit from cocotb: streams, reset, counters and transfers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import counter_layout
from weft_model.schedule import Transfers

from .beats import beats, numbers_to_lanes
from .clock import PERIOD_NS, RESET_CYCLES
from .cocotb_streams import Stream, send, throttle, watch


def unit_streams(dut) -> tuple[Stream, Stream, Stream]:
    """Return the streams of an emitted matrix unit: weights, activations and results."""
    user = ["tuser"] if hasattr(dut, "s_axis_weights_tuser") else []
    return (
        Stream.axi(dut, "s_axis_weights", "tdata", *user, "tlast"),
        Stream.axi(dut, "s_axis_activations", "tdata", "tuser", "tlast"),
        Stream.axi(dut, "m_axis_results", "tdata", "tlast"),
    )


async def start(dut) -> None:
    """Set every input to zero, start the clock, reset, and return right after a rising edge."""
    weights, activations, results = unit_streams(dut)
    for handle in (
        *(*weights.payload, weights.valid),
        *(*activations.payload, activations.valid),
        *(results.ready, dut.clear_errors, dut.aresetn),
    ):
        handle.value = 0
    Clock(dut.aclk, PERIOD_NS, unit="ns").start()
    await reset(dut)


async def reset(dut) -> None:
    """Assert reset for RESET_CYCLES, and return right after the first edge without reset."""
    dut.aresetn.value = 0
    for _ in range(RESET_CYCLES):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1
    await RisingEdge(dut.aclk)


def read_counters(dut) -> dict[str, int]:
    """Return the counters during the cycle that the latest edge ended."""
    return {name: int(getattr(dut, f"counter_{name}").value) for name, _ in counter_layout()}


def cycle_now() -> int:
    return int(get_sim_time("ns")) // PERIOD_NS


@dataclass(frozen=True)
class CollectedResults:
    """Results of a unit: `results`, (transfers, C), with the tlast and the cycle of each transfer.

    `cycles`: from the first offered transfer to the last result, both included. `counters`: how far
    each counter advanced in these cycles.
    """

    results: np.ndarray
    ends: list[int]
    result_cycles: list[int]
    cycles: int
    counters: dict[str, int]


async def drive(
    dut,
    config: MatrixUnitConfig,
    transfers: Transfers,
    *,
    weight_gaps: Iterator[int] | None = None,
    activation_gaps: Iterator[int] | None = None,
    ready: Iterator[int] | None = None,
    seen: Callable[[int], None] | None = None,
) -> CollectedResults:
    """Send transfers through an idle unit; to be called right after a rising edge."""
    weights, activations, results = unit_streams(dut)
    weight_beats, activation_beats = beats(transfers, config)
    numbers: list[int] = []
    ends: list[int] = []
    result_cycles: list[int] = []

    def take(payload):
        numbers.append(payload[0])
        ends.append(payload[1])
        result_cycles.append(cycle_now() - first_edge - 1)
        if seen is not None:
            seen(len(numbers))
        return len(numbers) == transfers.results

    first_edge = cycle_now()
    tasks = [
        cocotb.start_soon(send(weights, weight_beats, weight_gaps)),
        cocotb.start_soon(send(activations, activation_beats, activation_gaps)),
    ]
    if ready is None:
        results.ready.value = 1
    else:
        tasks.append(cocotb.start_soon(throttle(results, ready)))
    watcher = cocotb.start_soon(watch(results, take))
    await RisingEdge(dut.aclk)
    before = read_counters(dut)
    await watcher
    cycles = cycle_now() - first_edge
    await RisingEdge(dut.aclk)
    after = read_counters(dut)
    for task in tasks:
        task.cancel()
    results.ready.value = 0
    advanced = {name: (after[name] - before[name]) % (1 << 32) for name in after}
    results_out = numbers_to_lanes(numbers, config)
    return CollectedResults(results_out, ends, result_cycles, cycles, advanced)
