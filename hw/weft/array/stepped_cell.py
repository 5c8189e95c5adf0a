"""SteppedCell: one multiply-accumulate of operands that are magnitudes at one of two places."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from ..blocks.registers import registered
from ..stepped_magnitude import STEP, Kind
from .cell_kind import CellKind
from .magnitude_cell import MagnitudeCell, SoftMagnitudeCell


class SteppedCell(MagnitudeCell):
    """A MagnitudeCell whose operands are SteppedMagnitude.

    It multiplies the short magnitudes, and moves the product by the steps of both operands. The
    lowest bits of a partial sum are two flags: it has +infinity, it has -infinity. NaN, and zero
    times infinity, set both.

    Timing and members as in Cell; activations and weights have the shape of a SteppedMagnitude.
    """

    def _flags(self, m: Module, activation: Signal, shadow: Signal, negative: Value) -> Value:
        first, second = self.arithmetic.activation, self.arithmetic.weight
        weight_kind = self._weight_in_use(m, second.kind(shadow), "weight_kind")
        kinds = first.kind(activation), weight_kind
        nan, infinite = (
            (kinds[0] == kind) | (kinds[1] == kind) for kind in (Kind.NAN, Kind.INFINITE)
        )
        nan |= infinite & ((kinds[0] == Kind.ZERO) | (kinds[1] == Kind.ZERO))
        return Cat(nan | (infinite & ~negative), nan | (infinite & negative))

    def _placed(self, m: Module, product: Value, activation: Signal, shadow: Signal) -> Value:
        arithmetic = self.arithmetic
        first, second = arithmetic.activation, arithmetic.weight
        steps = [first.step(activation)] if first.steps else []
        if second.steps:
            steps.append(self._weight_in_use(m, second.step(shadow), "weight_step"))
        # One bit for each number of steps above 0.
        moves = [sum(steps) == count for count in range(1, len(steps) + 1)]
        stages = range(1, arithmetic.multiplier_stages + 1)
        moves = registered(m, Cat(*moves), stages=stages, name="moves")
        placed = product
        for index in range(len(steps)):
            placed = Mux(moves[index], product << STEP * (index + 1), placed)
        return placed


class SoftSteppedCell(SteppedCell):
    """A SteppedCell with a SoftMultiplier."""

    _multiply = SoftMagnitudeCell._multiply


STEPPED = CellKind(hard=SteppedCell, soft=SoftSteppedCell, tile_rows=1)
