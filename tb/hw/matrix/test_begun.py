"""BegunRows: the flag of every row, including writes while it is looked up."""

import cocotb

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.matrix.begun import WORD, BegunRows

CYCLES = 2000
DEPTHS = {str(depth): depth for depth in (1, 2, 3, WORD - 1, WORD, WORD + 1, 33, 512)}


@on_simulators("depth", DEPTHS)
def test_begun_rows(simulate, depth):
    coroutines = [remembers_every_flag, forgets_all_flags_at_a_reset]
    simulate(coroutines, BegunRows, depth=depth)


def draw(source, depth: int, cycles: int) -> list[dict[str, int]]:
    """Return random rows, often recent ones; most rows write their flag."""
    rows: list[int] = []
    for _ in range(cycles):
        rows.append(source.choice([source.randrange(depth), *rows[-4:]]))
    sets = [source.random() < 0.7 for _ in range(cycles)]
    # No row has reached the end of the lookup yet.
    sets[: BegunRows.latency] = [False] * BegunRows.latency
    return [
        {"row": row, "set": int(is_set), "value": source.getrandbits(1), "rst": 0}
        for row, is_set in zip(rows, sets, strict=True)
    ]


def expected_of(stimuli: list[dict[str, int]]) -> tuple[list[int], list[int]]:
    """Return `begun` and `unfinished` after each row, from the first row on."""
    flags: set[int] = set()
    begun, any_flag = [], []
    for now, stimulus in enumerate(stimuli[BegunRows.latency :]):
        row = stimuli[now]["row"]
        begun.append(int(row in flags))
        if stimulus["set"]:
            (flags.add if stimulus["value"] else flags.discard)(row)
        any_flag.append(int(bool(flags)))
    return begun, any_flag


async def check(dut, stimuli: list[dict[str, int]]) -> None:
    trace = await play(dut, stimuli, ["begun", "unfinished"])
    begun, any_flag = expected_of(stimuli)
    first, later = BegunRows.latency, BegunRows.unfinished_latency
    compare("begun", trace["begun"][first:], begun, range(first, len(stimuli)))
    compare("unfinished", trace["unfinished"][later:], any_flag[: len(stimuli) - later])


@cocotb.test(**TIMEOUT)
async def remembers_every_flag(dut):
    """A row is looked up in every cycle, often one that is being written."""
    depth, source = parameters().depth, randomness()
    await start(dut)
    await check(dut, draw(source, depth, CYCLES))


@cocotb.test(**TIMEOUT)
async def forgets_all_flags_at_a_reset(dut):
    """They are false although the memory keeps its words."""
    depth, source = parameters().depth, randomness()
    await start(dut)
    for _ in range(5):
        set_all = [{"row": row, "set": 0, "value": 1, "rst": 0} for row in range(min(depth, 40))]
        set_all += [set_all[-1]] * BegunRows.latency
        for stimulus in set_all[BegunRows.latency :]:
            stimulus |= {"set": 1}
        await play(dut, set_all, [])
        await play(dut, [{"row": 0, "set": 0, "rst": 1}] * source.randint(1, 3), [])
        await check(dut, draw(source, depth, 200))
