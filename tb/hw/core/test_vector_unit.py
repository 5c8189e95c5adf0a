"""VectorUnit: rows and row scalars equal those of the machine in numpy, in the model's cycles."""

import dataclasses
import itertools
from collections.abc import Iterator

import cocotb
import numpy as np

from benches.coroutines import TIMEOUT, read, tick
from benches.runner import on_simulators
from benches.vector_core import VectorCore
from benches.vector_instructions import POSITIVE, legal_vector, random_reciprocal
from benches.vector_session import VectorSession, result_rows_of
from weft.core.core_config import BufferConfig, CoreConfig, VectorConfig, core_of
from weft.core.errors import CoreError
from weft.isa.codes import (
    Combine,
    Format,
    Function,
    Opcode,
    Rounding,
    ScaleSource,
    Subtrahend,
    Target,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction
from weft_sim.stalls import random_gaps


def core(lanes: int, vector_lanes: int) -> CoreConfig:
    """Return a core with the memories that random instructions need."""
    config = core_of(lanes=lanes, buffer=BufferConfig(rows=256, banks=4), accumulators=16)
    vector = VectorConfig(lanes=vector_lanes, parameter_rows=8, tables=4, row_scalars=128)
    return dataclasses.replace(config, vector=vector)


CORES = {"4x4, V = 1": core(4, 1), "8x8, V = 4": core(8, 4), "8x8, V = 2": core(8, 2)}


@on_simulators("config", CORES)
def test_vector_unit(simulate, config):
    simulate(
        [
            equals_the_machine_in_numpy,
            equals_the_machine_in_numpy_under_stalls,
            drains_results_as_they_come,
            drains_a_row_in_n_over_v_cycles,
            ends_with_the_first_error,
            works_as_new_after_a_reset,
        ],
        VectorCore,
        config=config,
    )


def dumps(lanes: int, row_scalars: int) -> Iterator[Instruction]:
    """Yield instructions that write all row scalars to the buffer, values and then scales."""
    for scales, first in itertools.product((False, True), range(0, row_scalars, 32)):
        # 1, from anything, times the scale.
        one = {
            "subtrahend": Subtrahend.SCALAR,
            "subtract_scalar": first,
            "y_source": YSource.IMMEDIATE,
            "combine": Combine.ADD,
            "immediate": 1,
            "rounding": Rounding.UP,
            "scale_source": ScaleSource.SCALAR,
            "scale_scalar": first,
            "scalar_inner": 1,
        }
        yield Instruction.make(
            Opcode.VECTOR,
            **dict(x_source=XSource.SCALARS, x_row=first, x_inner=1, inner_count=32, write=1),
            **dict(destination_format=Format.INT32, destination_row=128, destination_inner=4),
            **dict(valid_lanes=lanes, **(one if scales else {})),
        )


def random_program(draw: np.random.Generator, config: CoreConfig, count: int):
    """Yield random instructions, some of which are reciprocals, and then the row scalars."""
    for _ in range(count):
        if draw.random() < 0.1:
            yield random_reciprocal(draw)
        else:
            yield legal_vector(draw, config.lanes)
    yield from dumps(config.lanes, config.vector.row_scalars)


@cocotb.test(**TIMEOUT)
async def equals_the_machine_in_numpy(dut):
    """Random instructions, whose results are there in time, in the cycles of the model."""
    session = await VectorSession.begin(dut)
    for instruction in random_program(session.draw, session.config, 25):
        await session.run(instruction)
        session.check_cycles(instruction)


@cocotb.test(**TIMEOUT)
async def equals_the_machine_in_numpy_under_stalls(dut):
    """Results come late, and other units use the banks of the buffer and write constants."""
    session = await VectorSession.begin(dut)
    others = [
        cocotb.start_soon(other()) for other in (session.disturb_buffer, session.disturb_constants)
    ]
    for likely in (0.9, 0.3):
        for instruction in random_program(session.draw, session.config, 8):
            await session.run(instruction, gaps=random_gaps(session.source, likely, 12))
    for other in others:
        other.cancel()


def drain(session: VectorSession, rows: int) -> Instruction:
    """Return an instruction that drains rows to the buffer."""
    return Instruction.make(
        Opcode.VECTOR,
        **dict(x_source=XSource.RESULTS, inner_count=rows, valid_lanes=session.config.lanes),
        **dict(write=1, destination_row=128, destination_inner=1, bias=1, rounding=Rounding.UP),
        scale_source=ScaleSource.CHANNEL,
    )


@cocotb.test(**TIMEOUT)
async def drains_results_as_they_come(dut):
    """The model knows all cycles from those in which results are there."""
    session = await VectorSession.begin(dut)
    source = session.source
    for _ in range(12):
        instruction = legal_vector(session.draw, session.config.lanes)
        instruction = instruction.replaced(x_source=XSource.RESULTS)
        gaps = (source.choice([0, 1, 3, 20]) for _ in itertools.count())
        offers = list(itertools.accumulate(itertools.islice(gaps, result_rows_of(instruction))))
        await session.run(instruction, offers=offers)
        session.check_cycles(instruction, offers)


@cocotb.test(**TIMEOUT)
async def drains_a_row_in_n_over_v_cycles(dut):
    """Rows of 8 bits, without a pause between rows."""
    session = await VectorSession.begin(dut)
    config = session.config
    await session.run(drain(session, 30))
    takes = np.array(session.seen["take"])
    assert (np.diff(takes) == config.lanes // config.vector.lanes).all()


def wrong_instructions(session: VectorSession) -> Iterator[tuple[CoreError, Instruction]]:
    """Yield instructions, and the errors that they must end with."""
    good = drain(session, 2).replaced(x_source=XSource.BUFFER, x_row=8, x_inner=4)
    rows = session.config.buffer.rows
    for error, fields in (
        (CoreError.ILLEGAL_FIELD, {"function": Function.EXP}),
        (CoreError.ILLEGAL_FIELD, {"x_format": Format.BFLOAT16}),
        (CoreError.ILLEGAL_FIELD, {"valid_lanes": session.config.lanes + 1}),
        (CoreError.ILLEGAL_FIELD, {"combine": Combine.ADD}),
        (CoreError.RANGE, {"x_table": session.config.vector.tables + 1}),
        (CoreError.RANGE, {"x_row": rows - 4}),
        (CoreError.RANGE, {"x_inner": -9}),
        (CoreError.RANGE, {"destination_format": Format.INT32, "destination_row": rows - 3}),
        (CoreError.RANGE, {"parameters": session.config.vector.parameter_rows}),
        (CoreError.RANGE, {"subtrahend": Subtrahend.SCALAR, "subtract_scalar": 2000}),
        (
            CoreError.MULTIPLIER,
            {"rounding": Rounding.F32, "scale_source": 0, "multiplier": 1 << 25},
        ),
    ):
        yield error, good.replaced(**fields)
    positive = Instruction.make(
        Opcode.VECTOR,
        **dict(function=Function.RECIPROCAL, x_source=XSource.SCALARS, x_row=POSITIVE.start),
        reduce_scalar=100,
    )
    yield CoreError.RECIPROCAL, positive.replaced(shift=63)
    # Scalar 0 is negative.
    yield CoreError.RECIPROCAL, positive.replaced(x_row=0)


@cocotb.test(**TIMEOUT)
async def ends_with_the_first_error(dut):
    """The error stays until reset, and nothing finishes or starts."""
    session = await VectorSession.begin(dut)
    session.state.scalars[0, 0] = -5
    await session.load(Target.SCALARS, 0)
    session.state.scalars[POSITIVE.start, 0] = 1 << 20
    await session.load(Target.SCALARS, POSITIVE.start)
    for error, instruction in wrong_instructions(session):
        await session.send(instruction)
        for _ in range(150):
            await tick(dut)
            assert not read(dut, "finished"), instruction
        assert read(dut, "error") == error.value, instruction
        assert not read(dut, "instructions__ready")
        await session.restart()
        await session.run(drain(session, 3))


@cocotb.test(**TIMEOUT)
async def works_as_new_after_a_reset(dut):
    """A reset at any time leaves nothing behind."""
    session = await VectorSession.begin(dut)
    for _ in range(15):
        await session.send(legal_vector(session.draw, session.config.lanes))
        for _ in range(session.source.randrange(90)):
            await tick(dut)
        await session.restart()
        instruction = legal_vector(session.draw, session.config.lanes)
        await session.run(instruction)
        session.check_cycles(instruction)
