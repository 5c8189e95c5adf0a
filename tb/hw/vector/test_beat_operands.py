"""BeatOperands: each beat has the operands that its instruction names, in the exact cycle."""

import random

import cocotb
import numpy as np

from benches.bits import join, pack, split, split_signed, unpack
from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from benches.vector_rows import CHUNKS, buffer_rows_of
from weft.buffer.unified_buffer import UnifiedBuffer
from weft.isa.codes import Format, Function, ScaleSource, Subtrahend, XSource, YSource
from weft.vector.beat_operands import SCALAR_READS, BeatOperands, scalar_values_layout
from weft.vector.beats import beat_layout
from weft.vector.layouts import control_layout, operand_fields_layout
from weft.vector.parameter_memory import parameter_write_layout
from weft.vector.scalar_function import function_layout

SIZES = {"buffer_rows": 64, "parameter_rows": 3, "row_scalars": 32}
CASES = {name: CHUNKS[name] for name in ("4 lanes, V = 1", "8 lanes, V = 4", "12 lanes, V = 1")}
WORDS = ("x", "y", "bias", "multiplier")


@on_simulators("row_chunks", CASES)
def test_beat_operands(simulate, row_chunks):
    simulate([chooses_operands], BeatOperands, row_chunks=row_chunks, **SIZES)


def draw_fields(source: random.Random, lanes: int) -> dict[str, int]:
    formats = [Format.INT8, Format.UINT8, Format.INT16, Format.INT32]
    return {
        "x_source": source.choice(list(XSource)),
        "x_format": source.choice(formats),
        "y_source": source.choice(list(YSource)[1:]),
        "y_format": source.choice(formats),
        "immediate": source.randrange(-(1 << 31), 1 << 31),
        "valid_lanes": source.randint(1, lanes),
        "subtrahend": source.choice(list(Subtrahend)),
        "x_zero_point": source.randrange(-(1 << 15), 1 << 15),
        "scale_source": source.choice(list(ScaleSource)),
        "multiplier": source.randrange(-(1 << 31), 1 << 31),
        "shift": source.randrange(64),
        "function": source.choice([Function.NONE, Function.NONE, Function.RECIPROCAL]),
    }


class Beats:
    """The beats of some rows of an instruction, the inputs that they need, and their operands."""

    def __init__(self, source: random.Random, sizes, records: np.ndarray, scalars: np.ndarray):
        self.source, self.sizes = source, sizes
        self.records, self.scalars = records, scalars
        self.fields = draw_fields(source, sizes.lanes)
        # Cycle to the inputs that are not idle.
        self.inputs: dict[int, dict[str, int]] = {}
        # Cycle, and then the lanes of WORDS, the shifts, what is subtracted, and the valid lanes.
        self.expected: list[list[int]] = []
        self.functions: list[list[int]] = []
        self.end = 0
        for _ in range(6):
            self._row()

    def _elements(self, operand: str) -> np.ndarray:
        number = Format(self.fields[f"{operand}_format"])
        values = [
            self.source.randint(number.minimum, number.maximum) for _ in range(self.sizes.lanes)
        ]
        return np.array(values)

    def _row(self) -> None:
        """Add the beats of a row of x."""
        sizes, source = self.sizes, self.source
        step = {name: source.randrange(32) for name in (*SCALAR_READS, "reduce")}
        step |= {"parameters": source.randrange(3), "last": source.getrandbits(1)}
        rows = {name: self._elements(name) for name in ("x", "y")}
        result = np.array([source.randrange(-(1 << 31), 1 << 31) for _ in range(sizes.lanes)])
        parts = {
            name: iter(buffer_rows_of(sizes, self.fields[f"{name}_format"], row))
            for name, row in rows.items()
        }
        for chunk in range(sizes.chunks):
            cycle = self.end = self.end + source.choice([sizes.most_rows, 6])
            begins = {}
            for name in parts:
                width = Format(self.fields[f"{name}_format"]).width
                begins[name] = chunk % sizes.chunks_per_row(width) == 0
                for row in range(sizes.rows_per_chunk(width) if begins[name] else 0):
                    # The last one comes at the latest.
                    at = cycle + UnifiedBuffer.latency - sizes.rows_per_chunk(width) + 1 + row
                    self._at(
                        at, {f"{name}_rows__valid": 1, f"{name}_rows__payload": next(parts[name])}
                    )
            layout = control_layout(chunks=sizes.chunks, **SIZES)
            control = pack(layout, chunk=chunk, x_begins=begins["x"], y_begins=begins["y"], **step)
            self._at(
                cycle,
                {
                    "control__valid": 1,
                    "control__payload": control,
                    "result": join(result.tolist(), 32),
                },
            )
            self._expect(cycle, chunk, step, rows | {"result": result})

    def _at(self, cycle: int, inputs: dict[str, int]) -> None:
        self.inputs[cycle] = self.inputs.get(cycle, {}) | inputs

    def _expect(self, cycle: int, chunk: int, step: dict, rows: dict[str, np.ndarray]) -> None:
        fields, size = self.fields, self.sizes.chunk
        lanes = slice(chunk * size, (chunk + 1) * size)
        records = self.records[step["parameters"], lanes]
        value = {name: int(self.scalars[step[name], 0]) for name in SCALAR_READS}
        x = {
            XSource.BUFFER: rows["x"][lanes],
            XSource.RESULTS: rows["result"][lanes],
            XSource.SCALARS: np.full(size, value["x"]),
        }[fields["x_source"]]
        y = {
            YSource.BUFFER: rows["y"][lanes],
            YSource.PARAMETERS: records[:, 2] >> 16,
            YSource.SCALARS: np.full(size, value["y"]),
            YSource.IMMEDIATE: np.full(size, fields["immediate"]),
        }[fields["y_source"]]
        multiplier, shift = {
            ScaleSource.INSTRUCTION: (fields["multiplier"], fields["shift"]),
            ScaleSource.CHANNEL: (records[:, 1], records[:, 2] & 63),
            ScaleSource.SCALAR: (value["scale"], int(self.scalars[step["scale"], 1])),
        }[fields["scale_source"]]
        by_scalar = fields["subtrahend"] == Subtrahend.SCALAR
        valid = (np.arange(lanes.start, lanes.stop) < fields["valid_lanes"]).tolist()
        function = fields["function"] != Function.NONE
        self.expected.append(
            [
                cycle + BeatOperands.latency,
                *x.tolist(),
                *y.tolist(),
                *records[:, 0].tolist(),
                *np.broadcast_to(multiplier, size).tolist(),
                *np.broadcast_to(shift, size).tolist(),
                value["subtract"] if by_scalar else fields["x_zero_point"],
                0 if function else join(valid, 1),
            ]
        )
        if function:
            self.functions.append(
                [cycle + BeatOperands.read_latency, value["x"], step["reduce"], step["last"]]
            )


