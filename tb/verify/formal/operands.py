"""Operands: what the array multiplies equals the number on the port, and sums are weighed right."""

from amaranth.hdl import Module, Signal, Value, signed

from weft.array.operand_edge import OperandEdge
from weft.blocks.chain import Chain
from weft.matrix.sum_shift import SumShift
from weft.operand_port import OperandPort

from .harness import Harness, delayed


class LanesAreRead(Harness):
    """An operand is the number of its lane, signed or not, minus the number of its zero point.

    Lanes, zero points and signs are arbitrary. There are no registers, so the proof is for every
    cycle.
    """

    def __init__(self, port: OperandPort, lanes: int, *, shared_zero_point: bool):
        super().__init__()
        self.port = port
        self.lanes = lanes
        self.shared_zero_point = shared_zero_point

    def describe(self, m: Module) -> None:
        m.submodules.edge = edge = OperandEdge(
            port=self.port, lanes=self.lanes, shared_zero_point=self.shared_zero_point
        )
        inputs = {name: self.anything(getattr(edge, name).shape(), name) for name in ("lanes",)}
        signs = self.anything(1, "signs")
        zero_points = self.anything(edge.zero_points.shape(), "zero_points")
        m.d.comb += [
            edge.lanes.eq(inputs["lanes"]),
            edge.lanes_are_signed.eq(signs),
            edge.zero_points.eq(zero_points),
        ]
        width = self.port.lane.width
        for index in range(self.lanes):
            number, zero_point = (
                self._number(m, bits, signs, f"{name}_{index}")
                for name, bits in (
                    ("number", inputs["lanes"][index]),
                    ("zero", zero_points[0 if self.shared_zero_point else index]),
                )
            )
            difference = Signal(signed(width + 3), name=f"difference_{index}")
            m.d.comb += difference.eq(number - zero_point)
            self.prove(f"operand_{index}", edge.operands[index] == difference)
            self.reach(f"least_{index}", difference == 1 - (1 << width))
            self.reach(f"most_{index}", difference == (1 << width) - 1)

    def _number(self, m: Module, bits: Value, signs: Value, name: str) -> Signal:
        """Return the number of a lane: its bits, minus 2**width if it is negative."""
        width = self.port.lane.width
        number = Signal(signed(width + 2), name=name)
        with m.If(signs & bits[width - 1]):
            m.d.comb += number.eq(bits - (1 << width))
        with m.Else():
            m.d.comb += number.eq(bits)
        return number


class SumsAreShifted(Harness):
    """The sum of a column is its partial sum times 2**(step * shift), modulo 2**width.

    The parts of a partial sum come in the cycles that SumShift expects, for every column; sums and
    shifts are arbitrary.
    """

    def __init__(
        self, *, columns: int, sum_parts: tuple[int, ...], step: int, shift_bits: int, width: int
    ):
        super().__init__()
        self.columns = columns
        self.parameters = {
            "sum_parts": sum_parts,
            "step": step,
            "shift_bits": shift_bits,
            "width": width,
        }

    def describe(self, m: Module) -> None:
        given = self.parameters
        m.submodules.shifts = shifts = Chain(component=SumShift, links=self.columns, **given)
        # Each sum is whole in the cycle of its part 0.
        parts, total = given["sum_parts"], sum(given["sum_parts"])
        shift = self.anything(given["shift_bits"], "shift")
        late = len(parts) - 1
        shift_in = delayed(m, shift, late, "shift")
        m.d.comb += shifts.shift_in.eq(shift_in)
        for column in range(self.columns):
            number = self.anything(signed(total), f"sum_{column}")
            low = 0
            for place, width in enumerate(parts):
                part = delayed(m, number[low : low + width], place, f"part_{column}_{place}")
                m.d.comb += shifts.sum_in[column][low : low + width].eq(part)
                low += width
            aligned = delayed(m, number, late, f"aligned_{column}")
            own_shift = delayed(m, shift_in, column, f"own_shift_{column}")
            weighed = Signal(signed(given["width"]), name=f"weighed_{column}")
            with m.Switch(own_shift):
                for value in range(1 << given["shift_bits"]):
                    with m.Case(value):
                        m.d.comb += weighed.eq(aligned * (1 << given["step"] * value))
            expected = delayed(m, weighed, SumShift.latency, f"expected_{column}")
            # After the first sums have passed.
            ran = delayed(m, Signal(init=1), late + self.columns + 1, f"ran_{column}")
            self.prove(f"sum_{column}", ~ran | (shifts.sum_out[column] == expected))
            self.reach(f"negative_{column}", ran & (shifts.sum_out[column] < 0))
