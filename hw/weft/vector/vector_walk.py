"""VectorWalk: the rows and row scalars that a VECTOR visits, one step per cycle."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..buffer.loop_nest import LoopNest
from ..buffer.strided_sum import StridedSum
from ..hierarchy import instantiate
from ..isa.instructions import VECTOR
from ..isa.kind import INDEX_BITS, ROW_BITS
from ..isa.layouts import instruction_layout
from .layouts import step_layout
from .uses import WIDTHS, by_width, uses_of

# From the outermost; the last two are the rows of a window.
LOOPS = ("outer", "middle", "inner", "reduce_outer", "reduce_inner")
OUTPUT_LOOPS = LOOPS[:3]
SCALARS = ("subtract", "scale", "reduce")


class VectorWalk(wiring.Component):
    """Visit the rows of x in the order (outer, middle, inner, reduce_outer, reduce_inner).

    Every step has the buffer rows or row scalars of x, y and the destination, three row scalars and
    the parameter row. Only those of x move within a window.

    A step is `outside` if it uses a row or a row scalar that the core does not have. The sums wrap,
    but never to a place inside: each of their registers holds a place that was inside, and a stride
    goes at most half of their range further. After the first step outside, steps are meaningless.

    Latency 2 cycles from `instructions` to the first of `steps`, then a step per cycle. The next
    instruction is taken at the earliest while the last step of this one moves to `steps`.

    Parameters
    ----------
    buffer_rows, operand_width, parameter_rows, row_scalars : int

    Members
    -------
    instructions : stream of the layout of VECTOR
    steps : stream of step_layout(...), out
    """

    latency = 2

    def __init__(
        self, *, buffer_rows: int, operand_width: int, parameter_rows: int, row_scalars: int
    ):
        self.buffer_rows = buffer_rows
        self.operand_width = operand_width
        self.parameter_rows = parameter_rows
        self.row_scalars = row_scalars
        steps = step_layout(
            buffer_rows=buffer_rows, parameter_rows=parameter_rows, row_scalars=row_scalars
        )
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(VECTOR))),
                "steps": Out(stream.Signature(steps)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        instruction, steps = self.instructions.payload, self.steps
        active, start, step = Signal(), Signal(), Signal()
        counts = [instruction[f"{loop}_count"] for loop in LOOPS]
        nest = instantiate(
            m, "loops", platform, LoopNest, widths=tuple(len(count) for count in counts)
        )
        m.d.comb += [
            step.eq(active & (~steps.valid | steps.ready)),
            self.instructions.ready.eq(~active | (step & nest.lasts.all())),
            start.eq(self.instructions.valid & self.instructions.ready),
            nest.start.eq(start),
            nest.step.eq(step),
            *[nest.counts[str(loop)].eq(count) for loop, count in enumerate(counts)],
        ]
        with m.If(self.instructions.ready):
            m.d.sync += active.eq(self.instructions.valid)
        with m.If(~steps.valid | steps.ready):
            m.d.sync += steps.valid.eq(active)
        places = self._rows(m, platform, nest) | self._scalars(m, platform, nest)
        self._output(m, nest, places, start=start, step=step)
        return m

    def _sum(
        self, m: Module, platform, nest, name: str, *, width: int, origin: Value, strides: Sequence
    ) -> Value:
        """Return the sum of an origin and of the strides of the loops from the outermost."""
        outer = (*strides, *[None] * (len(LOOPS) - len(strides)))
        total = instantiate(
            m,
            f"{name}_sum",
            platform,
            StridedSum,
            width=width,
            strides=tuple(0 if stride is None else len(stride) for stride in outer),
        )
        m.d.comb += [
            total.start.eq(nest.start),
            total.step.eq(nest.step),
            total.advances.eq(nest.advances),
            total.origin.eq(origin),
            *[total.strides[str(loop)].eq(stride) for loop, stride in enumerate(strides)],
        ]
        return total.value

    def _rows(self, m: Module, platform, nest) -> dict[str, Value]:
        """Return the rows of x, y, the destination and the parameters; they have a sign."""
        instruction = self.instructions.payload
        loops = {"x": LOOPS, "y": OUTPUT_LOOPS, "destination": OUTPUT_LOOPS}
        rows = {
            name: self._sum(
                m,
                platform,
                nest,
                name,
                width=ROW_BITS,
                origin=instruction[f"{name}_row"],
                strides=[instruction[f"{name}_{loop}"] for loop in walked],
            )
            for name, walked in loops.items()
        }
        rows["parameters"] = self._sum(
            m,
            platform,
            nest,
            "parameters",
            width=INDEX_BITS + 1,
            origin=instruction.parameters,
            strides=[instruction.parameter_stride],
        )
        return rows

    def _scalars(self, m: Module, platform, nest) -> dict[str, Value]:
        """Return the row scalars, which have the same strides; they have a sign."""
        instruction = self.instructions.payload
        moved = self._sum(
            m,
            platform,
            nest,
            "scalar",
            width=INDEX_BITS + 1,
            origin=0,
            strides=[instruction[f"scalar_{loop}"] for loop in OUTPUT_LOOPS],
        )
        places = {}
        for name in SCALARS:
            first = Signal(INDEX_BITS, name=f"{name}_scalar", reset_less=True)
            places[name] = Signal(signed(INDEX_BITS + 1), name=f"{name}_place")
            m.d.comb += places[name].eq(first + moved)
            with m.If(nest.start):
                m.d.sync += first.eq(instruction[f"{name}_scalar"])
        return places

    def _outside(self, m: Module, start: Value, places: dict[str, Value]) -> Value:
        """Return whether one of the used places does not exist."""
        instruction = self.instructions.payload
        uses = uses_of(instruction)
        scalars, parameters = self.row_scalars, self.parameter_rows
        used_limits = {
            "x": (~uses["x_results"], Mux(uses["x_scalar"], scalars, self._rows_of("x_format"))),
            "y": (
                uses["y_buffer"] | uses["y_scalar"],
                Mux(uses["y_scalar"], scalars, self._rows_of("y_format")),
            ),
            "destination": (uses["destination"], self._rows_of("destination_format")),
            "parameters": (uses["parameters"], parameters),
            **{name: (uses[name], scalars) for name in SCALARS},
        }
        outside = []
        for name, (uses_it, places_of_core) in used_limits.items():
            used = Signal(name=f"uses_{name}", reset_less=True)
            limit = Signal(ROW_BITS, name=f"{name}_limit", reset_less=True)
            with m.If(start):
                m.d.sync += [used.eq(uses_it), limit.eq(places_of_core)]
            # A negative place is a large one without its sign.
            outside.append(used & (places[name].as_unsigned() >= limit))
        return Cat(*outside).any()

    def _rows_of(self, format_name: str) -> Value:
        """Return how many buffer rows can be the first of a row of elements."""
        firsts = {
            width: max(0, self.buffer_rows - max(1, width // self.operand_width) + 1)
            for width in WIDTHS
        }
        return by_width(self.instructions.payload[format_name], firsts)

    def _output(
        self, m: Module, nest, places: dict[str, Value], *, start: Signal, step: Signal
    ) -> None:
        """Register the step, with the flags that say where in the walk it is."""
        first_row, window = Signal(), nest.lasts[len(OUTPUT_LOOPS) :]
        outside, out = Signal(), self.steps.payload
        m.d.comb += outside.eq(self._outside(m, start, places))
        with m.If(start):
            m.d.sync += first_row.eq(1)
        with m.Elif(step):
            m.d.sync += first_row.eq(window.all())
        with m.If(step):
            m.d.sync += [
                *[out[name].eq(place) for name, place in places.items()],
                out.first_row.eq(first_row),
                out.last_row.eq(window.all()),
                out.last.eq(nest.lasts.all()),
                out.outside.eq(outside),
            ]
