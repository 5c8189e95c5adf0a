"""BeatResults: windows of random beats become rows and row scalars, in the exact cycle."""

import random

import cocotb
import numpy as np

from benches.bits import join, pack, to_signed, unpack
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from benches.vector_rows import CHUNKS, buffer_rows_of
from weft.buffer.unified_buffer import write_layout
from weft.isa.codes import Format, Reduce
from weft.vector.beat_results import BeatResults, result_fields_layout
from weft.vector.layouts import outcome_layout
from weft.vector.row_scalars import scalar_write_layout
from weft_model.core.vector import wrapped

SIZES = {"buffer_rows": 64, "row_scalars": 32}
CASES = {name: CHUNKS[name] for name in ("4 lanes, V = 1", "8 lanes, V = 4", "12 lanes, V = 1")}


@on_simulators("row_chunks", CASES)
def test_beat_results(simulate, row_chunks):
    simulate([writes_rows_and_row_scalars], BeatResults, row_chunks=row_chunks, **SIZES)


def reduced(reduce: Reduce, values: np.ndarray, before: int | None) -> int:
    """Return the number to which elements are reduced, with the one before if there is one."""
    numbers = [*values.ravel().tolist(), *([] if before is None else [before])]
    return max(numbers) if reduce == Reduce.LANES_MAX else to_signed(sum(numbers), 32)


class Windows:
    """The beats of an instruction, and what must be written when.

    A beat comes every four cycles, so that each has time to write its buffer rows.
    """

    spacing = 4

    def __init__(self, source: random.Random, sizes):
        self.sizes = sizes
        self.reduce = Reduce(source.randrange(5))
        self.write = not self.reduce.over_lanes or source.random() < 0.3
        single = self.reduce == Reduce.NONE or (self.reduce.over_lanes and self.write)
        self.height = 1 if single else source.randint(1, 3)
        self.valid = source.randint(1, sizes.lanes)
        self.accumulate = source.getrandbits(1) & self.reduce.over_lanes
        self.format = source.choice([Format.INT8, Format.UINT8, Format.INT16, Format.INT32])
        draw = np.random.default_rng(source.getrandbits(32))
        shape = (source.randint(1, 4), self.height, sizes.lanes)
        self.values = draw.integers(-(1 << 31), 1 << 31, shape) >> draw.integers(0, 32, shape)
        self.places = [source.randrange(60) for _ in self.values]
        self.scalars = source.sample(range(32), len(self.values))
        self.before = draw.integers(-(1 << 31), 1 << 31, 32).tolist()

    def fields(self) -> int:
        return pack(
            result_fields_layout(),
            write=self.write,
            reduce=self.reduce,
            accumulate=self.accumulate,
            valid_lanes=self.valid,
            destination_format=self.format,
        )

    def beats(self) -> list[dict[str, int]]:
        """Return the inputs of the cycles with the beats."""
        cycles, sizes = [], self.sizes
        layout = outcome_layout(chunks=sizes.chunks, **SIZES)
        for window, row in np.ndindex(self.values.shape[:2]):
            for chunk, part in enumerate(self.values[window, row].reshape(sizes.chunks, -1)):
                last_row, last_chunk = row == self.height - 1, chunk == sizes.chunks - 1
                outcome = pack(
                    layout,
                    chunk=chunk,
                    first_chunk=chunk == 0,
                    last_chunk=last_chunk,
                    first_row=row == 0,
                    last_row=last_row,
                    last=last_row and last_chunk and window == len(self.values) - 1,
                    destination=self.places[window],
                    reduce=self.scalars[window],
                )
                payload = join(part.tolist(), 32)
                beat = {"results__valid": 1, "results__payload": payload, "outcome": outcome}
                cycles += [beat, *[{"results__valid": 0}] * (self.spacing - 1)]
        return cycles

    def _ends(self, window: int) -> int:
        """Return the cycle of the last beat of a window."""
        return (((window + 1) * self.height) * self.sizes.chunks - 1) * self.spacing

    def writes(self) -> list[list[int]]:
        """Return cycle, row and data of each write of a buffer row."""
        found, sizes, width = [], self.sizes, self.format.width
        for window, values in enumerate(self.values if self.write else ()):
            total = values[0]
            if self.reduce in (Reduce.ROWS_MAX, Reduce.ROWS_SUM):
                total = values.max(0) if self.reduce == Reduce.ROWS_MAX else wrapped(values.sum(0))
            total = np.where(np.arange(sizes.lanes) < self.valid, total, 0)
            number = np.clip(total, self.format.minimum, self.format.maximum)
            first = self._ends(window) - (sizes.chunks - 1) * self.spacing
            per_chunk, per_row = sizes.rows_per_chunk(width), sizes.chunks_per_row(width)
            for row, data in enumerate(buffer_rows_of(sizes, self.format, number)):
                chunk = row // per_chunk if per_row == 1 else (row + 1) * per_row - 1
                cycle = first + chunk * self.spacing + (row % per_chunk if per_row == 1 else 0)
                place = self.places[window] + row
                found.append([cycle + BeatResults.write_latency, place, data])
        return found

    def scalar_writes(self) -> list[list[int]]:
        """Return cycle, row, value and shift of each write of a row scalar."""
        found = []
        for window, values in enumerate(self.values if self.reduce.over_lanes else ()):
            row = self.scalars[window]
            before = self.before[row] if self.accumulate else None
            value = reduced(self.reduce, values[:, : self.valid], before)
            latency = BeatResults.scalar_latency_of(self.sizes.chunk)
            found.append([self._ends(window) + latency, row, value, 0])
        return found


@cocotb.test(**TIMEOUT)
async def writes_rows_and_row_scalars(dut):
    source, sizes = randomness(), parameters().row_chunks
    await start(dut)
    rows = write_layout(rows=SIZES["buffer_rows"], width=sizes.row_width)
    scalars = scalar_write_layout(SIZES["row_scalars"])
    names = ["writes__valid", "writes__payload", "scalar_write", "row_ends", "scalar_ends"]
    for _ in range(25):
        windows = Windows(source, sizes)
        dut.fields.value = windows.fields()
        trace = {name: [] for name in names}
        memory = [0, 0]
        for inputs in windows.beats() + [{"results__valid": 0}] * 16:
            # The row scalar that was asked for two cycles before.
            seen = await play(dut, [inputs | {"reduce": memory[0]}], [*names, "reduce_row"])
            row = seen.pop("reduce_row")[0]
            memory = [memory[1], windows.before[row] & 0xFFFFFFFF]
            for name in names:
                trace[name] += seen[name]
        got = [
            [cycle, *unpack(rows, payload).values()]
            for cycle, payload in enumerate(trace["writes__payload"])
            if trace["writes__valid"][cycle]
        ]
        compare("cycle, row and data", got, windows.writes())
        found = [(c, unpack(scalars, bits)) for c, bits in enumerate(trace["scalar_write"])]
        got = [
            [cycle, write["row"], to_signed(write["value"], 32), write["shift"]]
            for cycle, write in found
            if write["valid"]
        ]
        compare("cycle, row, value and shift", got, windows.scalar_writes())
        for name, written in (
            ("row_ends", windows.writes()),
            ("scalar_ends", windows.scalar_writes()),
        ):
            cycles = [cycle for cycle, high in enumerate(trace[name]) if high]
            assert cycles == [write[0] for write in written[-1:]]
