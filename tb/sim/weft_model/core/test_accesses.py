"""Accesses: nothing else that an instruction reads matters, and nothing else is written."""

import os

import numpy as np
import pytest

from benches.core import copied, image_of, random_state
from benches.core_programs import CORE, random_core_program
from weft.isa.codes import Opcode
from weft_model.core import walks
from weft_model.core.accesses import Space, accesses
from weft_model.core.machine import work_of
from weft_model.core.state import CoreState


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def rows_of(state: CoreState) -> dict[int, np.ndarray]:
    """Return every space as bytes, one row for each place."""
    image = image_of(state)
    spaces = {
        Space.BUFFER: image["buffer"],
        Space.PARAMETERS: image["parameters"],
        Space.TABLES: image["tables"],
        Space.SCALARS: image["scalars"],
    }
    spaces |= {Space.REGION + n: image[f"region {n}"] for n in range(8)}
    return {
        int(space): array.reshape(len(array), -1).view(np.uint8)
        for space, array in spaces.items()
        if len(array)
    }


def run(state: CoreState, instruction) -> tuple[np.ndarray, np.ndarray]:
    """Execute an instruction; return the tiles and the result rows that it put."""
    work = work_of(state, instruction)
    work.run(0, work.parts)
    return np.array(state.tiles), state.results.pop(len(state.results)) if len(
        state.results
    ) else np.zeros(0)


@pytest.mark.parametrize("opcode", [o for o in Opcode if o != Opcode.HALT], ids=lambda o: o.name)
def test_an_instruction_depends_on_what_it_reads_and_changes_what_it_writes(opcode):
    draw, tried = source(), 0
    while tried < 40:
        for instruction in random_core_program(draw).instructions:
            if instruction.opcode != opcode:
                continue
            tried += 1
            found = list(accesses(instruction, CORE))
            state = random_state(draw, CORE)
            before = {space: rows.copy() for space, rows in rows_of(state).items()}
            twin = copied(state)
            for space, rows in rows_of(twin).items():
                read = np.zeros(len(rows), bool)
                for access in found:
                    if access.space == space and not access.write:
                        access.runs.mark(read, True)
                rows[~read] = draw.integers(0, 256, rows[~read].shape)
            streams = draw.integers(-99, 99, (3, 4, 4)).astype(float), 30
            for one in (state, twin):
                one.tiles.extend(streams[0])
                one.results.push(np.arange(4 * streams[1], dtype=np.int32).reshape(-1, 4))
            put = [run(one, instruction) for one in (state, twin)]
            for one, two in zip(*put, strict=True):
                assert np.array_equal(one, two)
            after, other = rows_of(state), rows_of(twin)
            for space, rows in after.items():
                written = np.zeros(len(rows), bool)
                for access in found:
                    if access.space == space and access.write:
                        access.runs.mark(written, True)
                assert np.array_equal(rows[written], other[space][written]), instruction
                assert np.array_equal(rows[~written], before[space][~written]), instruction


def test_only_rows_that_a_matmul_reads_are_reads():
    """The rows inside of the image, as the walk lists them."""
    draw, tried = source(), 0
    while tried < 30:
        for instruction in random_core_program(draw).instructions:
            if instruction.opcode == Opcode.MATMUL:
                tried += 1
                rows, inside = walks.matmul_rows(instruction)
                found = np.zeros(CORE.buffer_rows, bool)
                for access in accesses(instruction, CORE):
                    access.runs.mark(found, True)
                assert set(np.flatnonzero(found).tolist()) == set(rows[inside].tolist())
