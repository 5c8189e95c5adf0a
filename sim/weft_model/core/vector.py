"""VECTOR: rows of x and y through fixed stages, to rows in the buffer or to row scalars."""

from dataclasses import dataclass

import numpy as np

from weft.isa.codes import (
    Bias,
    Combine,
    Format,
    Function,
    Reduce,
    Rounding,
    ScaleSource,
    Subtrahend,
    XSource,
    YSource,
)
from weft.isa.instruction import Instruction

from .reciprocal import reciprocal
from .rounding import scaled
from .state import BIAS, MULTIPLIER, SCALAR_SHIFT, SHIFT, SHIFT_MASK, VALUE, CoreState, ResultRows
from .walks import parameter_walk, vector_height, vector_walk, window_size, window_walk
from .work import Work

_INT32 = Format.INT32


def vector(state: CoreState, instruction: Instruction) -> Work:
    """Return the work of VECTOR; its parts are output rows, or the result rows that it drains."""
    drained = ResultRows()
    vector_pass = _Pass.of(state, instruction, drained)
    height, size = vector_height(instruction), window_size(instruction)
    if instruction["function"] != Function.NONE:
        return Work(parts=height, run=vector_pass.run_function)
    if instruction["x_source"] != XSource.RESULTS:
        return Work(parts=height, run=vector_pass.run)

    def drain(start: int, stop: int) -> None:
        drained.push(state.results.pop(stop - start))
        if start // size < stop // size:
            vector_pass.run(start // size, stop // size)

    return Work(parts=height * size, run=drain, ready=lambda part: len(state.results) > 0)


def wrapped(values: np.ndarray) -> np.ndarray:
    """Return values modulo 2**32 in the range of int32, as int64."""
    return values.astype(np.int32).astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class _Pass:
    """One VECTOR: its walks, one entry for each output row, and the result rows it has drained.

    Values in the methods are int64 of shape (output rows, rows of a window, N); an axis may have
    length 1 where all entries are equal.
    """

    state: CoreState
    instruction: Instruction
    drained: ResultRows
    x: np.ndarray
    y: np.ndarray
    destination: np.ndarray
    parameters: np.ndarray
    subtract_scalar: np.ndarray
    scale_scalar: np.ndarray
    reduce_scalar: np.ndarray

    @classmethod
    def of(cls, state: CoreState, instruction: Instruction, drained: ResultRows) -> "_Pass":
        starts = vector_walk(instruction, "x_row", "x")
        scalars = {
            name: vector_walk(instruction, name, "scalar")
            for name in ("subtract_scalar", "scale_scalar", "reduce_scalar")
        }
        return cls(
            state=state,
            instruction=instruction,
            drained=drained,
            x=starts[:, np.newaxis] + window_walk(instruction),
            y=vector_walk(instruction, "y_row", "y"),
            destination=vector_walk(instruction, "destination_row", "destination"),
            parameters=parameter_walk(instruction),
            **scalars,
        )

    def run(self, start: int, stop: int) -> None:
        """Compute a range of output rows."""
        part, instruction = slice(start, stop), self.instruction
        x = self._read_x(part)
        if instruction["subtrahend"] == Subtrahend.SCALAR:
            x = wrapped(x - self._scalars(self.subtract_scalar[part], VALUE))
        else:
            x = wrapped(x - instruction["x_zero_point"])
        x = self._table(instruction["x_table"], x)
        if instruction["y_source"] != YSource.NONE:
            y = wrapped(self._read_y(part) - instruction["y_zero_point"])
            y = self._table(instruction["y_table"], y)
            x = combined(Combine(instruction["combine"]), x, y)
        if instruction["bias"] == Bias.CHANNEL:
            x = wrapped(x + self._records(part, BIAS))
        x = self._clamped(self._scaled(part, x) + instruction["output_offset"])
        x = self._table(instruction["output_table"], x)
        self._finish(part, np.broadcast_to(x, (*x.shape[:2], self.state.needs.lanes)))

    def run_function(self, start: int, stop: int) -> None:
        """Compute a function of a range of row scalars; the only one so far is the reciprocal."""
        scalars, part = self.state.scalars, slice(start, stop)
        values = scalars[self.x[part, 0], VALUE].astype(np.int64)
        multiplier, shift = reciprocal(values, shift=self.instruction["shift"])
        scalars[self.reduce_scalar[part], VALUE] = multiplier
        scalars[self.reduce_scalar[part], SCALAR_SHIFT] = shift

    def _read_x(self, part: slice) -> np.ndarray:
        rows, source = self.x[part], self.instruction["x_source"]
        if source == XSource.RESULTS:
            drained = self.drained.pop(rows.size).astype(np.int64)
            return drained.reshape(*rows.shape, self.state.needs.lanes)
        if source == XSource.SCALARS:
            return self.state.scalars[rows, VALUE].astype(np.int64)[..., np.newaxis]
        return self.state.elements(rows, Format(self.instruction["x_format"]))

    def _read_y(self, part: slice) -> np.ndarray:
        source = self.instruction["y_source"]
        if source == YSource.IMMEDIATE:
            return np.full((1, 1, 1), self.instruction["immediate"], np.int64)
        if source == YSource.PARAMETERS:
            return self._records(part, SHIFT) >> 16
        if source == YSource.SCALARS:
            return self._scalars(self.y[part], VALUE)
        rows = self.state.elements(self.y[part], Format(self.instruction["y_format"]))
        return rows[:, np.newaxis]

    def _records(self, part: slice, word: int) -> np.ndarray:
        """Return a word of the parameters of each output row and lane."""
        rows = self.state.parameters[self.parameters[part], :, word]
        return rows.astype(np.int64)[:, np.newaxis]

    def _scalars(self, rows: np.ndarray, word: int) -> np.ndarray:
        """Return a word of the row scalar of each output row."""
        return self.state.scalars[rows, word].astype(np.int64)[:, np.newaxis, np.newaxis]

    def _table(self, number: int, values: np.ndarray) -> np.ndarray:
        """Return the entries of table `number` - 1; the values themselves if `number` is 0."""
        return self.state.tables[number - 1][values & 255].astype(np.int64) if number else values

    def _scaled(self, part: slice, x: np.ndarray) -> np.ndarray:
        instruction = self.instruction
        source = instruction["scale_source"]
        if source == ScaleSource.CHANNEL:
            multiplier, shift = self._records(part, MULTIPLIER), self._records(part, SHIFT)
        elif source == ScaleSource.SCALAR:
            rows = self.scale_scalar[part]
            multiplier, shift = self._scalars(rows, VALUE), self._scalars(rows, SCALAR_SHIFT)
        else:
            multiplier = np.full((1, 1, 1), instruction["multiplier"], np.int64)
            shift = np.full((1, 1, 1), instruction["shift"], np.int64)
        # What masked lanes are multiplied by is no error.
        valid = np.arange(multiplier.shape[2]) < instruction["valid_lanes"]
        multiplier = np.where(valid, multiplier, 0)
        rounding = Rounding(instruction["rounding"])
        return scaled(rounding, x, multiplier=multiplier, shift=shift & SHIFT_MASK)

    def _clamped(self, x: np.ndarray) -> np.ndarray:
        number = Format(self.instruction["destination_format"])
        if number != _INT32:
            x = np.clip(x, self.instruction["minimum"], self.instruction["maximum"])
        return np.clip(x, number.minimum, number.maximum)

    def _finish(self, part: slice, x: np.ndarray) -> None:
        """Reduce the rows of windows, (output rows, rows of a window, N), and write."""
        instruction, valid = self.instruction, self.instruction["valid_lanes"]
        reduce = Reduce(instruction["reduce"])
        if reduce.over_lanes:
            self._reduce_lanes(reduce, part, x[:, :, :valid])
        if instruction["write"]:
            if reduce == Reduce.ROWS_MAX:
                rows = x.max(axis=1)
            elif reduce == Reduce.ROWS_SUM:
                rows = wrapped(x.sum(axis=1))
            else:
                rows = x[:, 0]
            rows = np.where(np.arange(rows.shape[1]) < valid, rows, 0)
            number = Format(instruction["destination_format"])
            self.state.write_elements(self.destination[part], number, rows)

    def _reduce_lanes(self, reduce: Reduce, part: slice, x: np.ndarray) -> None:
        scalars, rows = self.state.scalars, self.reduce_scalar[part]
        before = scalars[rows, VALUE].astype(np.int64)
        accumulate = bool(self.instruction["accumulate"])
        if reduce == Reduce.LANES_MAX:
            found = x.max(axis=(1, 2))
            found = np.maximum(found, before) if accumulate else found
        else:
            found = wrapped(x.sum(axis=(1, 2)) + (before if accumulate else 0))
        scalars[rows, VALUE] = found
        scalars[rows, SCALAR_SHIFT] = 0


def combined(combine: Combine, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return x and y combined, modulo 2**32."""
    if combine == Combine.ADD:
        return wrapped(x + y)
    if combine == Combine.SUBTRACT:
        return wrapped(x - y)
    if combine == Combine.MULTIPLY:
        return wrapped(_low_17_bits(x) * _low_17_bits(y))
    return np.maximum(x, y) if combine == Combine.MAX else np.minimum(x, y)


def _low_17_bits(values: np.ndarray) -> np.ndarray:
    """Return the low 17 bits as signed numbers."""
    return (values << 47) >> 47
