"""RowRegister: chunks are those of the rows of elements, whenever the buffer rows come."""

import itertools
import random

import cocotb
import numpy as np

from benches.bits import join, split_signed
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from benches.vector_rows import CHUNKS, FORMATS, buffer_rows_of
from weft.isa.codes import Format
from weft.isa.fields import WORD_BITS
from weft.vector.row_register import RowRegister


@on_simulators("row_chunks", CHUNKS)
def test_row_register(simulate, row_chunks):
    simulate([gives_all_chunks], RowRegister, row_chunks=row_chunks)


def schedule(source: random.Random, sizes, number: Format, values: np.ndarray, likely: float):
    """Return the inputs of the cycles that take rows of elements, (rows, N), chunk by chunk.

    A buffer row comes in the cycle of the last chunk before it at the earliest.
    """
    width = number.width
    busy: list[dict] = [{}]
    for row in values:
        parts = iter(buffer_rows_of(sizes, number, row))
        for chunk in range(sizes.chunks):
            begins = chunk % sizes.chunks_per_row(width) == 0
            count = sizes.rows_per_chunk(width) if begins else 0
            for part in itertools.islice(parts, count):
                # The first one can come with the last chunk.
                if "rows__valid" in busy[-1] or source.random() > likely:
                    busy.append({})
                busy[-1] |= {"rows__valid": 1, "rows__payload": part}
            busy += [{} for _ in range(source.choice([0, 0, 3]) if source.random() > likely else 0)]
            busy.append({"advance": 1, "begins": int(begins)})
    idle = {"rows__valid": 0, "advance": 0, "format": int(number)}
    return [{**idle, "rows__payload": source.getrandbits(30), **cycle} for cycle in busy]


@cocotb.test(**TIMEOUT)
async def gives_all_chunks(dut):
    source, sizes = randomness(), parameters().row_chunks
    await start(dut)
    for number, likely in itertools.product(FORMATS[sizes.operand_width], (1.0, 0.5)):
        values = np.array(
            [
                [source.randint(number.minimum, number.maximum) for _ in range(sizes.lanes)]
                for _ in range(20)
            ]
        )
        cycles = schedule(source, sizes, number, values, likely)
        trace = await play(dut, cycles, ["elements"])
        taken = [
            split_signed(elements, WORD_BITS, sizes.chunk)
            for elements, cycle in zip(trace["elements"], cycles, strict=True)
            if cycle["advance"]
        ]
        compare(f"elements of {number.name}", taken, values.reshape(-1, sizes.chunk).tolist())
        if likely == 1.0 and sizes.rows_per_chunk(number.width) == 1:
            # A chunk in every cycle.
            assert len(cycles) == 1 + len(taken)


def test_buffer_rows_have_lower_lanes_first():
    sizes = CHUNKS["4 lanes, V = 1"]
    values = np.array([1, 2, -3, 4])
    assert buffer_rows_of(sizes, Format.INT16, values) == [
        join([1, 2], 16),
        join([-3, 4], 16),
    ]
