"""Coroutines on the whole unit with stalls and resets, which change nothing but timing."""

import itertools

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from benches.coroutines import TIMEOUT, parameters, randomness
from benches.products import Product, compute, outputs_stay_known, single_tile
from weft.matrix.timing import MatrixUnitTiming
from weft_model.cycle_model import predict
from weft_model.schedule import Transfers
from weft_sim.beats import beats
from weft_sim.cocotb_driver import reset, start, unit_streams
from weft_sim.cocotb_streams import send
from weft_sim.stalls import random_bools, random_gaps


@cocotb.test(**TIMEOUT)
async def stalls_change_nothing_but_time(dut):
    """Gaps at each input, back-pressure at the output, and all of them together."""
    config, source = parameters().config, randomness()
    await start(dut)
    kinds = {
        "weight_gaps": lambda: random_gaps(source, 0.4, 2 * config.rows),
        "activation_gaps": lambda: random_gaps(source, 0.4, 2 * config.rows),
        "ready": lambda: random_bools(source, source.choice([0.1, 0.5, 0.9])),
    }
    for chosen in (*([name] for name in kinds), ["weight_gaps", "activation_gaps"], list(kinds)):
        products = [Product.draw(config, source) for _ in range(2)]
        await compute(dut, config, products, **{name: kinds[name]() for name in chosen})


@cocotb.test(**TIMEOUT)
async def waits_for_a_long_time(dut):
    """The sink, then each source, stalls longer than the latency; the causes are counted."""
    config, source = parameters().config, randomness()
    await start(dut)

    def after(pause, then):
        yield from [pause]
        while True:
            yield then

    def ready_after(cycles):
        yield from [False] * cycles
        while True:
            yield True

    pause = 300
    driven = await compute(
        dut, config, [Product.draw(config, source, m=100)], ready=ready_after(pause)
    )
    assert driven.counters["waiting_for_room"] > 0
    driven = await compute(dut, config, [Product.draw(config, source)], weight_gaps=after(pause, 0))
    assert driven.counters["waiting_for_weights"] >= pause - 2
    driven = await compute(
        dut, config, [Product.draw(config, source)], activation_gaps=after(pause, 0)
    )
    assert driven.counters["waiting_for_activations"] >= pause - 2


@cocotb.test(**TIMEOUT)
async def keeps_a_result_while_others_are_awaited(dut):
    """A result is not taken while the unit waits for weights, for activations, for nothing."""
    config, source = parameters().config, randomness()
    await start(dut)
    # Longer than the latency of a row.
    pause = MatrixUnitTiming.of(config).latency + 20
    weight_gaps = itertools.chain([0] * config.rows, [pause], itertools.repeat(0))
    # The second row is at the gate while it waits for its weights.
    activation_gaps = itertools.chain([0, 0, 2 * pause + config.rows], itertools.repeat(0))
    ready = itertools.chain([False] * (5 * pause + 3 * config.rows), itertools.repeat(True))
    stalls = {"weight_gaps": weight_gaps, "activation_gaps": activation_gaps, "ready": ready}
    products = [single_tile(config, source, 1) for _ in range(3)]
    driven = await compute(dut, config, products, **stalls)
    assert driven.counters["waiting_for_weights"] >= pause - config.rows - 2
    assert driven.counters["waiting_for_activations"] >= pause - config.rows - 2
    assert driven.result_cycles[0] > 5 * pause


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """A reset in a random cycle of a product leaves no trace of it."""
    config, source = parameters().config, randomness()
    await start(dut)
    cocotb.start_soon(outputs_stay_known(dut, config))
    for _ in range(12):
        product = Product.draw(config, source)
        weights, activations, results = unit_streams(dut)
        weight_beats, activation_beats = beats(product.transfers, config)
        results.ready.value = source.randrange(2)
        tasks = [
            cocotb.start_soon(send(weights, weight_beats)),
            cocotb.start_soon(send(activations, activation_beats)),
        ]
        length = predict(config, [product.schedule]).cycles
        await ClockCycles(dut.aclk, source.randint(1, length))
        await interrupt(dut, tasks)
        await compute(dut, config, [Product.draw(config, source)])


async def interrupt(dut, tasks):
    """Reset while transfers are offered, stop sending, and check that no output is active."""
    for task in tasks:
        task.cancel()
    dut.aresetn.value = 0
    await RisingEdge(dut.aclk)
    weights, activations, results = unit_streams(dut)
    weights.valid.value = 0
    activations.valid.value = 0
    results.ready.value = 0
    await reset(dut)
    assert results.valid.value == 0
    assert dut.error_status.value == 0


@cocotb.test(**TIMEOUT)
async def resets_in_every_activity(dut):
    """Resets in every kind of wait, with an unfinished sum, and with an error set."""
    config, source = parameters().config, randomness()
    await start(dut)
    side, deep = config.rows, MatrixUnitTiming.of(config).result_depth
    product = single_tile(config, source, 2 * deep)
    weight_beats, activation_beats = beats(product.transfers, config)
    unfinished = Transfers(**{**vars(product.transfers), "last": product.transfers.last * 0})
    nowhere = product.transfers.row * 0 + config.accumulator_depth
    out_of_range = Transfers(**{**vars(product.transfers), "row": nowhere})
    begun_beats, wrong_beats = (
        beats(transfers, config)[1] for transfers in (unfinished, out_of_range)
    )
    # Weights and activations to send, whether results are taken, and for how many cycles.
    for weights_sent, activations_sent, ready, cycles in (
        ([], [], True, 5),
        ([], activation_beats[:1], True, 5),
        (weight_beats, activation_beats[:1], True, (1 + side) // 2),
        (weight_beats[: 1 + side // 2], [], True, side + 5),
        (weight_beats, [], True, side + 5),
        (weight_beats, begun_beats[:1], True, side + 5),
        (weight_beats, activation_beats, True, side + deep),
        (weight_beats, activation_beats, False, side + 2 * deep),
        (weight_beats, wrong_beats, True, side + 20),
    ):
        weights, activations, results = unit_streams(dut)
        results.ready.value = int(ready)
        tasks = [
            cocotb.start_soon(send(weights, weights_sent)),
            cocotb.start_soon(send(activations, activations_sent)),
        ]
        await ClockCycles(dut.aclk, cycles)
        assert bool(dut.error_status.value) == (activations_sent is wrong_beats)
        await interrupt(dut, tasks)
        await compute(dut, config, [Product.draw(config, source)])
