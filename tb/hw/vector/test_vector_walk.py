"""VectorWalk: every step names the rows and row scalars that the machine in numpy visits."""

import random
from collections.abc import Iterator

import cocotb
import numpy as np

from benches.bits import unpack
from benches.coroutines import TIMEOUT, compare, parameters, randomness, start
from benches.runner import on_simulators
from weft.isa.codes import Function, Opcode, XSource
from weft.isa.instruction import Instruction
from weft.isa.kind import Kind
from weft.isa.requirements import Requirements
from weft.vector.layouts import step_layout
from weft.vector.vector_walk import VectorWalk
from weft_model.core.accesses import accesses, space_size
from weft_model.core.walks import parameter_walk, vector_walk, window_walk
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

# Buffer rows, width of operands, parameter rows and row scalars; the first are the largest.
SIZES = {
    "largest": (1 << 19, 8, 4096, 4096),
    "small": (96, 8, 5, 9),
    "16 bits": (128, 16, 1, 1),
}
NAMES = "buffer_rows, operand_width, parameter_rows, row_scalars"
# Fields of a step, and the operands of an instruction that they are.
FIELDS = {
    "x": "x",
    "y": "y",
    "destination": "destination",
    "subtract": "subtract_scalar",
    "scale": "scale_scalar",
    "reduce": "reduce_scalar",
    "parameters": "parameters",
}


@on_simulators(NAMES, SIZES)
def test_vector_walk(simulate, buffer_rows, operand_width, parameter_rows, row_scalars):
    simulate(
        [visits_a_row_per_cycle, visits_rows_under_stalls],
        VectorWalk,
        buffer_rows=buffer_rows,
        operand_width=operand_width,
        parameter_rows=parameter_rows,
        row_scalars=row_scalars,
    )


def needs_of(sizes) -> Requirements:
    """Return what a program needs that uses all of the memories."""
    return Requirements(
        lanes=4,
        queue_slots=1,
        fifo_tiles=1,
        result_rows=1,
        accumulators=1,
        tables=3,
        **vars(sizes),
    )


def draw(source: random.Random, needs: Requirements) -> Instruction:
    """Return a VECTOR with a few steps, of which most or all are inside of the core."""
    kind = Instruction.make(Opcode.VECTOR).kind
    values = {name: _value(source, kind, name, needs) for name in kind.free_fields}
    if source.random() < 0.1:
        # A function uses nothing but row scalars.
        others = {"write": 0, "reduce": 0, "accumulate": 0}
        values |= {"function": Function.RECIPROCAL, "x_source": XSource.SCALARS, **others}
    return Instruction.make(Opcode.VECTOR, **values)


def _value(source: random.Random, kind: Kind, name: str, needs: Requirements) -> int:
    field = kind.by_name[name]
    size = {
        **{f"{operand}_row": needs.buffer_rows for operand in ("x", "y", "destination")},
        **{f"{scalar}_scalar": needs.row_scalars for scalar in ("subtract", "scale", "reduce")},
        "parameters": needs.parameter_rows,
    }
    if name.endswith("_count"):
        return source.choice([1, 1, 2, 3])
    if name in size:
        return min(source.choice([source.randrange(size[name]), size[name] // 2]), field.maximum)
    if name.endswith("_format"):
        return source.choice([4] if needs.operand_width == 16 else [0, 1, 2, 4])
    if field.codes is not None and name != "function":
        return int(source.choice(list(field.codes)))
    if field.signed and field.width in (12, 20) and source.random() < 0.9:
        return source.choice([0, 1, -1, 4])
    if field.signed and field.width in (12, 20):
        return source.randint(field.minimum, field.maximum)
    return field.default


def steps_of(instruction: Instruction, needs: Requirements) -> Iterator[dict[str, int]]:
    """Yield the steps up to the first one outside; what is not used is left out."""
    window = window_walk(instruction)
    rows = {
        "x": vector_walk(instruction, "x_row", "x")[:, np.newaxis] + window,
        "y": vector_walk(instruction, "y_row", "y"),
        "destination": vector_walk(instruction, "destination_row", "destination"),
        "parameters": parameter_walk(instruction),
        **{
            name: vector_walk(instruction, f"{name}_scalar", "scalar")
            for name in ("subtract", "scale", "reduce")
        },
    }
    used = {access.operand: access for access in accesses(instruction, needs)}
    for output in range(len(rows["y"])):
        for row in range(len(window)):
            step = {"first_row": row == 0, "last_row": row == len(window) - 1}
            step["last"] = step["last_row"] and output == len(rows["y"]) - 1
            step["outside"] = False
            for name, operand in FIELDS.items():
                if operand in used:
                    size = used[operand].walk[-1]
                    first = int(rows[name][output, row] if name == "x" else rows[name][output])
                    limit = space_size(used[operand].space, needs)
                    step[name] = first
                    step["outside"] |= not 0 <= first <= limit - size
            yield step
            if step["outside"]:
                return


async def visit(dut, source, count: int, gaps, ready) -> tuple[list[int], int]:
    """Run walks, compare the steps; return their cycles, and how many were outside."""
    sizes = parameters()
    needs = needs_of(sizes)
    program = [draw(source, needs) for _ in range(count)]
    sizes = {name: size for name, size in vars(sizes).items() if name != "operand_width"}
    layout = step_layout(**sizes)
    walks: list[list[dict[str, int]]] = [[]]
    cycles = []

    def see(payload):
        walks[-1].append(unpack(layout, payload[0]))
        cycles.append(cycle_now())
        if walks[-1][-1]["last"]:
            walks.append([])
        return len(walks) > count

    beats = [(int.from_bytes(one.encode(), "little"),) for one in program]
    sending = cocotb.start_soon(send(Stream.amaranth(dut, "instructions"), beats, gaps))
    steps = Stream.amaranth(dut, "steps")
    throttling = cocotb.start_soon(throttle(steps, ready))
    await watch(steps, see)
    throttling.cancel()
    await sending
    outside = 0
    for instruction, seen in zip(program, walks[:-1], strict=True):
        expected = list(steps_of(instruction, needs))
        outside += expected[-1]["outside"]
        if not expected[-1]["outside"]:
            assert len(seen) == len(expected)
        for got, wanted in zip(seen, expected, strict=False):
            if wanted["outside"]:
                assert got["outside"], instruction
            else:
                compare(f"{list(wanted)}", [[got[k] for k in wanted]], [[*wanted.values()]])
    return cycles, outside


@cocotb.test(**TIMEOUT)
async def visits_a_row_per_cycle(dut):
    """Steps follow each other in every cycle, `latency` after the first."""
    source = randomness()
    await start(dut)
    begun = cycle_now()
    cycles, outside = await visit(dut, source, 150, None, random_bools(source, 1.0))
    assert cycles[0] == begun + 1 + VectorWalk.latency
    assert cycles == list(range(cycles[0], cycles[0] + len(cycles)))
    assert 5 < outside < 140


@cocotb.test(**TIMEOUT)
async def visits_rows_under_stalls(dut):
    source = randomness()
    await start(dut)
    for late, ready in ((0.5, 1.0), (0.0, 0.4), (0.3, 0.5)):
        await visit(dut, source, 40, random_gaps(source, late, 20), random_bools(source, ready))
