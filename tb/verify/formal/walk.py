"""Walks: a walk without multipliers visits the rows that its definition names."""

from amaranth.hdl import Module, Mux, Signal

from weft.buffer.image_walk import LOOPS, TILE_LOOPS, ImageWalk

from .harness import Harness
from .streams import prove_stable


class WalksAreNestedLoops(Harness):
    """Every step of a walk is that of six nested loops, whose products are multiplied.

    Walks are offered in arbitrary cycles, steps are taken in arbitrary cycles, and the parameters
    of even and odd walks are two arbitrary sets.
    """

    def __init__(self, *, row_width: int, count_width: int, kernel_width: int):
        super().__init__()
        self.widths = {
            "row_width": row_width,
            "count_width": count_width,
            "kernel_width": kernel_width,
            "tag_width": 1,
        }

    def describe(self, m: Module) -> None:
        m.submodules.walk = walk = ImageWalk(**self.widths)
        layout = walk.layout
        sets = [self.some_constant(m, layout, name) for name in ("even", "odd")]
        offered, visited = Signal(), Signal()
        params = Signal(layout)
        steps = walk.steps
        m.d.comb += [
            walk.walks.valid.eq(self.anything(1, "valid")),
            steps.ready.eq(self.anything(1, "ready")),
            walk.walks.payload.eq(Mux(offered, sets[1], sets[0])),
            params.eq(Mux(visited, sets[1], sets[0])),
        ]
        started = walk.walks.valid & walk.walks.ready
        m.d.sync += offered.eq(offered ^ started)
        for one in sets:
            self.assume(*[one[f"{loop}_count"].any() for loop in LOOPS])
        prove_stable(self, m, steps)

        # The loops of the specification, from the innermost.
        index = {loop: Signal(layout[f"{loop}_count"].width, name=f"i_{loop}") for loop in LOOPS}
        lasts = {loop: index[loop] == params[f"{loop}_count"] - 1 for loop in LOOPS}
        turns = steps.valid & steps.ready
        for loop in reversed(LOOPS):
            with m.If(turns):
                m.d.sync += index[loop].eq(Mux(lasts[loop], 0, index[loop] + 1))
            turns = turns & lasts[loop]
        m.d.sync += visited.eq(visited ^ turns)

        row = params.row + sum(index[loop] * params[f"{loop}_stride"] for loop in LOOPS)
        inside = 1
        for axis, size in (("y", "height"), ("x", "width")):
            place = params[f"{axis}_origin"] + sum(
                index[loop] * params[f"{loop}_step"] for loop in (f"k{axis}", axis)
            )
            inside = inside & (place >= 0) & (place < params[size])
        step, valid = steps.payload, steps.valid
        tiles, rows = LOOPS[:TILE_LOOPS], LOOPS[TILE_LOOPS:]
        self.prove("row", ~valid | (step.row == row[: len(step.row)]))
        self.prove("tag", ~valid | (step.tag == params.tag))
        self.prove("inside", ~valid | (step.inside == inside))
        for name, loops, last in (
            ("first_row", rows, False),
            ("last_row", rows, True),
            ("first_tile", tiles, False),
            ("last_tile", tiles, True),
        ):
            holds = 1
            for loop in loops:
                holds = holds & (lasts[loop] if last else index[loop] == 0)
            self.prove(name, ~valid | (step[name] == holds))

        # A walk that has been taken is visited at once, and the next one follows without a pause.
        taken = Signal(range(4))
        m.d.sync += taken.eq(taken + started - turns)
        self.prove("none_is_invented", ~valid | taken.any())
        missing = Signal(range(ImageWalk.latency + 1))
        m.d.sync += missing.eq(Mux(taken.any() & ~valid, missing + 1, 0))
        self.prove("none_is_late", missing < ImageWalk.latency)
        self.reach("second_walk_inside", visited & valid & step.inside)
        self.reach("rows_of_a_later_tile", valid & ~step.first_tile & ~step.first_row)
