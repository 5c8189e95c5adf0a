"""PairsCheck: every pair that changed in a fast array is detected."""

import cocotb

from benches.bits import join, operand
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from benches.tiles import LEAD, ROWS, draw_tiles
from weft.array.pairs import difference_shape, operand_shape
from weft.array.pairs_check import PairsCheck
from weft.matrix.config import MatrixUnitConfig

PAIRS = {
    "2 of int4 and uint3": MatrixUnitConfig(rows=4, activation="int4", weight="uint3"),
    "1 of uint8 and int8": MatrixUnitConfig(rows=2, activation="uint8", weight="int8"),
    "5 of int1 and int2": MatrixUnitConfig(rows=10, activation="int1", weight="int2"),
}


@on_simulators("config", PAIRS)
def test_pairs_check(simulate, config):
    arithmetic, pairs = config.arithmetic, config.rows // 2
    simulate([sees_every_wrong_pair], PairsCheck, arithmetic=arithmetic, pairs=pairs)


@cocotb.test(**TIMEOUT)
async def sees_every_wrong_pair(dut):
    """Sums with the weights of the last column come unchanged, or with one bit changed."""
    arithmetic, pairs = parameters().arithmetic, parameters().pairs
    source = randomness()
    rows, width = 2 * pairs, arithmetic.activation.width
    sum_bits, difference_bits = operand_shape(arithmetic).width, difference_shape(arithmetic).width
    tiles = draw_tiles(source, arithmetic.weight, rows=rows, columns=1)
    cycles = LEAD + ROWS + pairs + 10
    names = ("pairs_in", "switches", "loads", "difference", "activations")
    stimuli = [dict.fromkeys(names, 0) for _ in range(cycles)]
    expected = [0] * cycles
    firsts, weights = dict(tiles), [0] * rows
    for m in range(ROWS):
        if m in firsts:
            weights = [row[-1] for row in firsts[m]]
        lanes = [operand(source, arithmetic.activation) for _ in range(rows)]
        for pair in range(pairs):
            upper, lower = 2 * pair, 2 * pair + 1
            sums = [lanes[upper] + weights[lower], lanes[lower] + weights[upper]]
            bits = join(sums, sum_bits)
            wrong = source.random() < 0.2
            bits ^= wrong << source.randrange(2 * sum_bits)
            at = LEAD + m + pair
            stimuli[at]["activations"] |= join(lanes[upper : lower + 1], width) << upper * width
            stimuli[at + 1]["pairs_in"] |= bits << pair * 2 * sum_bits
            expected[at + PairsCheck.latency] |= wrong << pair
    for first, lanes in tiles:
        for pair in range(pairs):
            stimuli[LEAD + first + pair]["switches"] |= 1 << pair
        for push, row in enumerate(reversed(lanes)):
            stimulus = stimuli[LEAD + first - rows + push]
            stimulus["loads"] = join([push >= 2 * pair for pair in range(pairs)], 1)
            stimulus["difference"] = join([-row[-1]], difference_bits)
    await start(dut)
    trace = await play(dut, stimuli, ["wrong"])
    judged = slice(LEAD + pairs + PairsCheck.latency, LEAD + ROWS)
    compare("wrong", trace["wrong"][judged], expected[judged])
