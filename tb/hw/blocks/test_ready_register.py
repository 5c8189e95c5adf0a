"""ReadyRegister: the same words in the same cycles, and a `ready` that nothing reaches at once."""

import cocotb

from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.blocks.ready_register import ReadyRegister


@on_simulators("width", {"9 bits": 9, "1 bit": 1})
def test_ready_register(simulate, width):
    simulate(
        [passes_every_word_at_once, has_a_ready_of_the_cycle_before], ReadyRegister, width=width
    )


@cocotb.test(**TIMEOUT)
async def passes_every_word_at_once(dut):
    """`o` offers what a plain wire would; no word is lost, repeated or changed while it waits."""
    source, width = randomness(), parameters().width
    await start(dut)
    waiting: list[int] = []
    sends, word, offers, takes = False, 0, 1.0, 1.0
    for turn in range(1500):
        if turn % 50 == 0:
            offers, takes = source.choice([0.2, 0.8, 1]), source.choice([0.2, 0.8, 1])
        if not sends:
            sends, word = source.random() < offers, source.getrandbits(width)
        dut.i__valid.value, dut.i__payload.value = int(sends), word
        dut.o__ready.value = ready = int(source.random() < takes)
        await tick(dut)
        if read(dut, "i__ready"):
            assert not waiting, "a place more than there is"
            if sends:
                waiting.append(word)
                sends = False
        assert read(dut, "o__valid") == bool(waiting)
        if waiting:
            assert read(dut, "o__payload") == waiting[0]
            if ready:
                waiting.pop(0)


@cocotb.test(**TIMEOUT)
async def has_a_ready_of_the_cycle_before(dut):
    """`i.ready` is high in a cycle if no word waited in the one before."""
    source = randomness()
    await start(dut)
    stalled = False
    for _ in range(300):
        dut.i__valid.value = valid = source.getrandbits(1)
        dut.o__ready.value = ready = source.getrandbits(1)
        await tick(dut)
        assert read(dut, "i__ready") == (not stalled)
        stalled = (stalled or valid) and not ready
