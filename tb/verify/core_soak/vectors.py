"""Random VECTOR instructions of any kind."""

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
from weft.isa.requirements import Requirements
from weft_model.core.state import ELEMENTS, rows_per_row

from .walks import Draws

LOOPS = ("outer", "middle", "inner")
MOST_STEPS = 18
MOST_STRIDE = 5
# Fields of an instruction; the start of a walk that does not fit is None.
Fields = dict[str, int | None]


class RandomVector:
    """Draws the fields of a VECTOR; not all of them are legal together.

    Parameters
    ----------
    draws : Draws
    needs : Requirements
    exact : bool
        All multipliers in parameters and row scalars are exact as float32.
    """

    def __init__(self, draws: Draws, needs: Requirements, *, exact: bool):
        self.draws, self.needs, self.exact = draws, needs, exact

    def fields(self, drained: int = 0) -> dict[str, int] | None:
        """Return the fields, or None if a walk does not fit.

        Parameters
        ----------
        drained : int
            Result rows to drain; with 0, x comes from elsewhere.
        """
        draws = self.draws
        counts, windows, reduce = self._shape(drained)
        fields: Fields = {f"{n}_count": c for n, c in zip(LOOPS, counts, strict=True)}
        names = ("reduce_outer", "reduce_inner")
        fields |= {f"{name}_count": c for name, c in zip(names, windows, strict=True)}
        fields |= {"reduce": reduce, "valid_lanes": draws.number(1, self.needs.lanes)}
        single = windows == [1, 1]
        fields["write"] = int(not reduce.over_lanes or (single and draws.chance(0.5)))
        fields["accumulate"] = int(reduce.over_lanes and draws.chance(0.4))
        fields |= self._values()
        fields |= self._destination(counts)
        fields |= self._x(counts, windows, drained)
        fields |= self._y(counts)
        fields |= self._constants(counts)
        if draws.chance(0.15) and not drained and fields["write"]:
            fields |= self._in_place(fields)
        return _complete(fields)

    def reciprocal(self) -> dict[str, int] | None:
        """Return the fields of a reciprocal of row scalars, or None if a walk does not fit."""
        counts = self.draws.counts(3, 6)
        fields: Fields = {f"{name}_count": n for name, n in zip(LOOPS, counts, strict=True)}
        fields |= {"function": Function.RECIPROCAL, "shift": self.draws.number(0, 32)}
        fields |= {"x_source": XSource.SCALARS}
        fields |= self._scalars(counts, ("reduce_scalar",), apart=True)
        total = self.needs.row_scalars
        fields |= self._walk("x_row", "x", LOOPS, counts, MOST_STRIDE, 1, total)
        if self.draws.chance(0.3):
            fields |= {f"x_{name}": fields[f"scalar_{name}"] for name in LOOPS}
            fields["x_row"] = fields["reduce_scalar"]
        return _complete(fields)

    def _shape(self, drained: int) -> tuple[list[int], list[int], Reduce]:
        draws = self.draws
        reduce = Reduce(draws.pick(Reduce)) if draws.chance(0.6) else Reduce.NONE
        windows = draws.counts(2, 5) if reduce != Reduce.NONE else [1, 1]
        if not drained:
            return draws.counts(3, MOST_STEPS), windows, reduce
        if reduce == Reduce.NONE or drained % (windows[0] * windows[1]):
            windows, reduce = [1, 1], Reduce.NONE if draws.chance(0.5) else reduce
        rows, counts = drained // (windows[0] * windows[1]), []
        for _ in range(2):
            counts.append(draws.pick([n for n in range(1, rows + 1) if rows % n == 0]))
            rows //= counts[-1]
        return [*counts, rows], windows, reduce

    def _values(self) -> Fields:
        """Return fields that no other field restricts."""
        draws = self.draws
        low, high = sorted(
            draws.pick((-(1 << 15), -200, -9, 0, 9, 200, (1 << 15) - 1)) for _ in "lh"
        )
        tables = [0, 0, *range(1, self.needs.tables + 1)]
        multiplier = draws.number(0, 1 << draws.number(1, 24)) * draws.pick((1, 1, -1))
        return {
            **{f"{name}_format": draws.pick(ELEMENTS) for name in ("x", "y", "destination")},
            **{f"{name}_zero_point": draws.number(-200, 200) for name in "xy"},
            **{"output_offset": draws.number(-200, 200), "minimum": low, "maximum": high},
            **{"immediate": draws.number(-(1 << 31), (1 << 31) - 1) >> draws.pick((0, 16, 24))},
            **{"multiplier": multiplier, "shift": draws.pick((0, 1, 31, 63, draws.number(0, 40)))},
            **{"y_table": draws.pick(tables)},
            **{("x_table", "output_table")[draws.number(0, 1)]: draws.pick(tables)},
            **{"bias": draws.pick(Bias), "subtrahend": draws.pick(Subtrahend)},
        }

    def _walk(self, start, name, loops, counts, most, size, total) -> Fields:
        """Return a walk that may visit a place twice."""
        strides = self.draws.strides(len(counts), most)
        fields: Fields = {
            f"{name}_{loop}": stride for loop, stride in zip(loops, strides, strict=True)
        }
        return fields | {start: self.draws.start(counts, strides, size, total)}

    def _destination(self, counts: list[int]) -> Fields:
        draws, number = self.draws, Format(self.draws.pick(ELEMENTS))
        size = rows_per_row(number, self.needs)
        strides = draws.apart(counts, size)
        return {
            "destination_format": number,
            "destination_row": draws.start(counts, strides, size, self.needs.buffer_rows),
            **{f"destination_{n}": stride for n, stride in zip(LOOPS, strides, strict=True)},
        }

    def _x(self, counts: list[int], windows: list[int], drained: int) -> Fields:
        draws = self.draws
        number = Format(draws.pick(ELEMENTS))
        loops = (*LOOPS, "reduce_outer", "reduce_inner")
        if drained:
            return {"x_source": XSource.RESULTS, "x_format": number}
        if draws.chance(0.2):
            place = {"x_source": XSource.SCALARS, "x_format": number}
            total = self.needs.row_scalars
            return place | self._walk("x_row", "x", loops, counts + windows, 2, 1, total)
        place = {"x_source": XSource.BUFFER, "x_format": number}
        size, total = rows_per_row(number, self.needs), self.needs.buffer_rows
        return place | self._walk("x_row", "x", loops, counts + windows, MOST_STRIDE, size, total)

    def _y(self, counts: list[int]) -> Fields:
        draws, number = self.draws, Format(self.draws.pick(ELEMENTS))
        source = YSource(draws.pick(YSource))
        fields: Fields = {"y_source": source, "y_format": number}
        fields["combine"] = draws.pick(list(Combine)[1:]) if source else 0
        if source == YSource.SCALARS:
            return fields | self._walk("y_row", "y", LOOPS, counts, 2, 1, self.needs.row_scalars)
        if source == YSource.BUFFER:
            size, total = rows_per_row(number, self.needs), self.needs.buffer_rows
            return fields | self._walk("y_row", "y", LOOPS, counts, MOST_STRIDE, size, total)
        return fields

    def _scalars(self, counts: list[int], names, *, apart: bool) -> Fields:
        """Return walks of row scalars, which have their strides in common."""
        draws, total = self.draws, self.needs.row_scalars
        strides = draws.apart(counts, 1) if apart else draws.strides(3, 2)
        fields: Fields = {name: draws.start(counts, strides, 1, total) for name in names}
        return fields | {f"scalar_{n}": stride for n, stride in zip(LOOPS, strides, strict=True)}

    def _constants(self, counts: list[int]) -> Fields:
        """Return the scale, the parameters and the row scalars."""
        draws = self.draws
        names = ("subtract_scalar", "scale_scalar", "reduce_scalar")
        fields = self._scalars(counts, names, apart=draws.chance(0.7))
        rounding, source = Rounding(draws.pick(Rounding)), ScaleSource(draws.pick(ScaleSource))
        # Reductions put any number into row scalars.
        bad = source != ScaleSource.INSTRUCTION and not self.exact and not draws.chance(0.01)
        if rounding == Rounding.F32 and bad:
            source = ScaleSource.INSTRUCTION
        stride = draws.number(-1, 1)
        rows = self.needs.parameter_rows
        fields["parameters"] = draws.start(counts[:1], [stride], 1, rows)
        return fields | {"rounding": rounding, "scale_source": source, "parameter_stride": stride}

    def _in_place(self, fields: Fields) -> Fields:
        """Return changes that make x equal to the destination."""
        changes = {f"x_{part}": fields[f"destination_{part}"] for part in ("row", *LOOPS)}
        changes |= {f"x_reduce_{part}": 0 for part in ("outer", "inner")}
        return changes | {"x_source": XSource.BUFFER, "x_format": fields["destination_format"]}


def _complete(fields: Fields) -> dict[str, int] | None:
    """Return the fields, or None if one of them is None."""
    known = {name: value for name, value in fields.items() if value is not None}
    return known if len(known) == len(fields) else None
