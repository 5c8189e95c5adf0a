"""Weights: every cell uses the new tile after a switch, and the previous tile until then."""

from amaranth.hdl import Cat, Module, Mux, Signal

from weft.blocks.skew import Skew
from weft.matrix.admission import Admission
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error, array_row_layout, error_bits, tile_row_layout
from weft.matrix.timing import MatrixUnitTiming
from weft.matrix.weights import WeightLoader

from .harness import Harness, delayed
from .rules import tile_rows


class RowsMeetTheirTile(Harness):
    """The sums of every row are those with the complete tile of the latest switch.

    Weight rows and switches come at any time, and tiles have any number of rows. A tile is complete
    from its last row until its switch. It is broken if it does not have R rows.
    """

    def __init__(self, config: MatrixUnitConfig):
        super().__init__()
        self.config = config

    def describe(self, m: Module) -> None:
        config = self.config
        rows, columns, height = config.rows, config.columns, config.cell_rows
        m.submodules.loader = loader = WeightLoader(config=config)
        m.submodules.west = west = Skew(
            width=config.activation_port.operand.width * config.rows_per_cell, lanes=height
        )
        m.submodules.north = north = Skew(width=config.weight_port.operand.width, lanes=columns)
        part = config.array
        m.submodules.array = array = part.component(**part.parameters)

        weights = self.anything(tile_row_layout(config), "weights")
        valid = self.anything(1, "valid")
        take = self.anything(1, "take")
        lanes = self.anything(array_row_layout(config)["lanes"].shape, "lanes")
        m.d.comb += [
            loader.weights.payload.eq(weights),
            loader.weights.valid.eq(valid),
            loader.take.eq(take),
        ]
        # Connected as in Admission and MatrixUnit.
        switch = Signal()
        m.d.comb += switch.eq(take & loader.complete)
        arrives = delayed(m, switch, Admission.issue_latency, "switch")
        switches = Signal(height)
        m.d.sync += switches.eq(Cat(arrives, switches))
        m.d.comb += [
            west.i.eq(delayed(m, lanes.as_value(), Admission.issue_latency, "lanes")),
            north.i.eq(loader.lanes),
            array.activations_in.eq(west.o),
            array.switches_in.eq(Cat(arrives, switches)),
            array.weights_in.eq(north.o),
            array.loads_in.eq(loader.loads),
        ]

        tile_good = self._prove_tiles(m, loader)

        # The incoming tile is stored row by row; a switch makes it the tile in use.
        coming = [
            Signal(tile_row_layout(config)["lanes"].shape, name=f"coming_{r}") for r in range(rows)
        ]
        in_use = [Signal.like(row, name=f"in_use_{r}") for r, row in enumerate(coming)]
        now = [Signal.like(row, name=f"now_{r}") for r, row in enumerate(coming)]
        good = Signal()
        good_now = Signal()
        with m.If(valid & loader.weights.ready):
            for row, above in zip(coming, [weights.lanes, *coming], strict=False):
                m.d.sync += row.eq(above)
        for row, new, old in zip(now, coming, in_use, strict=True):
            m.d.comb += row.eq(Mux(switch, new, old))
            m.d.sync += old.eq(row)
        m.d.comb += good_now.eq(Mux(switch, tile_good, good))
        m.d.sync += good.eq(good_now)
        for column in range(columns):
            total = Signal(config.arithmetic.sum_shape, name=f"total_{column}")
            m.d.comb += total.eq(sum(lanes[r] * now[r][column] for r in range(rows)))
            cycles = Admission.issue_latency + MatrixUnitTiming.of(config).array + column
            expected = delayed(m, total, cycles, f"expected_{column}")
            counts = delayed(m, good_now, cycles, f"counts_{column}")
            self.prove(f"sum_{column}", ~counts | (array.sums_out[column] == expected))
            changed = delayed(m, switch & good, cycles, f"changed_{column}")
            self.reach(f"second_tile_{column}", counts & changed & expected.any())

    def _prove_tiles(self, m: Module, loader: WeightLoader) -> Signal:
        """Prove that the loader agrees with a count of the rows of each tile.

        Return whether the waiting tile has the right number of rows.
        """
        rows = self.config.rows
        weights = loader.weights
        tile = tile_rows(m, rows, weights)
        waits, good = Signal(), Signal()
        with m.If(tile.last):
            m.d.sync += [waits.eq(1), good.eq(tile.right)]
        with m.Elif(loader.take):
            m.d.sync += waits.eq(0)
        self.prove("rows_are_taken", weights.ready == (~waits | loader.take))
        self.prove("complete", loader.complete == waits)
        self.prove("broken", ~waits | (loader.broken == ~good))
        was_broken = delayed(m, waits & ~good, rows, "was_broken")
        self.reach("good_tile_after_a_broken_one", waits & good & was_broken)
        # A long tile is reported at its R-th row, because its last row may never come.
        errors = loader.errors.as_value()
        self.prove(
            "errors",
            errors == error_bits({Error.SHORT_TILE: tile.short, Error.LONG_TILE: tile.long}),
        )
        self.reach("long_tile", (errors & Error.LONG_TILE.value).any())
        # A tile of one row cannot be short.
        if rows > 1:
            self.reach("short_tile", (errors & Error.SHORT_TILE.value).any())
        return good
