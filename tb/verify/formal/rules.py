"""What makes a row and a tile good, as the specifications of several proofs have it."""

from dataclasses import dataclass

from amaranth.hdl import Array, Module, Signal, Value


@dataclass(frozen=True)
class BegunSums:
    """Whether the sum of a row has begun (`known`), and of which accumulator rows one has."""

    known: Signal
    flags: Array


def begun_sums(m: Module, depth: int, row, counts: Value, good_tile: Value) -> BegunSums:
    """One flag an accumulator row. `row` is done in this cycle if it `counts`, its number being one
    that exists: its sum has begun behind it if it can be added, and does not end with it.
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
    """What is known of the tile that comes in, in this cycle.

    `last`: its last row is transferred. `right`: as many rows came before as should before the
    last. `short`: the last row is transferred, and too early. `long`: the row that should be the
    last is transferred, and is not.
    """

    last: Signal
    right: Signal
    short: Signal
    long: Signal


def tile_rows(m: Module, rows: int, weights) -> TileRows:
    """Count the rows of each tile on the stream `weights`."""
    transfer = weights.valid & weights.ready
    # Those that came before; as many as the array has are already too many.
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
