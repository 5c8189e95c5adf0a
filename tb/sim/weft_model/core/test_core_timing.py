"""CoreTimes: every start and finish of random programs, equal to those of the hardware."""

import random

import cocotb

from benches.core_execution import check
from benches.core_shapes import draw_program
from benches.coroutines import TIMEOUT, parameters, randomness, start
from benches.gated_core import OUTER_UNITS, GatedCore
from benches.runner import on_simulators
from benches.stub_times import RowReader, StubTimes
from weft.core.core_config import BufferConfig, CoreConfig, core_of
from weft.isa.codes import Opcode, Unit
from weft.isa.instruction import Instruction
from weft_model.core.core_parts import CoreParts
from weft_model.core.core_timing import CoreTimes

CORES = {
    "4x4": core_of(lanes=4, buffer=BufferConfig(rows=512, banks=2), accumulators=32),
    "8x8": core_of(lanes=8, buffer=BufferConfig(rows=1024, banks=4), accumulators=32, tiles=2),
    "4x4, 1 bank": core_of(lanes=4, buffer=BufferConfig(rows=512, banks=1), accumulators=32),
}


@on_simulators("config", CORES)
def test_core_timing(simulate, config):
    simulate(
        [keeps_the_cycles_of_the_model, keeps_the_cycles_of_writes_to_one_bank],
        GatedCore,
        config=config,
    )


def model_of(config: CoreConfig) -> CoreTimes:
    """Return the model of a core with simple units."""
    parts = CoreParts.of(config)
    ports = {
        name: RowReader(getattr(parts, name), parts.bank_rows)
        for name in ("x", "y", "store", "vector", "load")
    }
    units = {
        Unit.LOAD: StubTimes({}, ports["load"]),
        Unit.STORE: StubTimes({"store": ports["store"]}),
        Unit.VECTOR: StubTimes(
            {name: ports[name] for name in ("x", "y")}, ports["vector"], parts.results
        ),
    }
    return CoreTimes(parts, units, waiting=list(ports.values()))


@cocotb.test(**TIMEOUT)
async def keeps_the_cycles_of_the_model(dut):
    """Random programs, whose instructions share banks and wait for each other."""
    source: random.Random = randomness()
    config = parameters().config
    await start(dut)
    for groups in (1, 3, 12, 12):
        program = draw_program(source, config, groups=groups)
        await check(dut, program, model_of(config), OUTER_UNITS)


@cocotb.test(**TIMEOUT)
async def keeps_the_cycles_of_writes_to_one_bank(dut):
    """LOAD and VECTOR write rows of the same bank at the same time."""
    source, config = randomness(), parameters().config
    await start(dut)
    program = []
    for _ in range(8):
        tag, row = source.randrange(64), source.randrange(100)
        program += [
            Instruction.make(Opcode.LOAD, row=row, lines=source.randint(1, 60), tag=tag),
            Instruction.make(
                Opcode.VECTOR, inner_count=source.randint(1, 30), write=1, x_row=row, tag=tag
            ),
        ]
    program.append(Instruction.make(Opcode.HALT))
    await check(dut, program, model_of(config), OUTER_UNITS)
