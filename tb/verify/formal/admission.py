"""Admission: rows enter in order, only good ones are admitted, and only if there is a place."""

from unittest.mock import patch

from amaranth.hdl import Cat, Module, Mux, Signal

from weft.matrix import begun as begun_flags
from weft.matrix.admission import Admission
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error, array_row_layout
from weft.matrix.row_check import RowCheck, checked_layout

from .harness import Harness, delayed, follow
from .rules import begun_sums


class RowsAreChecked(Harness):
    """One flag per accumulator row predicts which rows are admitted and dropped, and all errors.

    Any rows come, at most one per cycle.

    Parameters
    ----------
    word : int
        Flags per word of the memory: fewer than in the hardware, so that there are several words.
    """

    def __init__(self, config: MatrixUnitConfig, word: int):
        super().__init__()
        self.config = config
        self.word = word

    def rtlil(self) -> str:
        with patch.object(begun_flags, "WORD", self.word):
            return super().rtlil()

    def describe(self, m: Module) -> None:
        m.submodules.check = check = RowCheck(config=self.config)
        row = self.anything(checked_layout(self.config), "row")
        m.d.comb += check.row.eq(row)

        depth = self.config.accumulator_depth
        self.assume(row.row < depth)
        begun = begun_sums(m, depth, row, row.valid & row.in_range, row.good_tile)
        good = row.valid & row.good_tile & row.in_range
        admitted = good & begun.known

        latency = RowCheck.latency
        came, was_admitted = Signal.like(row), Signal()
        m.d.comb += [
            came.eq(delayed(m, row.as_value(), latency, "row")),
            was_admitted.eq(delayed(m, admitted, latency, "admitted")),
        ]
        control = check.control
        self.prove("valid", control.valid == was_admitted)
        self.prove("last", control.last == (was_admitted & came.last))
        self.prove("end", control.end == (was_admitted & came.end))
        same = (control.first == came.first) & (control.row == came.row)
        self.prove("row", ~was_admitted | same)
        self.prove("dropped", check.dropped == (came.valid & came.last & ~was_admitted))
        for error, wrong in (
            (Error.NO_TILE, row.valid & ~row.good_tile),
            (Error.ROW_OUT_OF_RANGE, row.valid & ~row.in_range),
            (Error.NOT_STARTED, good & ~begun.known),
        ):
            name = error.name.lower()
            seen = (check.errors.as_value() & error.value).any()
            self.prove(name, seen == delayed(m, wrong, latency, name))
            self.reach(name, seen)
        any_begun = delayed(
            m, Cat(*begun.flags).any(), RowCheck.unfinished_latency - 1, "any_begun"
        )
        self.prove("unfinished", check.unfinished == any_begun)
        had_begun = delayed(m, Cat(*begun.flags).all(), 2 * latency, "all")
        self.reach("finished_after_all_had_begun", had_begun & ~any_begun)


