"""Numbers for the lanes of a vector unit, and the results that numpy gives for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benches.bits import join, pack
from benches.coroutines import read, tick
from weft.isa.codes import Combine, Format, Rounding
from weft.vector.beats import PASS_FIELDS, TABLE_WORDS, beat_layout, pass_layout
from weft_model.core.rounding import MOST_F32_MULTIPLIER, scaled
from weft_model.core.vector import combined, wrapped

DESTINATIONS = (Format.INT8, Format.UINT8, Format.INT16, Format.UINT16, Format.INT32)
_CORNERS = np.array(
    [0, 1, -1, 2, -2, 127, -128, 255, 256, 65535, -65536, (1 << 31) - 1, -(1 << 31), 1 - (1 << 31)]
    + [sign * ((1 << 24) + step) for sign in (1, -1) for step in (-1, 0, 1, 2, 3)]
    # Neighbours of ties, and of the last number that float32 rounds down.
    + [(1 << 31) - step for step in (63, 64, 65, 127, 128, 129, 192, 193)]
    + [(1 << 25) + step for step in (1, 2, 3, 5, 6, 7)],
    np.int64,
)


def numbers(source: np.random.Generator, size, bits: int = 32) -> np.ndarray:
    """Return signed integers of all lengths up to `bits`, with frequent extreme values."""
    values = source.integers(-(1 << 31), 1 << 31, size) >> source.integers(0, 32, size)
    values = np.where(source.random(size) < 0.15, source.choice(_CORNERS, size), values)
    return values << (64 - bits) >> (64 - bits)


@dataclass(frozen=True)
class Scaling:
    """Operands of Scale, as int64, and the mode."""

    rounding: Rounding
    x: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray

    @property
    def results(self) -> np.ndarray:
        return scaled(self.rounding, self.x, multiplier=self.multiplier, shift=self.shift)


def scalings(source: np.random.Generator, rounding: Rounding, size) -> Scaling:
    """Return operands, of which many give a half, or a number that is almost a half."""
    x, shift = numbers(source, size), source.integers(0, 64, size)
    multiplier = numbers(source, size)
    if rounding == Rounding.F32:
        bound = MOST_F32_MULTIPLIER
        multiplier = multiplier >> source.integers(7, 9, size)
        multiplier = np.where(source.random(size) < 0.02, bound, multiplier)
        multiplier = np.where(source.random(size) < 0.02, -bound, multiplier)
    # x is the nearest integer to (n + 1/2) * 2**shift / multiplier, or close to it.
    halves = source.integers(-(1 << 25), 1 << 25, size) >> source.integers(0, 25, size)
    nearest = np.rint((halves + 0.5) * np.exp2(shift) / np.where(multiplier, multiplier, 1))
    aimed = np.where(np.abs(nearest) < 1 << 31, nearest, 0).astype(np.int64)
    aimed = np.clip(aimed + source.integers(-1, 2, size), -(1 << 31), (1 << 31) - 1)
    return Scaling(rounding, np.where(source.random(size) < 0.5, aimed, x), multiplier, shift)


@dataclass(frozen=True)
class Beats:
    """Beats of one instruction: arrays of (beats, lanes), and `subtract` of (beats, 1)."""

    constants: dict[str, int]
    subtract: np.ndarray
    y: np.ndarray
    bias: np.ndarray
    scaling: Scaling
    valid: np.ndarray

    def payloads(self) -> list[int]:
        """Return each beat as the bits of beat_layout."""
        beats, lanes = self.y.shape
        layout, scaling = beat_layout(lanes), self.scaling
        words = {"x": scaling.x, "y": self.y, "bias": self.bias, "multiplier": scaling.multiplier}
        return [
            pack(
                layout,
                valid=join(self.valid[beat], 1),
                subtract=int(self.subtract[beat, 0]),
                shift=join(scaling.shift[beat], 6),
                **{name: join(values[beat], 32) for name, values in words.items()},
            )
            for beat in range(beats)
        ]

    def results(self, tables: np.ndarray) -> np.ndarray:
        """Return the results, (beats, lanes), with tables of (tables, 256) int64."""
        constants, scaling = self.constants, self.scaling
        combine = Combine(constants["combine"])
        x = wrapped(scaling.x - self.subtract)
        x = _looked_up(tables, constants["x_table"], x)
        if combine != Combine.NONE:
            y = wrapped(self.y - constants["y_zero_point"])
            x = combined(combine, x, _looked_up(tables, constants["y_table"], y))
        if constants["bias"]:
            x = wrapped(x + self.bias)
        x = scaled(scaling.rounding, x, multiplier=scaling.multiplier, shift=scaling.shift)
        x = x + constants["output_offset"]
        number = Format(constants["destination_format"])
        if number != Format.INT32:
            x = np.clip(x, constants["minimum"], constants["maximum"])
        x = np.clip(x, number.minimum, number.maximum)
        return _looked_up(tables, constants["output_table"], x)

    @property
    def packed_constants(self) -> int:
        return pack(pass_layout(), **self.constants)


def _looked_up(tables: np.ndarray, number: int, values: np.ndarray) -> np.ndarray:
    return tables[number - 1][values & (TABLE_WORDS - 1)] if number else values


def random_constants(source: np.random.Generator, tables: int) -> dict[str, int]:
    """Return the constants of a legal VECTOR."""
    constants = dict.fromkeys(PASS_FIELDS, 0)
    for name in ("x_table", "y_table"):
        constants[name] = int(source.integers(0, tables + 1))
    if not constants["x_table"]:
        constants["output_table"] = int(source.integers(0, tables + 1))
    for name in ("y_zero_point", "output_offset"):
        constants[name] = int(source.integers(-(1 << 15), 1 << 15) >> source.integers(0, 16))
    bounds = source.integers(-(1 << 15), 1 << 15, 2) >> source.integers(0, 16, 2)
    constants["minimum"], constants["maximum"] = sorted(map(int, bounds))
    constants["combine"] = int(source.choice(list(Combine)))
    constants["bias"] = int(source.integers(0, 2))
    constants["rounding"] = int(source.choice(list(Rounding)))
    constants["destination_format"] = int(source.choice(DESTINATIONS))
    return constants


def random_beats(
    source: np.random.Generator, constants: dict[str, int], *, beats: int, lanes: int
) -> Beats:
    """Return beats of an instruction."""
    size = (beats, lanes)
    return Beats(
        constants=constants,
        subtract=numbers(source, (beats, 1)),
        y=numbers(source, size),
        bias=numbers(source, size),
        scaling=scalings(source, Rounding(constants["rounding"]), size),
        valid=source.integers(0, 2, size),
    )


async def play_beats(
    dut, source: np.random.Generator, cycles: Sequence[int | None], *, latency: int
) -> dict[int, int]:
    """Send the beat of each cycle, or noise that does not count; return the results by cycle."""
    got = {}
    for cycle, beat in enumerate([*cycles, *[None] * (latency + 1)]):
        dut.beats__valid.value = int(beat is not None)
        dut.beats__payload.value = int(source.integers(1 << 32)) if beat is None else beat
        await tick(dut)
        if read(dut, "results__valid"):
            got[cycle] = read(dut, "results__payload")
    return got
