"""Run the coroutines of the benches of whole units on the units of the coverage campaign.

Only `verify coverage` runs this file; it is not part of the test suite. The ports are sampled
during the run, and the hits of the bins are written to the folder of the test.
"""

import json
from collections import Counter
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from benches import products, unit_misuse, unit_products, unit_stalls
from benches.coroutines import TIMEOUT, parameters
from benches.products import unit
from benches.runner import on_simulators
from verify.coverage.bins import Sampler
from verify.coverage.command import BINS_FILE
from verify.coverage.ports import ActivationRow, CounterModel, Cycle, Handshake, WeightRow
from weft.core.axi_matrix_unit import AxiMatrixUnit, tuser_layout
from weft.matrix.config import MatrixUnitConfig
from weft_sim.cocotb_driver import read_counters, unit_streams
from weft_sim.cocotb_streams import Stream

# Two words of begun flags, sums that wrap, and sides that need a nested hierarchy.
SIZES = {"accumulator_depth": 32, "accumulator_width": 20}
UNITS = {
    "plain": unit(10, 9, **SIZES),
    "fast": unit(
        12,
        10,
        inner_product="fast",
        multiplier_stages=2,
        adder_stages=2,
        soft_columns=3,
        **SIZES,
    ),
    "checksum": unit(4, 5, checksum=True, **SIZES),
    "fast_checksum": unit(4, 3, checksum=True, inner_product="fast", **SIZES),
    # So small that sums are delayed until their row has been checked.
    "small": unit(2, 2, multiplier_stages=0, **SIZES),
}
BENCHES = (
    unit_products.multiplies,
    unit_products.runs_back_to_back,
    unit_products.adds_to_the_same_row_every_cycle,
    unit_products.wraps_as_numpy_does,
    unit_stalls.stalls_change_nothing_but_time,
    unit_stalls.waits_for_a_long_time,
    unit_stalls.keeps_a_result_while_others_are_awaited,
    unit_stalls.works_as_new_after_a_reset,
    unit_stalls.resets_in_every_activity,
    unit_products.takes_flags_in_any_order,
    unit_products.uses_every_accumulator_row,
    unit_products.ends_a_job_with_every_result,
    unit_products.waits_within_a_sum,
    unit_products.counts_every_activity_for_long,
    unit_misuse.sees_every_misuse,
    unit_misuse.sees_an_error_while_errors_are_cleared,
)
# Hits by (group, bin), over all coroutines of a run.
counts: Counter[tuple[str, str]] = Counter()


@on_simulators("config", UNITS, verilator=len(UNITS))
def test_unit(simulate, config):
    simulate([globals()[bench.name] for bench in BENCHES], AxiMatrixUnit, config=config)


def watched(bench):
    """Wrap a coroutine of another bench, so that the ports are sampled while it runs."""

    async def run(dut):
        config = parameters().config
        sampler = Sampler(config)
        products.computed.clear()
        sampling = cocotb.start_soon(sample(dut, config, sampler))
        await bench.func(dut)
        sampling.cancel()
        for schedule in products.computed:
            sampler.take_product(schedule)
        counts.update(sampler.counts)
        hits = [[group, name, count] for (group, name), count in sorted(counts.items())]
        Path(BINS_FILE).write_text(json.dumps(hits))

    run.__name__ = run.__qualname__ = bench.name
    return cocotb.test(**TIMEOUT)(run)


globals().update({bench.name: watched(bench) for bench in BENCHES})


async def sample(dut, config: MatrixUnitConfig, sampler: Sampler) -> None:
    """Sample every cycle after the first reset; check the modelled counters against the unit."""
    edge, counters = RisingEdge(dut.aclk), CounterModel()
    streams = unit_streams(dut)
    while dut.aresetn.value != 0:
        await edge
    while True:
        await edge
        cycle = read_cycle(dut, config, streams)
        activity = sampler.take(cycle)
        if cycle.reset:
            counters.start()
            continue
        if counters.counters["total"] % 16 == 0:
            counted = read_counters(dut)
            assert counted == counters.counters, (
                f"{counted}, but the ports give {counters.counters}"
            )
        counters.step(activity)


def read_cycle(dut, config: MatrixUnitConfig, streams: tuple[Stream, Stream, Stream]) -> Cycle:
    """Return the ports as a flip-flop samples them at this edge."""
    weights, activations, results = streams
    weight_row = activation_row = None
    if weights.valid.value:
        lanes, last = (int(handle.value) for handle in weights.payload)
        weight_row = WeightRow(
            split_lanes(lanes, config.columns, config.weight_port.lane), bool(last)
        )
    if activations.valid.value:
        lanes, tuser, end = (int(handle.value) for handle in activations.payload)
        fields = {
            name: tuser >> field.offset & ((1 << field.width) - 1)
            for name, field in tuser_layout(config)
        }
        lanes = split_lanes(lanes, config.rows, config.activation_port.lane)
        activation_row = ActivationRow(lanes, end=bool(end), **fields)
    return Cycle(
        reset=not dut.aresetn.value,
        weights=handshake(weights),
        activations=handshake(activations),
        results=handshake(results),
        weight_row=weight_row,
        activation_row=activation_row,
        result_ends=bool(results.valid.value) and bool(results.payload[1].value),
        errors=int(dut.error_status.value),
        clears=bool(dut.clear_errors.value),
    )


def handshake(stream: Stream) -> Handshake:
    return Handshake(bool(stream.valid.value), bool(stream.ready.value))


def split_lanes(bits: int, count: int, number) -> np.ndarray:
    """Split a beat into lanes, lane 0 first."""
    size = count * number.dtype.itemsize
    return np.frombuffer(bits.to_bytes(size, "little"), number.dtype)
