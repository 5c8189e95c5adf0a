"""NarrowFloat: float32 to bfloat16, as ml_dtypes rounds, in the exact cycle and with pauses."""

import random

import cocotb
import numpy as np

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.narrow_float import NarrowFloat
from weft.float_format import BFLOAT16, FLOAT32
from weft_model.chained import round_to

ROWS = 3000
ROUNDINGS = {"float32 to bfloat16": (FLOAT32, BFLOAT16)}


@on_simulators("wide, number", ROUNDINGS)
def test_narrow_float(simulate, wide, number):
    simulate([rounds_every_number], NarrowFloat, wide=wide, number=number)


def draw(source: random.Random) -> int:
    """Return a code: any, a tie or its neighbour, or one with an extreme exponent."""
    code = source.getrandbits(32)
    if source.random() < 0.5:
        code = code >> 16 << 16 | source.choice([0, 0x7FFF, 0x8000, 0x8001, 0xFFFF])
    if source.random() < 0.3:
        code = code & 0x807FFFFF | source.choice([0, 1, 254, 255]) << 23
    if source.random() < 0.1:
        code |= 0x7F0000
    return code


@cocotb.test(**TIMEOUT)
async def rounds_every_number(dut):
    """A new number in every cycle that advances; the others change nothing."""
    number, source = parameters().number, randomness()
    stimuli, codes, due = [], [], []
    for _ in range(ROWS):
        while source.random() < 0.3:
            stimuli.append({"i": draw(source), "advance": 0})
        codes.append(draw(source))
        stimuli.append({"i": codes[-1], "advance": 1})
        due.append(len(stimuli))
    stimuli.append({"i": 0, "advance": 0})
    await start(dut)
    trace = await play(dut, stimuli, ["o"])
    expected = round_to(np.array(codes, np.uint32).view(np.float32), number.dtype)
    got = [trace["o"][cycle] for cycle in due]
    compare("o", got, expected.view(np.uint16).tolist())
    for cycle, inputs in enumerate(stimuli[:-1]):
        if cycle >= due[0] and not inputs["advance"]:
            assert trace["o"][cycle + 1] == trace["o"][cycle]
