"""ParameterMemory: the words of LOAD are found as records, in every chunk of every row."""

import cocotb
import numpy as np

from benches.bits import pack, to_signed, unpack
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from benches.vector_rows import CHUNKS
from weft.vector.parameter_memory import ParameterMemory, parameter_write_layout, record_layout

ROWS = 5


@on_simulators("row_chunks", CHUNKS)
def test_parameter_memory(simulate, row_chunks):
    simulate(
        [reads_what_was_loaded, reads_and_writes_in_every_cycle],
        ParameterMemory,
        row_chunks=row_chunks,
        rows=ROWS,
    )


def write_of(sizes, row: int, word: int, number: int) -> dict[str, int]:
    layout = parameter_write_layout(sizes.lanes)
    return {"write": pack(layout, valid=1, row=row, word=word, data=number)}


def records_of(sizes, payload: int) -> list[list[int]]:
    """Return bias, multiplier, shift and operand of each lane of a chunk."""
    layout, found = record_layout(), []
    for lane in range(sizes.chunk):
        fields = unpack(layout, payload >> lane * layout.size & ((1 << layout.size) - 1))
        signs = {"bias": 32, "multiplier": 32, "operand": 16}
        found.append([to_signed(v, signs[k]) if k in signs else v for k, v in fields.items()])
    return found


def expected_of(sizes, memory: np.ndarray, row: int, chunk: int) -> list[list[int]]:
    part = memory[row, chunk * sizes.chunk : (chunk + 1) * sizes.chunk].astype(np.int64)
    return [[bias, multiplier, word & 63, word >> 16] for bias, multiplier, word in part.tolist()]


async def load(dut, source, sizes) -> np.ndarray:
    """Write all words in random order; return them, (rows, N, 3)."""
    memory = np.random.default_rng(source.getrandbits(32)).integers(
        -(1 << 31), 1 << 31, (ROWS, sizes.lanes, 3)
    )
    places = [(row, word) for row in range(ROWS) for word in range(3 * sizes.lanes)]
    source.shuffle(places)
    loads = [write_of(sizes, row, word, memory[row].flat[word]) for row, word in places]
    await play(dut, [*loads, {"write": 0}, {}], [])
    return memory


@cocotb.test(**TIMEOUT)
async def reads_what_was_loaded(dut):
    source, sizes = randomness(), parameters().row_chunks
    await start(dut)
    memory = await load(dut, source, sizes)
    places = [(row, chunk) for row in range(ROWS) for chunk in range(sizes.chunks)]
    reads = [{"row": row, "chunk": chunk} for row, chunk in places]
    trace = await play(dut, [*reads, *[{}] * ParameterMemory.latency], ["records"])
    found = [records_of(sizes, bits) for bits in trace["records"][ParameterMemory.latency :]]
    compare("records", found, [expected_of(sizes, memory, *place) for place in places])


@cocotb.test(**TIMEOUT)
async def reads_and_writes_in_every_cycle(dut):
    """A word is read two cycles after its write at the earliest."""
    source, sizes = randomness(), parameters().row_chunks
    await start(dut)
    memory = await load(dut, source, sizes)
    cycles, expected, pending = [], [], []
    for _ in range(300):
        row, word = source.randrange(ROWS), source.randrange(3 * sizes.lanes)
        number = source.randrange(-(1 << 31), 1 << 31)
        place = source.randrange(ROWS), source.randrange(sizes.chunks)
        # Words of the last cycles are not defined yet.
        if any((at, one // 3 // sizes.chunk) == place for at, one, _ in pending):
            place = None
        expected.append(place and expected_of(sizes, memory, *place))
        reads = {"row": place[0], "chunk": place[1]} if place else {}
        cycles.append(reads | write_of(sizes, row, word, number))
        pending.append((row, word, number))
        if len(pending) == 2:
            at, one, value = pending.pop(0)
            memory[at].flat[one] = value
    cycles += [{"write": 0}] * ParameterMemory.latency
    trace = await play(dut, cycles, ["records"])
    found = [records_of(sizes, bits) for bits in trace["records"][ParameterMemory.latency :]]
    pairs = [(got, wanted) for got, wanted in zip(found, expected, strict=True) if wanted]
    assert len(pairs) > 200
    compare("records", *zip(*pairs, strict=True))
