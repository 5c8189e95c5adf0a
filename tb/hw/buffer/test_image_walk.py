"""ImageWalk: the rows of random convolutions, as the machine in numpy visits them."""

import random
from collections.abc import Iterator

import cocotb
import numpy as np

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, compare, parameters, randomness, start
from benches.runner import on_simulators
from weft.buffer.image_walk import ImageWalk, step_layout, walk_layout
from weft.isa.codes import Opcode
from weft.isa.instruction import Instruction
from weft_model.core.walks import matmul_rows
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

# Widths of rows, counts and kernels; the first are those of instructions.
WIDTHS = {"20-16-12": (20, 16, 12), "6-4-3": (6, 4, 3)}
TAG_WIDTH = 3
FIELDS = ["row", "inside", "first_row", "last_row", "first_tile", "last_tile", "tag"]


@on_simulators("row_width, count_width, kernel_width", WIDTHS)
def test_image_walk(simulate, row_width, count_width, kernel_width):
    simulate(
        [visits_a_row_per_cycle, visits_rows_under_stalls, compares_far_coordinates],
        ImageWalk,
        row_width=row_width,
        count_width=count_width,
        kernel_width=kernel_width,
        tag_width=TAG_WIDTH,
    )


def layout_of(widths):
    return walk_layout(
        row_width=widths.row_width,
        count_width=widths.count_width,
        kernel_width=widths.kernel_width,
        tag_width=TAG_WIDTH,
    )


def draw(source: random.Random, widths) -> Instruction:
    """Return a MATMUL with random strides and a few steps; many rows are outside of the image."""
    fields = layout_of(widths)
    values = {}
    for name, field in fields:
        if name.endswith("_count"):
            values[name] = source.choice([1, 1, 2, 3])
        elif name.endswith("_stride"):
            half = 1 << (field.width - 1)
            values[name] = source.choice([0, 1, -1, source.randrange(-half, half)])
        elif name.endswith("_step"):
            values[name] = source.choice([1, 2, (1 << field.width) - 1])
        elif name.endswith("_origin"):
            values[name] = source.randint(-4, 1)
        else:
            values[name] = source.randint(1, min(5, (1 << field.width) - 1))
    half = 1 << (widths.row_width - 1)
    values["row"] = source.randrange(-half, half)
    values["tag"] = source.getrandbits(TAG_WIDTH)
    return Instruction.make(Opcode.MATMUL, **values)


def steps_of(instruction: Instruction, row_width: int) -> Iterator[dict[str, int]]:
    """Yield the steps of a walk; the row outside of the image is meaningless, and left out."""
    rows, inside = matmul_rows(instruction)
    tiles, height = rows.shape
    for tile, row in np.ndindex(rows.shape):
        step = {
            "inside": inside[tile, row],
            "first_row": row == 0,
            "last_row": row == height - 1,
            "first_tile": tile == 0,
            "last_tile": tile == tiles - 1,
            "tag": instruction["tag"],
            "row": rows[tile, row] % (1 << row_width) if inside[tile, row] else 0,
        }
        yield {name: int(value) for name, value in step.items()}


async def visit(dut, walks: list[Instruction], gaps, ready) -> list[int]:
    """Run walks, compare all steps, and return their cycles."""
    widths = parameters()
    layout, out = layout_of(widths), step_layout(row_width=widths.row_width, tag_width=TAG_WIDTH)
    expected = [s for walk in walks for s in steps_of(walk, widths.row_width)]
    seen, cycles = [], []

    def see(payload):
        fields = unpack(out, payload[0])
        fields["row"] *= fields["inside"]
        seen.append(fields)
        cycles.append(cycle_now())
        return len(seen) == len(expected)

    beats = [(pack(layout, **{name: walk[name] for name, _ in layout}),) for walk in walks]
    sending = cocotb.start_soon(send(Stream.amaranth(dut, "walks"), beats, gaps))
    steps = Stream.amaranth(dut, "steps")
    throttling = cocotb.start_soon(throttle(steps, ready))
    await watch(steps, see)
    throttling.cancel()
    await sending
    got, wanted = (
        [[step[name] for name in FIELDS] for step in steps] for steps in (seen, expected)
    )
    compare(f"steps {FIELDS}", got, wanted, cycles)
    return cycles


@cocotb.test(**TIMEOUT)
async def visits_a_row_per_cycle(dut):
    """Offered without a pause, walks follow each other without one, `latency` after the first."""
    source = randomness()
    await start(dut)
    dut.steps__ready.value = 1
    begun = cycle_now()
    walks = [draw(source, parameters()) for _ in range(60)]
    cycles = await visit(dut, walks, None, random_bools(source, 1.0))
    # The first walk is transferred in the cycle after `begun`.
    assert cycles[0] == begun + 1 + ImageWalk.latency
    assert cycles == list(range(cycles[0], cycles[0] + len(cycles)))


@cocotb.test(**TIMEOUT)
async def visits_rows_under_stalls(dut):
    """Walks come late, and steps wait."""
    source = randomness()
    await start(dut)
    for late, likely in ((0.5, 1.0), (0.0, 0.5), (0.5, 0.3)):
        walks = [draw(source, parameters()) for _ in range(20)]
        await visit(dut, walks, random_gaps(source, late, 9), random_bools(source, likely))


@cocotb.test(**TIMEOUT)
async def compares_far_coordinates(dut):
    """The largest steps, counts of 3 and extreme sizes: coordinates do not wrap."""
    widths, source = parameters(), randomness()
    await start(dut)
    kernel, count = (1 << widths.kernel_width) - 1, (1 << widths.count_width) - 1
    shapes = [
        {f"{axis}_{what}": value for axis in "yx" for what, value in fields.items()}
        for fields in (
            {"origin": -(count + 1) // 2, "count": 3, "step": kernel},
            {"origin": count // 2, "count": 3, "step": kernel},
            {"origin": -kernel, "count": 3, "step": kernel},
        )
    ]
    if widths.count_width < 8:
        # The farthest coordinates that there are.
        axis = {"x_count": count, "kx_count": kernel, "x_step": kernel, "kx_step": kernel}
        shapes.append(axis | {"x_origin": count // 2})
    walks = [
        Instruction.make(Opcode.MATMUL, **{"x_stride": 1, "y_stride": 2, **shape}, **size)
        for shape in shapes
        for size in ({"height": count, "width": count}, {"height": 1, "width": 1})
    ]
    await visit(dut, walks, None, random_bools(source, 1.0))
