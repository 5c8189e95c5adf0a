"""Rules for good rows and tiles, shared by the specifications of several proofs."""

from dataclasses import dataclass

from amaranth.hdl import Array, Module, Signal, Value


@dataclass(frozen=True)
class BegunSums:
    """`known`: the row can be added. `flags`: one per accumulator row, set if a sum has begun."""

    known: Signal
    flags: Array


def begun_sums(m: Module, depth: int, row, counts: Value, good_tile: Value) -> BegunSums:
    """Add one flag per accumulator row, and update it for `row`.

    `counts`: the row is processed in this cycle and its number is legal. Afterwards its sum has
    begun if the row could be added and was not the last.
    """
    flags = Array(Signal(name=f"begun_{i}") for i in range(depth))
    known = Signal()
    address = row.row[: (depth - 1).bit_length()]
    m.d.comb += known.eq(row.first | flags[address])
    with m.If(counts):
        m.d.sync += flags[address].eq(good_tile & known & ~row.last)
    return BegunSums(known, flags)


@dataclass(frozen=True)
class TileRows:
    """State of the tile that is being transferred, in this cycle.

    `last`: its last row is transferred. `right`: R - 1 rows have come before. `short`: the last row
    is transferred too early. `long`: the R-th row is transferred but is not the last.
    """

    last: Signal
    right: Signal
    short: Signal
    long: Signal


def tile_rows(m: Module, rows: int, weights) -> TileRows:
    """Count the rows of each tile on the stream `weights`."""
    transfer = weights.valid & weights.ready
    # Rows that have come before; saturates at R, which is already too many.
    count = Signal(range(rows + 1), name="tile_rows")
    tile = TileRows(Signal(), Signal(), Signal(), Signal())
    m.d.comb += [
        tile.last.eq(transfer & weights.payload.last),
        tile.right.eq(count == rows - 1),
        tile.short.eq(tile.last & (count < rows - 1)),
        tile.long.eq(transfer & ~weights.payload.last & tile.right),
    ]
    with m.If(tile.last):
        m.d.sync += count.eq(0)
    with m.Elif(transfer & (count < rows)):
        m.d.sync += count.eq(count + 1)
    return tile
