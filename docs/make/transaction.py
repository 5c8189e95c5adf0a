"""The worked transaction: a 2 x 2 by 2 x 2 product, beat by beat."""

from dataclasses import dataclass

import numpy as np

from weft import MatrixUnitConfig
from weft_model import Schedule, matmul, predict
from weft_sim.beats import beats, lanes_to_numbers

CONFIG = MatrixUnitConfig(rows=2, columns=2, accumulator_depth=16)
A = np.array([[1, 2], [3, -4]], np.int8)
B = np.array([[5, 6], [-7, 8]], np.int8)


@dataclass(frozen=True, order=True)
class Beat:
    """One transfer: the cycle it takes place in, and what is on the port."""

    cycle: int
    port: str
    tdata: int
    tuser: int | None
    tlast: int


def transfers() -> list[Beat]:
    """Every transfer of the product without stalls, in time."""
    schedule = Schedule(CONFIG, *A.shape, B.shape[1])
    weights, activations = beats(schedule.transfers(A, B), CONFIG)
    results = lanes_to_numbers(matmul(CONFIG, A, B))
    last_cycle = predict(CONFIG, [schedule]).cycles - 1
    found = [Beat(i, "weights", data, None, last) for i, (data, last) in enumerate(weights)]
    for i, (data, user, last) in enumerate(activations):
        # The first row waits behind the port for its tile; the others follow it.
        cycle = CONFIG.rows + i - 1 if i else 0
        found.append(Beat(cycle, "activations", data, user, last))
    for i, data in enumerate(results):
        cycle = last_cycle - len(results) + 1 + i
        found.append(Beat(cycle, "results", data, None, int(i == len(results) - 1)))
    return sorted(found)
