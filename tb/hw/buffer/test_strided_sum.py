"""StridedSum: an origin plus the iteration of each loop times its stride."""

import itertools

import cocotb

from benches.bits import pack, to_signed
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.buffer.strided_sum import StridedSum

SUMS = {
    "all": (10, (5, 10, 4)),
    "inner": (8, (0, 3, 0, 8)),
    "outer": (6, (4, 0, 0)),
    "one": (5, (5,)),
}


@on_simulators("width, strides", SUMS)
def test_strided_sum(simulate, width, strides):
    simulate([adds_strides], StridedSum, width=width, strides=strides)


@cocotb.test(**TIMEOUT)
async def adds_strides(dut):
    """Walks with random strides and pauses; the inputs are noise when they do not count."""
    width, widths = parameters().width, parameters().strides
    source = randomness()
    layout = StridedSum(width=width, strides=widths).strides.shape()
    await start(dut)
    for _ in range(40):
        counts = [source.randint(1, 4) for _ in widths]
        strides = [source.getrandbits(bits) for bits in widths]
        origin = source.getrandbits(width)
        dut.start.value, dut.origin.value = 1, origin
        dut.strides.value = pack(
            layout, **{str(n): strides[n] for n, bits in enumerate(widths) if bits}
        )
        dut.step.value, dut.advances.value = source.getrandbits(1), 0
        await tick(dut)
        dut.start.value = 0
        dut.origin.value = source.getrandbits(width)
        iterations = list(itertools.product(*map(range, counts)))
        for here, after in itertools.zip_longest(iterations, iterations[1:]):
            changed = [loop for loop, i in enumerate(here) if after and after[loop] != i]
            dut.advances.value = 1 << changed[0] if changed else 0
            for step in (*[0] * source.choice([0, 0, 2]), 1):
                dut.step.value = step
                await tick(dut)
                signed = [
                    to_signed(s, bits) if bits else 0
                    for s, bits in zip(strides, widths, strict=False)
                ]
                total = origin + sum(i * stride for i, stride in zip(here, signed, strict=True))
                assert read(dut, "value") == total & ((1 << width) - 1), here
