"""RowCheck: good rows pass; bad rows are dropped with their error, and end their sum."""

import random

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error, row_control_layout
from weft.matrix.row_check import RowCheck, checked_layout

CYCLES = 2000
UNITS = {
    f"depth-{depth}": MatrixUnitConfig(rows=1, columns=1, accumulator_depth=depth)
    for depth in (1, 3, 16, 100)
}
OUTPUTS = ["control", "dropped", "errors", "unfinished"]


@on_simulators("config", UNITS)
def test_row_check(simulate, config):
    simulate([checks_every_row, works_as_new_after_a_reset], RowCheck, config=config)


def draw(source: random.Random, depth: int) -> list[dict[str, int]]:
    """Return random rows and bubbles, mostly good rows, often of recent accumulator rows."""
    rows, drawn = [0], []
    for _ in range(CYCLES):
        rows.append(source.choice([source.randrange(depth), *rows[-4:]]))
        fields = {name: source.random() < 0.3 for name in ("first", "last", "end")}
        fields |= {name: source.random() < 0.9 for name in ("good_tile", "in_range")}
        drawn.append({**fields, "valid": source.random() < 0.8, "row": rows[-1]})
    return drawn


def expected_of(rows: list[dict[str, int]]) -> dict[str, list]:
    """Return every valid output from the first row on; errors as bits."""
    begun: set[int] = set()
    expected: dict[str, list] = {name: [] for name in OUTPUTS}
    for row in rows:
        known = row["first"] or row["row"] in begun
        good = row["valid"] and row["good_tile"] and row["in_range"]
        errors = Error(0)
        if row["valid"]:
            errors |= Error(0) if row["good_tile"] else Error.NO_TILE
            errors |= Error(0) if row["in_range"] else Error.ROW_OUT_OF_RANGE
        errors |= Error.NOT_STARTED if good and not known else Error(0)
        admitted = bool(good and known)
        if row["valid"] and row["in_range"]:
            keeps = row["good_tile"] and known and not row["last"]
            (begun.add if keeps else begun.discard)(row["row"])
        marks = {name: int(admitted and row[name]) for name in ("last", "end")}
        passed = {"first": int(row["first"]), "row": row["row"]} if admitted else {}
        expected["control"].append({"valid": int(admitted), **marks, **passed})
        expected["dropped"].append(int(row["valid"] and row["last"] and not admitted))
        expected["errors"].append(errors.value)
        expected["unfinished"].append(int(bool(begun)))
    return expected


async def check(dut, config: MatrixUnitConfig, rows: list[dict[str, int]]) -> None:
    stimuli = [{"row": pack(checked_layout(config), **row)} for row in rows]
    late = RowCheck.unfinished_latency
    trace = await play(dut, stimuli + [{"row": 0}] * late, OUTPUTS)
    expected = expected_of(rows)
    for name in ("dropped", "errors"):
        compare(name, trace[name][RowCheck.latency :][: len(rows)], expected[name])
    compare("unfinished", trace["unfinished"][late:], expected["unfinished"])
    for cycle, fields in enumerate(expected["control"], start=RowCheck.latency):
        seen = unpack(row_control_layout(config), trace["control"][cycle])
        got = {name: seen[name] for name in fields}
        assert got == fields, f"control in cycle {cycle}: got {got}, expected {fields}"


@cocotb.test(**TIMEOUT)
async def checks_every_row(dut):
    """One row comes per cycle; an accumulator row is begun, dropped and finished back to back."""
    config = parameters().config
    await start(dut)
    await check(dut, config, draw(randomness(), config.accumulator_depth))


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """After a reset no sum has begun, and no earlier row leaves."""
    config, source = parameters().config, randomness()
    await start(dut)
    for _ in range(3):
        rows = draw(source, config.accumulator_depth)[:50]
        await play(dut, [{"row": pack(checked_layout(config), **row)} for row in rows], [])
        await play(dut, [{"row": 0, "rst": 1}, {"row": 0, "rst": 0}], [])
        await check(dut, config, draw(source, config.accumulator_depth)[:200])
