"""StreamQueue: words leave once and in order, and every place comes back."""

import cocotb

from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, reset, start, tick
from benches.runner import on_icarus, on_simulators
from weft.primitives.stream_queue import StreamQueue
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, throttle, watch
from weft_sim.stalls import random_bools

QUEUES = {"12x6": (12, 6), "1x2": (1, 2), "30x5": (30, 5)}


@on_simulators("width, depth", QUEUES)
def test_stream_queue(simulate, width, depth):
    coroutines = [passes_a_word_per_cycle, passes_words_under_stalls]
    simulate(coroutines, StreamQueue, width=width, depth=depth)


@on_icarus
def test_stream_queue_of_ecp5(simulate):
    """A deep queue is a block memory."""
    coroutines = [passes_a_word_per_cycle, passes_words_under_stalls]
    simulate(coroutines, StreamQueue, width=9, depth=200, family="ecp5")


async def pass_words(dut, count: int, likely: float, offered: float) -> list[tuple[int, int]]:
    """Pass random words while there are places; return the cycles of their input and output."""
    source, width = randomness(), parameters().width
    words, went, seen, came = [], [], [], []
    places = parameters().depth

    def see(payload):
        seen.append(payload[0])
        came.append(cycle_now())

    stream = Stream.amaranth(dut, "o")
    tasks = [
        cocotb.start_soon(watch(stream, see)),
        cocotb.start_soon(throttle(stream, random_bools(source, likely))),
    ]
    offers = random_bools(source, offered)
    while len(seen) < count:
        sends = places > 0 and len(words) < count and next(offers)
        dut.i__valid.value = int(sends)
        dut.i__payload.value = word = source.getrandbits(width)
        if sends:
            words.append(word)
            went.append(cycle_now() + 1)
        await tick(dut)
        places += read(dut, "released") - sends
    for task in tasks:
        task.cancel()
    dut.i__valid.value = 0
    assert places == parameters().depth
    compare("words", seen, words, came)
    return list(zip(went, came, strict=True))


@cocotb.test(**TIMEOUT)
async def passes_a_word_per_cycle(dut):
    """Each word leaves `latency` cycles after it came."""
    await start(dut)
    cycles = await pass_words(dut, 100, 1.0, 1.0)
    assert {came - went for went, came in cycles} == {StreamQueue.latency}
    if parameters().depth > 2:
        assert cycles[-1][0] - cycles[0][0] == 99


@cocotb.test(**TIMEOUT)
async def passes_words_under_stalls(dut):
    """Also after a reset with words inside."""
    await start(dut)
    for likely, offered in ((0.3, 1.0), (1.0, 0.3), (0.5, 0.5)):
        dut.i__valid.value = 1
        await tick(dut)
        await tick(dut)
        dut.i__valid.value = 0
        await reset(dut)
        assert not read(dut, "o__valid")
        await pass_words(dut, 150, likely, offered)
