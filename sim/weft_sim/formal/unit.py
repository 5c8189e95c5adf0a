"""The whole unit: equal to its specification, whatever comes, whenever it comes."""

from unittest.mock import patch

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed

from weft.config import MatrixUnitConfig
from weft.layouts import Error, activation_layout, result_layout, weight_layout
from weft.matrix_unit import MatrixUnit

from .harness import Harness, delayed
from .streams import prove_stable

# At most one complete tile waits, and one more can be there before its row is seen to switch.
TILES = 2


class UnitIsItsSpecification(Harness):
    """Any weights, activations, flags and errors on the two streams, any pauses on all three: the
    results are those of a unit that does each row at once, in order and to the bit, and so are
    the errors.

    The specification knows no time: it takes the tiles and the rows as they come in at the ports,
    and does a row as soon as its tile is whole. One result, any of them, is followed.

    Parameters
    ----------
    places : int
        Rows of the result buffer: fewer than the hardware has, so that they are full soon.
    """

    def __init__(self, config: MatrixUnitConfig, places: int):
        super().__init__()
        self.config = config
        self.places = places

    def rtlil(self) -> str:
        with patch.object(MatrixUnit, "result_depth_of", staticmethod(lambda _: self.places)):
            return super().rtlil()

    def describe(self, m: Module) -> None:
        config = self.config
        m.submodules.unit = unit = MatrixUnit(config)
        weights, activations, results = unit.weights, unit.activations, unit.results
        for name, stream in ("weights", weights), ("activations", activations):
            m.d.comb += [
                stream.payload.eq(self.anything(stream.payload.shape(), name)),
                stream.valid.eq(self.anything(1, f"{name}_valid")),
            ]
        m.d.comb += results.ready.eq(self.anything(1, "ready"))
        prove_stable(self, m, results)

        tile, tile_good, tiles, tile_errors = self._collect_tiles(m, weights)

        # The row that came last, until its tile is there.
        waiting = Signal()
        row = Signal(activation_layout(config))
        done = Signal()
        accepted = Signal()
        m.d.comb += [
            accepted.eq(activations.valid & activations.ready),
            done.eq(waiting & (~row.switch | tiles.any())),
        ]
        self.prove("one_row_waits", ~accepted | ~waiting | done)
        with m.If(accepted):
            m.d.sync += [waiting.eq(1), row.eq(activations.payload)]
        with m.Elif(done):
            m.d.sync += waiting.eq(0)
        emits, result, row_errors = self._compute(m, row, done, tile, tile_good)
        taken = done & row.switch
        came = self._tile_came
        m.d.sync += tiles.eq(tiles + came - taken)
        self.prove("few_tiles_wait", tiles <= TILES)

        self._follow(m, results, emits, result)

        errors = Signal(Error)
        m.d.sync += errors.eq(errors.as_value() | tile_errors | row_errors)
        settled = Signal(range(9))
        busy = waiting | accepted | (weights.valid & weights.ready) | self._inside.any()
        m.d.sync += settled.eq(Mux(busy, 0, Mux(settled == 8, 8, settled + 1)))
        self.prove("errors_are_true", (unit.errors.as_value() & ~errors.as_value()) == 0)
        same = unit.errors.as_value() == errors.as_value()
        self.prove("errors_are_told", same | (settled < 8))
        for error in Error:
            seen = (unit.errors.as_value() & error.value).any()
            self.reach(error.name.lower(), seen)

    def _collect_tiles(self, m: Module, weights):
        """The tile that the next switch meets, whether it is good, and how many are there."""
        config = self.config
        lanes = weight_layout(config)["lanes"].shape
        coming = [Signal(lanes, name=f"coming_{r}") for r in range(config.rows)]
        pushed = [Signal(lanes, name=f"pushed_{r}") for r in range(config.rows)]
        count = Signal(range(config.rows + 2))
        transfer = weights.valid & weights.ready
        last = weights.payload.last
        for row, now, above in zip(coming, pushed, [weights.payload.lanes, *coming], strict=False):
            m.d.comb += now.eq(above)
            with m.If(transfer):
                m.d.sync += row.eq(now)
        good = Signal()
        short = Signal()
        long = Signal()
        self._tile_came = came = Signal()
        m.d.comb += [
            good.eq(count == config.rows - 1),
            came.eq(transfer & last),
            short.eq(came & (count < config.rows - 1)),
            long.eq(transfer & ~last & good),
        ]
        with m.If(came):
            m.d.sync += count.eq(0)
        with m.Elif(transfer & (count <= config.rows)):
            m.d.sync += count.eq(count + 1)
        # Complete tiles, the oldest first.
        tiles = Signal(range(TILES + 2))
        queue = [
            [Signal(lanes, name=f"tile_{i}_{r}") for r in range(config.rows)] for i in range(TILES)
        ]
        goods = [Signal(name=f"tile_{i}_good") for i in range(TILES)]
        self._taken = taken = Signal()
        for i in range(TILES):
            older = i + 1 < TILES
            with m.If(came & (tiles - taken == i)):
                m.d.sync += [kept.eq(now) for kept, now in zip(queue[i], pushed, strict=True)]
                m.d.sync += goods[i].eq(good)
            with m.Elif(taken):
                if older:
                    m.d.sync += [a.eq(b) for a, b in zip(queue[i], queue[i + 1], strict=True)]
                    m.d.sync += goods[i].eq(goods[i + 1])
        return queue[0], goods[0], tiles, Cat(short, long, 0, 0, 0)

    def _compute(self, m: Module, row, done, tile, tile_good):
        """Whether a row gives a result, which, and the errors of it."""
        config = self.config
        depth, columns = config.accumulator_depth, config.columns
        m.d.comb += self._taken.eq(done & row.switch)
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

        begun = Array(Signal(name=f"begun_{i}") for i in range(depth))
        shape = signed(config.accumulator_width)
        in_range, known, admitted = Signal(), Signal(), Signal()
        address = row.row[: config.address_width]
        m.d.comb += [
            in_range.eq(row.row < depth),
            known.eq(row.first | begun[address]),
            admitted.eq(done & good_now & in_range & known),
        ]
        with m.If(done & in_range):
            m.d.sync += begun[address].eq(good_now & known & ~row.last)
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
        not_started = done & good_now & in_range & ~known
        errors = Cat(0, 0, done & ~good_now, done & ~in_range, not_started)
        return admitted & row.last, result, errors

    def _follow(self, m: Module, results, emits, result) -> None:
        """One result, any of them, from the specification to the port."""
        most = self.places + 2
        self._inside = inside = Signal(range(most + 2))
        leaves = Signal()
        m.d.comb += leaves.eq(results.valid & results.ready)
        m.d.sync += inside.eq(inside + emits - leaves)
        self.prove("nothing_is_invented", inside.any() | ~results.valid)
        self.prove("few_are_inside", inside <= most)
        chosen = self.anything(1, "chosen")
        watch, watching, left, now = Signal(), Signal(), Signal(), Signal()
        ahead = Signal.like(inside)
        watched = Signal.like(result)
        m.d.comb += watch.eq(chosen & emits & ~watching)
        with m.If(watch):
            m.d.sync += [watching.eq(1), ahead.eq(inside - leaves), watched.eq(result)]
        with m.Elif(leaves & ahead.any()):
            m.d.sync += ahead.eq(ahead - 1)
        m.d.comb += now.eq(watching & ~left & leaves & ~ahead.any())
        with m.If(now):
            m.d.sync += left.eq(1)
        self.prove("result", ~now | (results.payload.as_value() == watched.as_value()))
        self.reach("a_sum_of_two_rows", now & (watched.lanes[0] == 2))
        self.reach("a_second_result", now & delayed(m, watching, 1, "watching") & inside.any())
        # It comes as soon as it can, if the sink takes all: one that was there first may have had
        # to go all the way before its place was free.
        waited = Signal(range(64))
        free = watching & ~left & results.ready
        m.d.sync += waited.eq(Mux(free & ~now, waited + 1, 0))
        limit = 2 * MatrixUnit.latency_of(self.config) + most
        self.prove("result_comes", waited <= limit)
