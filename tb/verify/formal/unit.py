"""The whole unit: equal to its specification for any inputs at any time."""

from amaranth.hdl import Array, Module, Mux, Signal, signed

from weft.matrix.accumulators import FORWARDS
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import (
    Error,
    activation_layout,
    error_bits,
    result_layout,
    weight_layout,
)
from weft.matrix.matrix_unit import MatrixUnit
from weft.matrix.timing import MatrixUnitTiming

from .harness import Harness, follow
from .narrow import few_places
from .rules import TileRows, begun_sums, tile_rows
from .streams import prove_stable

# At most one complete tile waits, and another can arrive before the specification sees the switch.
TILES = 2
# Cycles without work after which every error has been reported.
SETTLED = 8


class UnitIsItsSpecification(Harness):
    """Results and errors equal those of a unit that processes each row at once, in order.

    Weights, activations, flags and misuse on the input streams are arbitrary, and so are pauses on
    all streams and the cycles in which errors are cleared. Results are equal bit for bit.

    The specification is untimed: it takes tiles and rows as they arrive at the ports, and processes
    a row as soon as its tile is complete. One arbitrary result is followed.

    Parameters
    ----------
    places : int
        Rows of the result buffer: fewer than in the hardware, so that it soon fills up.
    """

    def __init__(self, config: MatrixUnitConfig, places: int):
        super().__init__()
        self.config = config
        self.places = places

    def rtlil(self) -> str:
        with few_places(self.places):
            return super().rtlil()

    def describe(self, m: Module) -> None:
        config = self.config
        m.submodules.unit = unit = MatrixUnit(config=config)
        weights, activations, results = unit.weights, unit.activations, unit.results
        for name, stream in ("weights", weights), ("activations", activations):
            m.d.comb += [
                stream.payload.eq(self.anything(stream.payload.shape(), name)),
                stream.valid.eq(self.anything(1, f"{name}_valid")),
            ]
        clear = self.anything(1, "clear_errors")
        ready = self.anything(1, "ready")
        m.d.comb += [results.ready.eq(ready), unit.clear_errors.eq(clear)]
        prove_stable(self, m, results)

        # The row that arrived last, until its tile is complete.
        waiting = Signal()
        row = Signal(activation_layout(config))
        accepted = Signal()
        done = Signal()
        taken = Signal()
        tiles = Signal(range(TILES + 2))
        coming = tile_rows(m, config.rows, weights)
        m.d.comb += [
            accepted.eq(activations.valid & activations.ready),
            done.eq(waiting & (~row.switch | tiles.any())),
            taken.eq(done & row.switch),
        ]
        m.d.sync += tiles.eq(tiles + coming.last - taken)
        with m.If(accepted):
            m.d.sync += [waiting.eq(1), row.eq(activations.payload)]
        with m.Elif(done):
            m.d.sync += waiting.eq(0)
        self.prove("one_row_waits", ~accepted | ~waiting | done)
        self.prove("few_tiles_wait", tiles <= TILES)

        tile, tile_good, tile_errors = self._collect_tiles(m, weights, coming, taken, tiles)
        emits, result, row_errors, kinds = self._compute(m, row, done, tile, tile_good)
        inside = self._follow(m, results, emits, result, kinds)

        busy = waiting | accepted | (weights.valid & weights.ready) | inside.any()
        settled = Signal(range(SETTLED + 1))
        with m.If(busy):
            m.d.sync += settled.eq(0)
        with m.Elif(settled < SETTLED):
            m.d.sync += settled.eq(settled + 1)
        # Errors reported after a clear may be older, unless all had been reported by then.
        seen = tile_errors | row_errors
        due, possible = Signal(Error), Signal(Error)
        m.d.sync += [due.eq(due.as_value() | seen), possible.eq(possible.as_value() | seen)]
        with m.If(clear):
            m.d.sync += due.eq(seen)
            with m.If(settled == SETTLED):
                m.d.sync += possible.eq(seen)
        # There are no faults here, so CORRUPTED must stay low.
        if config.checksum:
            corrupted = unit.errors.as_value() & Error.CORRUPTED.value
            self.prove("no_false_alarm", ~corrupted.any())
        reported = unit.errors.as_value() & (~Error.CORRUPTED).value
        self.prove("errors_are_true", (reported & ~possible.as_value()) == 0)
        self.prove("errors_are_reported", ((due.as_value() & ~reported) == 0) | (settled < SETTLED))
        self.reach("errors_are_cleared", (settled == SETTLED) & clear & reported.any())
        for error in ~Error.CORRUPTED:
            self.reach(error.name.lower(), (reported & error.value).any())

    def _collect_tiles(self, m: Module, weights, tile: TileRows, taken, tiles):
        """Return the tile of the next switch, whether it is good, and the errors of tiles."""
        rows = range(self.config.rows)
        lanes = weight_layout(self.config)["lanes"].shape
        coming = [Signal(lanes, name=f"coming_{r}") for r in rows]
        pushed = [weights.payload.lanes, *coming[:-1]]
        with m.If(weights.valid & weights.ready):
            m.d.sync += [row.eq(above) for row, above in zip(coming, pushed, strict=True)]

        # Complete tiles, oldest first: the rows of each, and whether it is good.
        queue = [
            [*[Signal(lanes, name=f"tile_{i}_{r}") for r in rows], Signal(name=f"tile_{i}_good")]
            for i in range(TILES)
        ]
        whole = [*pushed, tile.right]
        for i, waiting in enumerate(queue):
            with m.If(tile.last & (tiles - taken == i)):
                m.d.sync += [kept.eq(new) for kept, new in zip(waiting, whole, strict=True)]
            if i + 1 < TILES:
                with m.Elif(taken):
                    behind = queue[i + 1]
                    m.d.sync += [kept.eq(new) for kept, new in zip(waiting, behind, strict=True)]
        return (
            queue[0][:-1],
            queue[0][-1],
            error_bits({Error.SHORT_TILE: tile.short, Error.LONG_TILE: tile.long}),
        )

    def _compute(self, m: Module, row, done, tile, tile_good):
        """Return whether a row gives a result, the result, the errors, and conditions to reach."""
        config = self.config
        depth, columns = config.accumulator_depth, config.columns
        in_use = [Signal.like(lanes, name=f"in_use_{r}") for r, lanes in enumerate(tile)]
        now = [Signal.like(lanes, name=f"now_{r}") for r, lanes in enumerate(tile)]
        good, good_now = Signal(), Signal()
        m.d.comb += good_now.eq(Mux(row.switch, tile_good, good))
        for kept, current, new in zip(in_use, now, tile, strict=True):
            m.d.comb += current.eq(Mux(row.switch, new, kept))
            with m.If(done):
                m.d.sync += kept.eq(current)
        with m.If(done):
            m.d.sync += good.eq(good_now)

        shape = signed(config.accumulator_width)
        in_range, admitted = Signal(), Signal()
        address = row.row[: config.address_width]
        begun = begun_sums(m, depth, row, done & in_range, good_now)
        m.d.comb += [
            in_range.eq(row.row < depth),
            admitted.eq(done & good_now & in_range & begun.known),
        ]
        result = Signal(result_layout(config))
        m.d.comb += result.end.eq(row.end)
        for column in range(columns):
            sums = Array(
                Signal(shape, name=f"sum_{column}_{i}", reset_less=True) for i in range(depth)
            )
            product = sum(row.lanes[r] * now[r][column] for r in range(config.rows))
            m.d.comb += result.lanes[column].eq(Mux(row.first, 0, sums[address]) + product)
            with m.If(admitted & ~row.last):
                m.d.sync += sums[address].eq(result.lanes[column])
        not_started = done & good_now & in_range & ~begun.known
        errors = error_bits(
            {
                Error.NO_TILE: done & ~good_now,
                Error.ROW_OUT_OF_RANGE: done & ~in_range,
                Error.NOT_STARTED: not_started,
            }
        )

        # A sum comes from the memory if the previous row is more than FORWARDS cycles ago.
        ages = Array(Signal(range(FORWARDS + 2), name=f"age_{i}") for i in range(depth))
        for age in ages:
            with m.If(age <= FORWARDS):
                m.d.sync += age.eq(age + 1)
        with m.If(admitted):
            m.d.sync += ages[address].eq(1)
        switched = Signal()
        with m.If(done & row.switch):
            m.d.sync += switched.eq(1)
        kinds = {
            "from_memory": ~row.first & (ages[address] > FORWARDS),
            "of_a_second_tile": row.switch & switched,
        }
        return admitted & row.last, result, errors, kinds

    def _follow(self, m: Module, results, emits, result, kinds) -> Signal:
        """Follow a result from the specification to the port; return how many are in between."""
        most = self.places + 2
        inside = Signal(range(most + 2))
        leaves = Signal()
        m.d.comb += leaves.eq(results.valid & results.ready)
        m.d.sync += inside.eq(inside + emits - leaves)
        self.prove("nothing_is_invented", inside.any() | ~results.valid)
        self.prove("few_are_inside", inside <= most)
        followed = follow(self, m, emits, leaves, inside)
        expected = Signal.like(result)
        with m.If(followed.enters):
            m.d.sync += expected.eq(result)
        for name, is_one in kinds.items():
            kind = Signal(name=name)
            with m.If(followed.enters):
                m.d.sync += kind.eq(is_one)
            self.reach(f"a_result_{name}", followed.leaves & kind)
        # One property per lane: together they take minutes, each alone takes seconds.
        for column, lane in enumerate(results.payload.lanes):
            same = lane == expected.lanes[column]
            self.prove(f"result_{column}", ~followed.leaves | same)
        self.prove("end", ~followed.leaves | (results.payload.end == expected.end))
        self.reach("a_sum_of_two_rows", followed.leaves & (expected.lanes[0] == 2))
        self.reach("a_result_before_another", followed.leaves & (inside > 1))
        # A result arrives in time if the sink takes all results. It may first have to wait until
        # an earlier result has passed through the unit and released its place.
        limit = 2 * MatrixUnitTiming.of(self.config).latency + most
        waited = Signal(range(limit + 2))
        with m.If(~followed.inside | ~results.ready | followed.leaves):
            m.d.sync += waited.eq(0)
        with m.Elif(waited <= limit):
            m.d.sync += waited.eq(waited + 1)
        self.prove("result_comes", waited <= limit)
        return inside