def numbers_of(cycle: int, payload: int, size: int) -> list[int]:
    """Return a beat as the numbers of Beats.expected."""
    fields = unpack(beat_layout(size), payload)
    lanes = [number for word in WORDS for number in split_signed(fields[word], 32, size)]
    (subtract,) = split_signed(fields["subtract"], 32, 1)
    return [cycle, *lanes, *split(fields["shift"], 6, size), subtract, fields["valid"]]


async def load(dut, source: random.Random, sizes) -> np.ndarray:
    """Fill the parameters; return them, (rows, N, 3)."""
    draw = np.random.default_rng(source.getrandbits(32))
    records = draw.integers(-(1 << 31), 1 << 31, (SIZES["parameter_rows"], sizes.lanes, 3))
    layout = parameter_write_layout(sizes.lanes)
    flat = records.reshape(len(records), -1)
    writes = [
        {"parameter_write": pack(layout, valid=1, row=row, word=word, data=int(number))}
        for (row, word), number in np.ndenumerate(flat)
    ]
    await play(dut, [*writes, {"parameter_write": 0}, {}], [])
    return records


@cocotb.test(**TIMEOUT)
async def chooses_operands(dut):
    source, sizes = randomness(), parameters().row_chunks
    await start(dut)
    records = await load(dut, source, sizes)
    draw = np.random.default_rng(source.getrandbits(32))
    scalars = np.stack([draw.integers(-(1 << 31), 1 << 31, 32), draw.integers(0, 64, 32)], axis=1)
    idle = {f"{name}__valid": 0 for name in ("x_rows", "y_rows", "control")}
    rows_width = 5
    for _ in range(20):
        beats = Beats(source, sizes, records, scalars)
        dut.fields.value = pack(operand_fields_layout(), **beats.fields)
        got, functions, reads = [], [], [0, 0]
        for cycle in range(beats.end + 10):
            inputs = idle | {"result": source.getrandbits(60)} | beats.inputs.get(cycle, {})
            outputs = ["beats__valid", "beats__payload", "scalar_rows"]
            outputs += ["functions__valid", "functions__payload"]
            seen = await play(dut, [inputs | {"scalars": reads[0]}], outputs)
            rows = split(seen["scalar_rows"][0], rows_width, len(SCALAR_READS))
            # Two cycles later.
            values = {n: int(scalars[row, 0]) for n, row in zip(SCALAR_READS, rows, strict=True)}
            shift = int(scalars[rows[SCALAR_READS.index("scale")], 1])
            reads = [reads[1], pack(scalar_values_layout(), **values, scale_shift=shift)]
            if seen["beats__valid"][0]:
                got.append(numbers_of(cycle, seen["beats__payload"][0], sizes.chunk))
            if seen["functions__valid"][0]:
                operand = unpack(function_layout(32), seen["functions__payload"][0])
                (x,) = split_signed(operand["x"], 32, 1)
                functions.append([cycle, x, operand["row"], operand["last"]])
        compare(f"cycle and operands of {beats.fields}", got, beats.expected)
        compare("cycle, x, row and last", functions, beats.functions)
