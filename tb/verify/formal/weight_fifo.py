"""Weight FIFO: tiles leave whole and in order, from their last row to their first."""

from amaranth.hdl import Module, Mux, Signal

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.weight_fifo import WeightFifo, fifo_row_layout

from .harness import Harness, delayed, follow
from .streams import prove_stable


class TilesComeBackwards(Harness):
    """An arbitrary row of an arbitrary tile leaves where it must, as it was written.

    Places are reserved in arbitrary cycles in which there is room, rows come in arbitrary cycles
    after that, and the sink is ready in arbitrary cycles.
    """

    def __init__(self, config: MatrixUnitConfig, tiles: int):
        super().__init__()
        self.config = config
        self.tiles = tiles

    def describe(self, m: Module) -> None:
        config, tiles = self.config, self.tiles
        m.submodules.fifo = fifo = WeightFifo(config=config, tiles=tiles)
        weights = fifo.weights
        reserve, valid = self.anything(1, "reserve"), self.anything(1, "valid")
        payload = self.anything(fifo_row_layout(config), "payload")
        chosen_row = self.some_constant(m, range(config.rows), "chosen_row")
        m.d.comb += [
            fifo.reserve.eq(reserve),
            fifo.rows.valid.eq(valid),
            fifo.rows.payload.eq(payload),
            weights.ready.eq(self.anything(1, "ready")),
        ]
        prove_stable(self, m, weights)

        # The rows of the tile that is written, and of the one that leaves.
        written_row = Signal(range(config.rows))
        left_row = Signal(range(config.rows), init=config.rows - 1)
        written, leaves, transfer = Signal(), Signal(), Signal()
        m.d.comb += [
            transfer.eq(weights.valid & weights.ready),
            written.eq(valid & (written_row == config.rows - 1)),
            leaves.eq(transfer & (left_row == 0)),
        ]
        with m.If(valid):
            m.d.sync += written_row.eq(Mux(written, 0, written_row + 1))
        with m.If(transfer):
            m.d.sync += left_row.eq(Mux(leaves, config.rows - 1, left_row - 1))

        # Tiles whose places are reserved but that are not written, and tiles that are inside.
        coming, inside = Signal(range(tiles + 2)), Signal(range(tiles + 2))
        m.d.sync += [coming.eq(coming + reserve - written), inside.eq(inside + written - leaves)]
        self.assume(fifo.has_room | ~reserve, coming.any() | ~valid)
        self.prove("never_too_many", (coming + inside <= tiles) | (left_row == 0))
        self.prove("has_room", fifo.has_room | (coming + inside >= tiles))
        self.prove("nothing_is_invented", inside.any() | ~weights.valid)
        missing = Signal(range(WeightFifo.latency + 2))
        m.d.sync += missing.eq(Mux(inside.any() & ~weights.valid, missing + 1, 0))
        self.prove("nothing_is_lost", missing < WeightFifo.latency)
        self.prove("last", ~weights.valid | (weights.payload.last == (left_row == 0)))
        self.reach("is_full", ~fifo.has_room & (inside == tiles))

        tile = follow(self, m, written, leaves, inside)
        seen, kept = Signal(fifo_row_layout(config)), Signal(fifo_row_layout(config))
        came, shown = Signal(fifo_row_layout(config)), Signal(fifo_row_layout(config))
        out = weights.payload
        m.d.comb += [
            came.eq(Mux(written_row == chosen_row, payload, seen)),
            shown.eq(kept),
        ]
        with m.If(left_row == chosen_row):
            m.d.comb += [
                shown.lanes.eq(out.lanes),
                shown.signed.eq(out.signed),
                shown.zero_point.eq(out.zero_points[0]),
            ]
        expected = Signal(fifo_row_layout(config))
        with m.If(valid):
            m.d.sync += seen.eq(came)
        with m.If(transfer):
            m.d.sync += kept.eq(shown)
        with m.If(tile.enters):
            m.d.sync += expected.eq(came)
        same = shown.as_value() == expected.as_value()
        self.prove("row_is_right", ~tile.leaves | same)
        behind = delayed(m, ~fifo.has_room, 1, "behind")
        self.reach("tile_behind_others", tile.leaves & behind & expected.as_value().any())
