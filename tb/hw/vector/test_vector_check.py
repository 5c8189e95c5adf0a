"""VectorCheck: it refuses exactly what the rules of the checker refuse."""

import random

import cocotb

from benches.coroutines import TIMEOUT, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.isa.codes import Function, Opcode, Rounding
from weft.isa.instruction import Instruction
from weft.isa.requirements import Requirements
from weft.vector.vector_check import VectorCheck
from weft_model.core.legal import violations

DRAWN = (
    *("x_source", "y_source", "write", "accumulate", "x_format", "y_format", "valid_lanes"),
    *("destination_format", "function", "combine", "reduce", "x_table", "y_table"),
    *("output_table", "minimum", "maximum", "reduce_outer_count", "reduce_inner_count"),
)
CASES = {"8 bits": (8, 8, 3), "16 bits": (4, 16, 15)}


@on_simulators("lanes, operand_width, tables", CASES)
def test_vector_check(simulate, lanes, operand_width, tables):
    simulate(
        [refuses_what_breaks_a_rule],
        VectorCheck,
        lanes=lanes,
        operand_width=operand_width,
        tables=tables,
    )


def draw(source: random.Random, sizes) -> Instruction:
    """Return a VECTOR of which about half break no rule."""
    function = source.random() < 0.3
    values = {
        **{"write": int(not function), "valid_lanes": source.randint(1, sizes.lanes)},
        **{f"{name}_format": 4 for name in ("x", "y", "destination")},
        **({"function": Function.RECIPROCAL, "x_source": 2} if function else {}),
    }
    kind = Instruction.make(Opcode.VECTOR).kind
    for name in source.sample(DRAWN, source.randint(0, 3)):
        field = kind.by_name[name]
        if field.codes is not None:
            values[name] = int(source.choice(list(field.codes)))
        else:
            values[name] = source.choice([field.minimum, field.maximum, max(1, field.minimum), 5])
            values[name] = min(values[name], field.maximum)
    return Instruction.make(Opcode.VECTOR, **values)


@cocotb.test(**TIMEOUT)
async def refuses_what_breaks_a_rule(dut):
    source, sizes = randomness(), parameters()
    needs = Requirements(
        lanes=sizes.lanes,
        operand_width=sizes.operand_width,
        queue_slots=1,
        fifo_tiles=1,
        result_rows=1,
        buffer_rows=1,
        accumulators=1,
    )
    await start(dut)
    program = [draw(source, sizes) for _ in range(1000)]
    assert not any(i["rounding"] == Rounding.F32 for i in program)
    inputs = [{"instruction": int.from_bytes(i.encode(), "little")} for i in program]
    trace = await play(dut, inputs, ["illegal", "outside"])
    refused = 0
    for i, illegal, outside in zip(program, trace["illegal"], trace["outside"], strict=True):
        # The number of steps only bounds the time of the checker.
        broken = [one for one in violations(i, needs) if "product of all counts" not in one]
        assert illegal == bool(broken), f"{i}: {broken}"
        tables = (i["x_table"], i["y_table"], i["output_table"])
        beyond = max(tables) > sizes.tables and i["function"] == Function.NONE
        assert outside == beyond, i
        refused += illegal
    assert 200 < refused < 800
