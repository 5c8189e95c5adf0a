"""Plans: the random work, stalls, misuse and resets of one comparison, from a seed."""

import random
from dataclasses import dataclass

from weft.matrix.config import MatrixUnitConfig
from weft_model.cycle_model import predict
from weft_model.operands import draw_products
from weft_model.schedule import Schedule, Transfers
from weft_sim.stalls import Stalls

# Each plan has all kinds, ROUNDS times, in random order.
KINDS = ("work", "stalled work", "interrupted work", "misuse", "stalled misuse")
ROUNDS = 2


@dataclass(frozen=True)
class Act:
    """Transfers that are offered to a unit for `cycles`, and what follows.

    `stalls`: gaps and back-pressure on all streams; if None, transfers are offered without gaps and
    results are always taken. `clear`: clear the errors afterwards. `reset`: reset the unit
    afterwards, even in the middle of work.
    """

    kind: str
    transfers: Transfers
    stalls: Stalls | None
    cycles: int
    clear: bool
    reset: bool


def draw_plan(config: MatrixUnitConfig, seed: int) -> list[Act]:
    """Return the acts of one comparison; they depend only on the configuration and the seed."""
    source = random.Random(seed)
    kinds = list(KINDS) * ROUNDS
    source.shuffle(kinds)
    return [_draw_act(config, kind, source) for kind in kinds]


def _draw_act(config: MatrixUnitConfig, kind: str, source: random.Random) -> Act:
    rows, columns = config.rows, config.columns
    m, k, n = (source.randint(1, most) for most in (24, 2 * rows + 1, 2 * columns + 1))
    products = draw_products(config, m, k, n, seed=source.getrandbits(32))
    operands = source.choice(products)
    schedule = Schedule.of(config, *operands)
    transfers = schedule.transfers(*operands)
    misused = "misuse" in kind
    if misused:
        transfers = _misuse(config, transfers, source)
    stalls = Stalls.draw(source.getrandbits(32)) if "stalled" in kind else None
    cycles = predict(config, [schedule]).cycles
    if kind == "interrupted work":
        cycles = source.randint(1, cycles)
    else:
        cycles = cycles * (1 if stalls is None else 3) + 4 * (rows + columns) + 40
    return Act(
        kind,
        transfers,
        stalls,
        cycles,
        clear=misused,
        # Without a reset after misuse, the next act starts in the state that the misuse left.
        reset=kind == "interrupted work" or (misused and source.random() < 0.5),
    )


def _misuse(config: MatrixUnitConfig, transfers: Transfers, source: random.Random) -> Transfers:
    """Break the rules of the ports in one to three places."""
    changed = {name: column.copy() for name, column in vars(transfers).items()}
    for _ in range(source.randint(1, 3)):
        name = source.choice(["tile_end", "switch", "first", "last", "row"])
        at = source.randrange(len(changed[name]))
        if name == "row":
            changed[name][at] = source.randint(0, config.accumulator_depth)
        else:
            changed[name][at] ^= 1
    transfers = Transfers(**changed)
    if source.random() < 0.3 and len(transfers.weights) > 1:
        number = source.randrange(len(transfers.weights))
        transfers = transfers.without_weight_row(number)
    return transfers
