"""VectorTimes: every start and finish of programs on a core with a vector unit."""

import os
import random
from dataclasses import replace

import cocotb
import numpy as np
import pytest

from benches.core_execution import check
from benches.core_shapes import draw_program
from benches.coroutines import TIMEOUT, parameters, randomness, read, start
from benches.gated_core import GatedVectorCore
from benches.runner import on_simulators
from benches.stub_times import RowReader, StubTimes
from benches.vector_instructions import legal_drain, legal_vector
from weft.core.core_config import BufferConfig, CoreConfig, VectorConfig, core_of
from weft.isa.codes import Opcode, Unit, XSource
from weft.isa.instruction import Instruction
from weft.isa.kind import wait_name
from weft_model.core.core_parts import CoreParts
from weft_model.core.core_timing import CoreTimes
from weft_model.core.vector_times import VectorTimes


def core(*, lanes: int, vector_lanes: int, banks: int, results: int) -> CoreConfig:
    """Return a core with the memories that random instructions need."""
    config = core_of(lanes=lanes, buffer=BufferConfig(rows=512, banks=banks), accumulators=32)
    vector = VectorConfig(lanes=vector_lanes, parameter_rows=8, tables=4, row_scalars=128)
    queues = replace(config.queues, result_rows=results)
    return replace(config, vector=vector, queues=queues)


CORES = {
    "4x4, V = 1": core(lanes=4, vector_lanes=1, banks=4, results=1),
    "8x8, V = 4": core(lanes=8, vector_lanes=4, banks=2, results=32),
    "8x8, V = 8, 1 bank": core(lanes=8, vector_lanes=8, banks=1, results=1),
}


@on_simulators("config", CORES)
def test_vector_times(simulate, config):
    simulate([keeps_the_cycles_of_the_model], GatedVectorCore, config=config)


def model_of(config: CoreConfig) -> CoreTimes:
    """Return the model of a core with simple units for LOAD and STORE."""
    parts = CoreParts.of(config)
    vector = VectorTimes(parts)
    load, store = (RowReader(port, parts.bank_rows) for port in (parts.load, parts.store))
    units = {
        Unit.LOAD: StubTimes({}, load),
        Unit.STORE: StubTimes({"store": store}),
        Unit.VECTOR: vector,
    }
    return CoreTimes(parts, units, waiting=[*vector.waiting, store, load])


def draw(source: random.Random, config: CoreConfig, groups: int) -> list[Instruction]:
    """Return a random program whose VECTORs do everything but functions of row scalars."""
    numbers = np.random.default_rng(source.getrandbits(32))
    program = []
    for one in draw_program(source, config, groups=groups):
        if one.opcode == Opcode.VECTOR:
            fields = ("tag", *map(wait_name, Unit))
            if one["x_source"] == XSource.RESULTS:
                drawn = legal_drain(numbers, config.lanes, one["inner_count"])
            else:
                drawn = legal_vector(numbers, config.lanes)
                while drawn["x_source"] == XSource.RESULTS:
                    drawn = legal_vector(numbers, config.lanes)
            values = {**drawn.values, **{name: one[name] for name in fields}}
            del values["opcode"]
            one = Instruction.make(Opcode.VECTOR, **values)
        program.append(one)
    return program


@pytest.mark.parametrize("name", CORES)
def test_what_is_done_at_once_is_what_is_done_step_by_step(monkeypatch, name):
    """Whole runs of rows, and tiles that are written when they are needed, change no cycle."""
    config, source = CORES[name], random.Random(os.environ["SEED"])
    for _ in range(10):
        program = draw(source, config, groups=8)
        model = model_of(config)
        done = model.run(program)
        with monkeypatch.context() as patch:
            patch.setattr(VectorTimes, "_free_rows", lambda self, work: 0)
            plain = model_of(config)
            plain.parts.matrix.weights = None
            # The order in which units advance is free.
            plain.units = dict(reversed(plain.units.items()))
            assert plain.run(program) == done
        assert (plain.starts, plain.finishes) == (model.starts, model.finishes)


@cocotb.test(**TIMEOUT)
async def keeps_the_cycles_of_the_model(dut):
    """Random programs, whose instructions share banks and wait for each other."""
    source, config = randomness(), parameters().config
    await start(dut)
    for groups in (1, 3, 12, 12):
        program = draw(source, config, groups)
        await check(dut, program, model_of(config), (Unit.LOAD, Unit.STORE))
        assert not read(dut, "vector_error")
