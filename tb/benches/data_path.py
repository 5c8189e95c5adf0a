"""Instructions of a core, sent to its data path."""

from collections.abc import Sequence

import numpy as np

from benches.bits import pack
from weft.buffer.unified_buffer import write_layout
from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_model.core.machine import work_of
from weft_model.core.state import CoreState
from weft_sim.cocotb_streams import Stream, send

PORTS = {Opcode.WEIGHTS: "weights", Opcode.MATMUL: "matmuls"}


def beats_of(program: Sequence[Instruction], opcode: Opcode) -> list[tuple[int]]:
    """Return the instructions of a kind as payloads."""
    chosen = [one for one in program if one.opcode == opcode]
    return [(int.from_bytes(one.encode(), "little"),) for one in chosen]


async def fill(dut, config: CoreConfig, buffer: np.ndarray) -> None:
    """Write all rows of the buffer through the port of LOAD."""
    layout = write_layout(rows=config.buffer.rows, width=config.lanes * config.operand_width)
    rows = [
        (pack(layout, row=row, data=int.from_bytes(lanes.tobytes(), "little")),)
        for row, lanes in enumerate(buffer)
    ]
    await send(Stream.amaranth(dut, "load"), rows)


def results_of(state: CoreState, program: Sequence[Instruction]) -> np.ndarray:
    """Return the result rows of a program, as the machine in numpy computes them."""
    for instruction in program:
        work = work_of(state, instruction)
        work.run(0, work.parts)
    return state.results.pop(len(state.results))
