"""The cycles of VECTOR: the examples of vector.md. The bench of VectorUnit compares random ones."""

from weft.core.core_config import SMALL, TINY
from weft.isa.codes import Combine, Format, Function, Opcode, Reduce, XSource, YSource
from weft.isa.instruction import Instruction
from weft.vector.row_chunks import RowChunks
from weft_model.core.vector_timing import vector_cycles


def cycles(row_chunks: RowChunks = TINY.row_chunks, results=(), **fields: int):
    instruction = Instruction.make(Opcode.VECTOR, inner_count=3, **fields)
    return vector_cycles(instruction, row_chunks=row_chunks, results=results)


def test_each_buffer_row_is_requested_once():
    requests = {
        Format.INT8: [2, 6, 10],
        Format.INT16: [2, 4, 6, 8, 10, 12],
        Format.INT32: list(range(2, 14)),
    }
    for number, expected in requests.items():
        assert cycles(x_format=number, write=1).x_requests.tolist() == expected


def test_an_instruction_finishes_with_its_last_write():
    rows = cycles(write=1)
    assert rows.writes.tolist() == [40, 44, 48]
    assert rows.finished == 4 * 3 + 36
    scalars = cycles(SMALL.row_chunks, reduce=Reduce.LANES_MAX)
    assert scalars.scalar_writes.tolist() == [42, 46, 50]
    assert scalars.finished == 4 * 3 + 38
    assert cycles(SMALL.row_chunks, reduce=Reduce.LANES_MAX, write=1).finished == 4 * 3 + 38
    function = cycles(function=Function.RECIPROCAL, x_source=XSource.SCALARS)
    assert function.finished == 48 * 3 + 54


def test_a_row_waits_for_its_result():
    drained = cycles(
        results=[0, 20, 21],
        **dict(x_source=XSource.RESULTS, write=1, y_source=YSource.BUFFER, combine=Combine.ADD),
    )
    assert drained.takes.tolist() == [5, 23, 27]
    # y is requested before.
    assert drained.y_requests.tolist() == [2, 6, 24]


def test_chunks_of_several_buffer_rows_take_several_slots():
    wide = RowChunks(lanes=8, operand_width=8, chunk=8)
    moved = cycles(wide, x_format=Format.INT32, destination_format=Format.INT16, write=1)
    assert moved.x_requests.tolist() == list(range(2, 14))
    assert moved.writes.tolist() == [40, 41, 44, 45, 48, 49]