class RowsComeInOrder(Harness):
    """Each row enters once, in order, with its own lanes and control, as soon as it has a place.

    Any good and bad rows come, any complete and broken tiles, and places become free at any time. A
    row enters only if there is a place for its result. A dropped row releases its place.
    """

    def __init__(self, config: MatrixUnitConfig, places: int):
        super().__init__()
        self.config = config
        self.places = places

    def describe(self, m: Module) -> None:
        config = self.config
        m.submodules.admission = admission = Admission(config=config, credits=self.places)
        offered = self.anything(array_row_layout(config), "row")
        valid = self.anything(1, "valid")
        complete = self.anything(1, "complete")
        broken = self.anything(1, "broken")
        released = self.anything(1, "released")
        m.d.comb += [
            admission.activations.payload.eq(offered),
            admission.activations.valid.eq(valid),
            admission.tile_complete.eq(complete),
            admission.tile_broken.eq(broken),
            admission.released.eq(released),
        ]
        taken = admission.take & complete
        # A complete tile waits until it is taken.
        self.assume(complete | ~delayed(m, complete & ~taken, 1, "tile_waits"))

        # The row at the gate, which enters when the gate is ready for another row.
        ready = admission.activations.ready
        row = Signal.like(offered, name="row_at_gate")
        waiting, enters = Signal(), Signal()
        m.d.comb += enters.eq(waiting & ready)
        with m.If(ready):
            m.d.sync += [waiting.eq(valid), row.eq(offered)]
        admitted = self._is_good(m, row, enters, broken)

        # The control of a row follows `latency` cycles after it enters.
        latency = Admission.control_latency
        control = admission.control
        entered = delayed(m, enters, latency, "entered")
        was_admitted = delayed(m, admitted, latency, "admitted")
        self.prove("good_rows_are_admitted", control.valid == was_admitted)
        self._prove_places(m, admission, row, enters, admitted)

        inside = Signal(range(16))
        m.d.sync += inside.eq(inside + (valid & ready) - entered)
        followed = follow(self, m, valid & ready, entered, inside)
        own = Signal.like(offered, name="followed_row")
        with m.If(followed.enters):
            m.d.sync += own.eq(offered)
        behind = latency - Admission.issue_latency
        lanes = delayed(m, admission.lanes.as_value(), behind, "lanes")
        switch = delayed(m, admission.switch, behind, "switch")
        self.prove("switches_come_with_rows", ~switch | entered)
        # A dropped row also switches tiles, and its lanes also arrive.
        for name, condition in (
            ("lanes_are", lanes == own.lanes.as_value()),
            ("switch_is", switch == own.switch),
            ("last_is", control.last == (control.valid & own.last)),
            ("end_is", control.end == (control.valid & own.end)),
            ("first_is", ~control.valid | (control.first == own.first)),
            ("number_is", ~control.valid | (control.row == own.row)),
        ):
            self.prove(f"{name}_its_own", ~followed.leaves | condition)
        self.reach("row_behind_others", followed.leaves & (inside > 3))

    def _is_good(self, m: Module, row, enters, broken):
        """Return whether a row enters with a good tile, a legal number and a sum that has begun."""
        depth = self.config.accumulator_depth
        good_in_use, good_tile, in_range = Signal(), Signal(), Signal()
        m.d.comb += [
            good_tile.eq(Mux(row.switch, ~broken, good_in_use)),
            in_range.eq(row.row < depth),
        ]
        with m.If(enters):
            m.d.sync += good_in_use.eq(good_tile)
        begun = begun_sums(m, depth, row, enters & in_range, good_tile)
        return enters & good_tile & in_range & begun.known

    def _prove_places(self, m: Module, admission, row, enters, admitted) -> None:
        """Prove that results have places, and that a row waits only for its tile and a place."""
        places, released = self.places, admission.released
        finished = admission.control.valid & admission.control.last
        outstanding = Signal(range(places + 3))
        m.d.sync += outstanding.eq(outstanding + finished - released)
        self.assume(outstanding.any() | ~released)
        self.prove("never_more_than_places", outstanding <= places)
        self.reach("all_places", outstanding == places)
        # No place has been released by a result, so a reused place is that of a dropped row.
        dropped, none_back = Signal(), Signal(init=1)
        m.d.sync += [
            dropped.eq(dropped | (enters & row.last & ~admitted)),
            none_back.eq(none_back & ~released),
        ]
        self.reach("place_of_a_dropped_row", dropped & none_back & (outstanding == places))

        # Within this time every released place is usable again, also that of a dropped row.
        quiet = Admission.control_latency + 4
        stuck = Signal(range(quiet + 2))
        has_tile = admission.tile_complete | ~row.switch
        waits = ~admission.activations.ready & has_tile & (outstanding < places) & ~finished
        with m.If(~waits):
            m.d.sync += stuck.eq(0)
        with m.Elif(stuck <= quiet):
            m.d.sync += stuck.eq(stuck + 1)
        self.prove("never_stuck", stuck <= quiet)
        waits_long = ~admission.activations.ready & admission.tile_complete
        self.reach("waits_for_a_place", delayed(m, waits_long, 9, "w"))
