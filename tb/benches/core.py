"""States of a small core with random contents, and instructions that run on them."""

import numpy as np

from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft.isa.requirements import Requirements
from weft_model.core.machine import work_of
from weft_model.core.state import CoreState

NEEDS = Requirements(
    lanes=4,
    queue_slots=4,
    fifo_tiles=2,
    result_rows=8,
    buffer_rows=256,
    accumulators=256,
    parameter_rows=8,
    tables=4,
    row_scalars=128,
    regions=(4096, 4096),
    readable=(0,),
    writable=(1,),
)


def empty_memory(needs: Requirements = NEEDS) -> list[np.ndarray]:
    """Return all regions, filled with zeros."""
    return [np.zeros(size, np.uint8) for size in needs.regions]


def random_state(source: np.random.Generator, needs: Requirements = NEEDS) -> CoreState:
    """Return a state whose memories are random; shifts are legal."""
    memory = [source.integers(0, 256, size).astype(np.uint8) for size in needs.regions]
    state = CoreState(needs, memory)
    for array in (state.buffer, state.parameters, state.tables, state.scalars):
        limits = np.iinfo(array.dtype)
        array[:] = source.integers(limits.min, limits.max, array.shape, endpoint=True)
    state.accumulators[:] = source.integers(-(1 << 31), 1 << 31, state.accumulators.shape)
    return state


def copied(state: CoreState) -> CoreState:
    """Return a state with the same contents, but no tiles and no results."""
    twin = CoreState(state.needs, [region.copy() for region in state.memory])
    for name in ("buffer", "parameters", "tables", "scalars", "accumulators"):
        getattr(twin, name)[:] = getattr(state, name)
    return twin


def do(state: CoreState, opcode: Opcode, /, **fields: int) -> Instruction:
    """Execute an instruction on a state; return it."""
    instruction = Instruction.make(opcode, **fields)
    work = work_of(state, instruction)
    work.run(0, work.parts)
    return instruction


def image_of(state: CoreState) -> dict[str, np.ndarray]:
    """Return all contents that a program can write."""
    names = ("buffer", "parameters", "tables", "scalars")
    image = {name: getattr(state, name) for name in names}
    return image | {f"region {n}": region for n, region in enumerate(state.memory)}


def first_difference(one: CoreState, two: CoreState) -> str:
    """Return what differs between two states, and where; "" if nothing does."""
    for name, found in image_of(one).items():
        other = image_of(two)[name]
        if not np.array_equal(found, other):
            place = tuple(np.argwhere(found != other)[0].tolist())
            return f"{name}{place}: {found[place]} and {other[place]}"
    return ""
