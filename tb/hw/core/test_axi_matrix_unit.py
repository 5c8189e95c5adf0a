"""AxiMatrixUnit: byte-wide lanes, and every field at its documented position."""

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from benches.bits import split
from benches.coroutines import TIMEOUT, compare, parameters, randomness
from benches.products import Product, draw_matrix, unit
from benches.runner import on_simulators
from weft.core.axi_matrix_unit import AxiMatrixUnit, tuser_layout
from weft.matrix.layouts import counter_layout
from weft_sim.beats import beats
from weft_sim.cocotb_driver import reset, start, unit_streams
from weft_sim.cocotb_streams import send, watch

UNITS = {
    "int5 by uint3": unit(
        *(3, 4), activation="int5", weight="uint3", accumulator_width=21, accumulator_depth=5
    ),
    "uint9 by int12": unit(2, 3, activation="uint9", weight="int12", accumulator_width=40),
    "int8 by int8": unit(4, 4),
}


@on_simulators("config", UNITS)
def test_axi_matrix_unit(simulate, config):
    coroutines = [ignores_bits_above_a_format, takes_every_field_from_its_position]
    simulate(coroutines, AxiMatrixUnit, config=config)


async def results_of(dut, config, weight_beats, activation_beats, count) -> list[list[int]]:
    """Send beats as given; return the payloads of `count` results."""
    weights, activations, results = unit_streams(dut)
    seen: list[list[int]] = []
    results.ready.value = 1
    tasks = [
        cocotb.start_soon(send(weights, weight_beats)),
        cocotb.start_soon(send(activations, activation_beats)),
    ]
    await watch(results, lambda payload: seen.append(list(payload)) or len(seen) == count)
    for task in tasks:
        task.cancel()
    return seen


@cocotb.test(**TIMEOUT)
async def ignores_bits_above_a_format(dut):
    """Noise above the bits of a lane has no effect; results are sign extended to whole bytes."""
    config, source = parameters().config, randomness()
    await start(dut)
    product = Product.draw(config, source)
    weights, activations = beats(product.transfers, config)

    def noisy(lanes: int, number, count: int) -> int:
        step = number.lane_width
        above = (1 << step) - (1 << number.width)
        for lane in range(count):
            lanes &= ~(above << lane * step)
            lanes |= (source.getrandbits(step) & above) << lane * step
        return lanes

    weights = [
        (noisy(lanes, config.weight_port.lane, config.columns), last) for lanes, last in weights
    ]
    activations = [
        (noisy(lanes, config.activation_port.lane, config.rows), *rest)
        for lanes, *rest in activations
    ]
    seen = await results_of(dut, config, weights, activations, product.transfers.results)
    width = config.accumulator.lane_width
    lanes = np.array([split(payload[0], width, config.columns) for payload in seen], object)
    got = product.schedule.gather(lanes).tolist()
    expected = [[int(z) % (1 << width) for z in row] for row in product.expected.tolist()]
    compare("results", got, expected)


@cocotb.test(**TIMEOUT)
async def takes_every_field_from_its_position(dut):
    """Each product uses its own accumulator row; tlast returns with the result."""
    config, source = parameters().config, randomness()
    await start(dut)
    fields = {name: field.offset for name, field in tuser_layout(config)}
    tile = draw_matrix(source, config.weight_port.lane, (config.rows, config.columns))
    a = draw_matrix(source, config.activation_port.lane, (1, config.rows))
    product = Product(config, a, tile)
    weights, [(lanes, _, _)] = beats(product.transfers, config)
    for row in range(config.accumulator_depth):
        end = row % 2
        begins = 1 << fields["switch"] | 1 << fields["first"] | row << fields["row"]
        ends = 1 << fields["last"] | row << fields["row"]
        rows = [(lanes, begins, 0), (lanes, ends, end)]
        ((payload, tlast),) = await results_of(dut, config, weights, rows, 1)
        width = config.accumulator.lane_width
        expected = [2 * int(z) % (1 << width) for z in product.expected[0]]
        assert split(payload, width, config.columns) == expected
        assert tlast == end
        await reset(dut)
    await RisingEdge(dut.aclk)
    counted = [int(getattr(dut, f"counter_{name}").value) for name, _ in counter_layout()]
    assert counted[0] < 20 and dut.error_status.value == 0
