"""FloatAccumulatorBank: any row after any number of cycles that is legal, against numpy."""

import cocotb
import numpy as np

from benches.accumulators import FloatAccumulators
from benches.bits import join, split
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.floats import draw_code
from benches.runner import on_simulators
from weft.float_format import FLOAT32
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.float_accumulators import FloatAccumulatorBank
from weft_model.chained import canonical, float_sum

CYCLES = 1500


def floats(depth, columns):
    return MatrixUnitConfig(
        columns=columns,
        accumulator_depth=depth,
        activation="bfloat16",  # type: ignore[arg-type]
        weight="bfloat16",  # type: ignore[arg-type]
    )


FLOATS = {"9-columns-3": floats(9, 3), "512-columns-1": floats(512, 1), "3-columns-5": floats(3, 5)}


@on_simulators("config", FLOATS)
def test_float_accumulators(simulate, config):
    simulate([adds_floats_in_any_order], FloatAccumulators, config=config)


@cocotb.test(**TIMEOUT)
async def adds_floats_in_any_order(dut):
    """Rows come back after any number of cycles from the latency of the bank on."""
    config, source = parameters().config, randomness()
    columns, latency = config.columns, FloatAccumulatorBank.latency
    memory: dict[int, np.ndarray] = {}
    written: dict[int, int] = {}
    distances, expected, stimuli = [], {}, []
    sums = np.array(
        [[draw_code(source, FLOAT32, 127) for _ in range(columns)] for _ in range(CYCLES)],
        np.uint32,
    ).view(np.float32)
    for cycle in range(CYCLES):
        number = source.randrange(min(config.accumulator_depth, 9))
        distance = cycle - written.get(number, -CYCLES)
        valid = source.random() < 0.9
        first = number not in memory or distance < latency or source.random() < 0.05
        last = source.random() < 0.1
        flags = join([valid, first, last, source.getrandbits(1)], 1)
        stimuli.append({"row": flags | number << 4})
        if not valid:
            continue
        total = sums[cycle] if first else float_sum(memory[number], sums[cycle])
        expected[cycle] = canonical(total)
        if not first:
            distances.append(distance)
        if not last:
            memory[number], written[number] = expected[cycle], cycle
    assert all(distances.count(distance) > 3 for distance in range(latency, latency + 6))

    begin = FloatAccumulatorBank.read_latency
    lanes = np.zeros((CYCLES + begin + columns, columns), np.uint32)
    for column in range(columns):
        lanes[begin + column :][:CYCLES, column] = sums.view(np.uint32)[:, column]
    stimuli += [{"row": 0} for _ in range(len(lanes) + latency - CYCLES)]
    for cycle, row in enumerate(lanes.tolist()):
        stimuli[cycle]["sums_in"] = join(row, 32)
    await start(dut)
    trace = await play(dut, stimuli, ["sums_out"])
    out = [split(bits, 32, columns) for bits in trace["sums_out"]]
    due = [cycle for cycle in expected if cycle + begin + latency + columns <= len(out)]
    got = [[out[n + begin + latency + c][c] for c in range(columns)] for n in due]
    compare("sums_out", got, [expected[n].view(np.uint32).tolist() for n in due], due)
