"""ImageWalk: the rows of an image that meet each tile of a convolution, one per cycle."""

from collections.abc import Sequence

from amaranth.hdl import Module, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from .loop_nest import LoopNest
from .strided_sum import StridedSum

# From the outermost; the first three count tiles, the others the rows of a tile.
LOOPS = ("ky", "kx", "block", "image", "y", "x")
TILE_LOOPS = 3


def walk_layout(
    *, row_width: int, count_width: int, kernel_width: int, tag_width: int
) -> data.StructLayout:
    """Return the layout of the parameters of a walk.

    `row` and the strides have `row_width` bits, counts, origins and sizes `count_width`, and the
    counts of the kernel and the steps `kernel_width`. Every step carries the `tag` of its walk.
    """
    kernel = ("ky", "kx")
    counts = {f"{loop}_count": kernel_width if loop in kernel else count_width for loop in LOOPS}
    return data.StructLayout(
        {
            "row": signed(row_width),
            **{f"{loop}_stride": signed(row_width) for loop in LOOPS},
            **counts,
            **{f"{loop}_step": kernel_width for loop in ("ky", "kx", "y", "x")},
            **{f"{axis}_origin": signed(count_width) for axis in ("y", "x")},
            **{size: count_width for size in ("height", "width")},
            "tag": tag_width,
        }
    )


def step_layout(*, row_width: int, tag_width: int) -> data.StructLayout:
    """Return the layout of a step of a walk.

    `row`: the buffer row; meaningless unless `inside`, the coordinates are inside of the image.
    `first_row`, `last_row`: of those that meet the same tile. `first_tile`, `last_tile`: it meets
    the first or the last tile of the walk. `tag`: that of the walk.
    """
    flags = ("inside", "first_row", "last_row", "first_tile", "last_tile")
    return data.StructLayout(
        {"row": unsigned(row_width), **{name: 1 for name in flags}, "tag": tag_width}
    )


class ImageWalk(wiring.Component):
    """Visit rows in the order (ky, kx, block, image, y, x), the last loop innermost.

    The row is `row` plus, for each loop, its iteration times its stride, modulo 2**row_width. The
    coordinates are `y_origin` + y * `y_step` + ky * `ky_step`, and the same for x. They are exact,
    and compared with `height` and `width`.

    Latency 2 cycles from `walks` to the first of `steps`. Then one step per cycle, also from the
    last step of a walk to the first of the next, if that walk has been offered by then: the next
    walk is taken while the last step of this one moves to `steps`.

    Parameters
    ----------
    row_width, count_width, kernel_width, tag_width : int
        See `walk_layout`.

    Members
    -------
    walks : stream of walk_layout(...)
    steps : stream of step_layout(...), out
    """

    latency = 2

    def __init__(self, *, row_width: int, count_width: int, kernel_width: int, tag_width: int):
        self.row_width = row_width
        self.count_width = count_width
        self.kernel_width = kernel_width
        self.tag_width = tag_width
        self.layout = walk_layout(
            row_width=row_width,
            count_width=count_width,
            kernel_width=kernel_width,
            tag_width=tag_width,
        )
        steps = step_layout(row_width=row_width, tag_width=tag_width)
        super().__init__(
            {
                "walks": In(stream.Signature(self.layout)),
                "steps": Out(stream.Signature(steps)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        walk, steps = self.walks.payload, self.steps
        active, start, step = Signal(), Signal(), Signal()
        nest = instantiate(
            m,
            "loops",
            platform,
            LoopNest,
            widths=tuple(self._width(f"{loop}_count") for loop in LOOPS),
        )
        m.d.comb += [
            step.eq(active & (~steps.valid | steps.ready)),
            self.walks.ready.eq(~active | (step & nest.lasts.all())),
            start.eq(self.walks.valid & self.walks.ready),
            nest.start.eq(start),
            nest.step.eq(step),
            *[
                nest.counts[str(number)].eq(walk[f"{loop}_count"])
                for number, loop in enumerate(LOOPS)
            ],
        ]
        with m.If(self.walks.ready):
            m.d.sync += active.eq(self.walks.valid)
        with m.If(~steps.valid | steps.ready):
            m.d.sync += steps.valid.eq(active)

        # |origin| + 2 * 2**count_width * 2**kernel_width bounds a coordinate.
        coordinate_width = self.count_width + self.kernel_width + 2
        place = {"width": coordinate_width, "kind": "step"}
        row = self._sum(m, platform, nest, "row", width=self.row_width, kind="stride", loops=LOOPS)
        y = self._sum(m, platform, nest, "y_origin", loops=("ky", "y"), **place)
        x = self._sum(m, platform, nest, "x_origin", loops=("kx", "x"), **place)
        inside = self._inside(m, start, y, "height") & self._inside(m, start, x, "width")
        self._output(m, nest, start=start, step=step, row=row, inside=inside)
        return m

    def _width(self, name: str) -> int:
        return Shape.cast(self.layout[name].shape).width

    def _sum(
        self, m: Module, platform, nest, origin: str, *, width: int, kind: str, loops: Sequence[str]
    ) -> Value:
        """Return the sum of a field and of some loops, whose strides are `<loop>_<kind>`."""
        walk = self.walks.payload
        fields = [f"{loop}_{kind}" if loop in loops else "" for loop in LOOPS]
        # StridedSum takes signed strides.
        sign = 0 if kind == "stride" else 1
        total = instantiate(
            m,
            f"{origin}_sum",
            platform,
            StridedSum,
            width=width,
            strides=tuple(self._width(field) + sign if field else 0 for field in fields),
        )
        m.d.comb += [
            total.start.eq(nest.start),
            total.step.eq(nest.step),
            total.advances.eq(nest.advances),
            total.origin.eq(walk[origin]),
            *[
                total.strides[str(number)].eq(walk[field])
                for number, field in enumerate(fields)
                if field
            ],
        ]
        return total.value

    def _inside(self, m: Module, start: Signal, coordinate: Value, name: str) -> Value:
        """Return whether a coordinate is at least 0 and below the size of the walk."""
        size = Signal(self.count_width, name=name, reset_less=True)
        with m.If(start):
            m.d.sync += size.eq(self.walks.payload[name])
        high = coordinate[self.count_width :]
        return ~high.any() & (coordinate[: self.count_width] < size)

    def _output(
        self, m: Module, nest, *, start: Signal, step: Signal, row: Value, inside: Value
    ) -> None:
        """Register the step, with the flags that say where in the walk it is."""
        first_row, first_tile = Signal(), Signal()
        tag = Signal(self.tag_width, reset_less=True)
        tiles, rows = nest.lasts[:TILE_LOOPS], nest.lasts[TILE_LOOPS:]
        out = self.steps.payload
        with m.If(start):
            m.d.sync += [first_row.eq(1), first_tile.eq(1), tag.eq(self.walks.payload.tag)]
        with m.Elif(step):
            m.d.sync += first_row.eq(rows.all())
            with m.If(rows.all()):
                m.d.sync += first_tile.eq(0)
        with m.If(step):
            m.d.sync += [
                out.row.eq(row),
                out.inside.eq(inside),
                out.first_row.eq(first_row),
                out.last_row.eq(rows.all()),
                out.first_tile.eq(first_tile),
                out.last_tile.eq(tiles.all()),
                out.tag.eq(tag),
            ]
