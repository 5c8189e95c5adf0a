"""PairsCheck: every pair that has changed in a fast array is seen."""

import dataclasses

import cocotb

from benches.runner import (
    TIMEOUT,
    arguments,
    compare,
    join,
    on_simulators,
    operand,
    play,
    randomness,
    start,
)
from benches.tiles import LEAD, ROWS, draw_tiles
from weft.array.pairs import difference_shape, operand_shape
from weft.array.pairs_check import PairsCheck
from weft.matrix.config import MatrixUnitConfig

PAIRS = {
    "4x1": MatrixUnitConfig(rows=4, columns=1, activation="int4", weight="uint3"),
    "2x2": MatrixUnitConfig(rows=2, columns=2, activation="uint8", weight="int8"),
    "10x3": MatrixUnitConfig(rows=10, columns=3, activation="int1", weight="int2"),
}


@on_simulators("config", PAIRS)
def test_pairs_check(simulate, config):
    config = dataclasses.replace(config, inner_product="fast")
    simulate([sees_every_wrong_pair], PairsCheck, config)


@cocotb.test(**TIMEOUT)
async def sees_every_wrong_pair(dut):
    """Sums with the weights of a last column, as they are and with a bit changed."""
    (config,) = arguments()
    source = randomness()
    pairs, width = config.cell_rows, config.activation.width
    sum_bits, difference_bits = operand_shape(config).width, difference_shape(config).width
    tiles = draw_tiles(source, config)
    cycles = LEAD + ROWS + pairs + 10
    names = ("pairs", "switches", "loads", "difference", "activations")
    stimuli = [dict.fromkeys(names, 0) for _ in range(cycles)]
    expected = [0] * cycles
    firsts, weights = dict(tiles), [0] * config.rows
    for m in range(ROWS):
        if m in firsts:
            weights = [row[-1] for row in firsts[m]]
        lanes = [operand(source, config.activation) for _ in range(config.rows)]
        for pair in range(pairs):
            upper, lower = 2 * pair, 2 * pair + 1
            sums = [lanes[upper] + weights[lower], lanes[lower] + weights[upper]]
            bits = join(sums, sum_bits)
            wrong = source.random() < 0.2
            bits ^= wrong << source.randrange(2 * sum_bits)
            at = LEAD + m + pair
            stimuli[at]["activations"] |= join(lanes[upper : lower + 1], width) << upper * width
            stimuli[at + 1]["pairs"] |= bits << pair * 2 * sum_bits
            expected[at + PairsCheck.latency] |= wrong << pair
    for first, lanes in tiles:
        for pair in range(pairs):
            stimuli[LEAD + first + pair]["switches"] |= 1 << pair
        for push, row in enumerate(reversed(lanes)):
            stimulus = stimuli[LEAD + first - config.rows + push]
            stimulus["loads"] = join([push >= 2 * pair for pair in range(pairs)], 1)
            stimulus["difference"] = join([-row[-1]], difference_bits)
    await start(dut)
    trace = await play(dut, stimuli, ["wrong"])
    judged = slice(LEAD + pairs + PairsCheck.latency, LEAD + ROWS)
    compare("wrong", trace["wrong"][judged], expected[judged])
