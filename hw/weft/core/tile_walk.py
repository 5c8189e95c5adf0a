"""TileWalk: the rows of the tiles of WEIGHTS instructions, one per cycle."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..buffer.loop_nest import LoopNest
from ..buffer.strided_sum import StridedSum
from ..bus.regions import BYTES_BITS, REACH_BITS, REGIONS
from ..hierarchy import instantiate
from ..isa.codes import Format
from ..isa.instructions import WEIGHTS
from ..isa.layouts import instruction_layout

# From the outermost. Every tile has N rows, of which only those that are read are fetched.
PITCHES = ("group_pitch", "tile_pitch", "row_pitch")


def tile_step_layout(*, lanes: int, operand_width: int) -> data.StructLayout:
    """Return the layout of a step: what becomes of one row of a tile.

    `place`: the byte or buffer row of the source row, if `fetches`: it is read; all other rows of a
    diagonal tile use its only source row. With `transpose`, source rows are columns of the tile.
    `bytes`: those of the source row. `row`: its number; `begins`: it is the first one of its tile.
    `inside`: it is a valid row; `columns`: its valid columns. `ends`: it is the last one of its
    instruction. The others are fields of that.
    """
    flags = ("fetches", "begins", "inside", "ends", "from_buffer", "transpose", "diagonal")
    return data.StructLayout(
        {
            **{name: 1 for name in flags},
            "signed": 1,
            "place": signed(REACH_BITS),
            "region": range(REGIONS),
            "bytes": BYTES_BITS,
            "row": range(lanes),
            "columns": range(lanes + 1),
            "zero_point": operand_width,
        }
    )


class TileWalk(wiring.Component):
    """Visit the rows of the tiles of WEIGHTS instructions; a tile has N steps, one for each row.

    Latency 1 cycle from an instruction to its first step. Then one step per cycle, also from one
    instruction to the next: that is taken with the last step of this one. Outputs are functions of
    registers.

    Places have as many bits as reach one pitch outside of a region; later ones are meaningless, so
    whoever checks them must stop at the first one that is outside.

    Parameters
    ----------
    lanes : int
        N.
    operand_width : int

    Members
    -------
    instructions : stream of the layout of WEIGHTS, whose valid rows and columns are at most N
    steps : stream of tile_step_layout(...), out
    """

    latency = 1

    def __init__(self, *, lanes: int, operand_width: int):
        self.lanes = lanes
        self.operand_width = operand_width
        self.layout = tile_step_layout(lanes=lanes, operand_width=operand_width)
        super().__init__(
            {
                "instructions": In(stream.Signature(instruction_layout(WEIGHTS))),
                "steps": Out(stream.Signature(self.layout)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        instruction, steps = self.instructions.payload, self.steps
        step, active = steps.payload, steps.valid
        start, advance = Signal(), Signal()
        rows = range(self.lanes + 1)
        tile = Signal(
            data.StructLayout(
                {
                    "valid_rows": rows,
                    **{name: self.layout[name].shape for name in _KEPT},
                    "signed": 1,
                    "columns": rows,
                }
            ),
            reset_less=True,
        )
        height, row = Signal(rows), Signal(range(self.lanes))
        nest, place = self._loops(m, platform, start, advance)
        m.d.comb += [
            self.instructions.ready.eq(~active | (steps.ready & nest.lasts.all())),
            start.eq(self.instructions.valid & self.instructions.ready),
            advance.eq(active & steps.ready),
            height.eq(Mux(nest.lasts[-2], tile.valid_rows, self.lanes)),
            step.place.eq(place.value),
            step.begins.eq(row == 0),
            step.fetches.eq(
                Mux(
                    tile.transpose,
                    row < tile.columns,
                    step.inside & (~tile.diagonal | step.begins),
                )
            ),
            step.inside.eq(row < height),
            step.ends.eq(nest.lasts.all()),
            step.row.eq(row),
            step.columns.eq(tile.columns),
            step.bytes.eq(
                Mux(tile.diagonal & (height < tile.columns), height, tile.columns)
                * (self.operand_width // 8)
            ),
            step.signed.eq(tile.signed),
            *[step[name].eq(tile[name]) for name in _KEPT],
        ]
        with m.If(self.instructions.ready):
            m.d.sync += active.eq(self.instructions.valid)
        with m.If(start):
            m.d.sync += [
                *[tile[name].eq(instruction[name]) for name in ("valid_rows", *_KEPT)],
                tile.signed.eq(instruction.format == Format.INT8),
                tile.columns.eq(instruction.valid_columns),
            ]
        with m.If(advance):
            m.d.sync += row.eq(Mux(nest.lasts[-1], 0, row + 1))
        return m

    def _loops(self, m: Module, platform, start: Signal, advance: Signal):
        """Add the loops over groups, tiles and rows, and the sum that is the place."""
        instruction = self.instructions.payload
        counts = (instruction.groups, instruction.tiles, self.lanes)
        nest = instantiate(
            m,
            "loops",
            platform,
            LoopNest,
            widths=(len(instruction.groups), len(instruction.tiles), self.lanes.bit_length()),
        )
        place = instantiate(
            m,
            "place",
            platform,
            StridedSum,
            width=REACH_BITS,
            strides=tuple(len(instruction[pitch]) for pitch in PITCHES),
        )
        m.d.comb += [
            *[nest.counts[str(loop)].eq(count) for loop, count in enumerate(counts)],
            *[
                place.strides[str(loop)].eq(instruction[pitch])
                for loop, pitch in enumerate(PITCHES)
            ],
            *[walked.start.eq(start) for walked in (nest, place)],
            *[walked.step.eq(advance) for walked in (nest, place)],
            place.origin.eq(instruction.offset),
            place.advances.eq(nest.advances),
        ]
        return nest, place


# Fields that a step has of its instruction.
_KEPT = ("region", "from_buffer", "transpose", "diagonal", "zero_point")
