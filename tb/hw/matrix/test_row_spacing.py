"""RowSpacing: rows of one sum keep their distance, and no other row waits."""

import random

import cocotb

from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.matrix.row_spacing import RowSpacing

CYCLES = 3000
# Least distance in cycles, and bits of a row number.
SPACINGS = {"7 cycles": (7, 3), "2 cycles": (2, 1), "3 cycles": (3, 2), "9 cycles": (9, 10)}


@on_simulators("cycles, row_width", SPACINGS)
def test_row_spacing(simulate, cycles, row_width):
    simulate([keeps_rows_apart], RowSpacing, cycles=cycles, row_width=row_width)


def draw(source: random.Random, row_width: int) -> dict[str, int]:
    row = source.randrange(min(1 << row_width, 6))
    return {"row": row, "adds": source.random() < 0.7, "stays": source.random() < 0.8}


@cocotb.test(**TIMEOUT)
async def keeps_rows_apart(dut):
    """In every cycle, against the cycles in which earlier rows entered; also with pauses."""
    given, source = parameters(), randomness()
    entered: dict[int, int] = {}
    gate, waited, at_once = None, 0, 0
    await start(dut)
    for cycle in range(CYCLES):
        soon = False
        if gate is not None and gate["adds"]:
            soon = cycle - entered.get(gate["row"], -given.cycles) < given.cycles
        advance = gate is not None and not soon and source.random() < 0.9
        taken = gate is None or advance
        offered = draw(source, given.row_width) if source.random() < 0.9 else None
        shown = offered or draw(source, given.row_width)
        dut.taken.value = int(taken)
        dut.row.value, dut.adds.value = shown["row"], int(shown["adds"])
        dut.advance.value = int(advance)
        now = gate or draw(source, given.row_width)
        dut.advancing_row.value, dut.stays.value = now["row"], int(now["stays"])
        await tick(dut)
        if gate is not None:
            assert read(dut, "too_soon") == soon, f"cycle {cycle}, row {gate['row']}, {entered}"
            waited += soon
            at_once += advance and gate["adds"]
        if advance and gate["stays"]:
            entered[gate["row"]] = cycle
        if taken:
            gate = offered
    assert waited > 100 and at_once > 100
