"""Admission: rows in their order, good ones only, and no more of them than there is room for."""

from unittest.mock import patch

from amaranth.hdl import Array, Cat, Module, Signal

from weft import begun
from weft.admission import Admission
from weft.config import MatrixUnitConfig
from weft.layouts import Error, activation_layout
from weft.row_check import RowCheck, checked_layout

from .harness import Harness, delayed, follow


class RowsAreChecked(Harness):
    """Any rows, one a cycle: what is admitted, dropped and complained of is what one flag an
    accumulator row says.

    Parameters
    ----------
    word : int
        Flags to a word of the hardware's memory: fewer than it has, so that there are many words.
    """

    def __init__(self, config: MatrixUnitConfig, word: int):
        super().__init__()
        self.config = config
        self.word = word

    def rtlil(self) -> str:
        with patch.object(begun, "WORD", self.word):
            return super().rtlil()

    def describe(self, m: Module) -> None:
        m.submodules.check = check = RowCheck(self.config)
        row = self.anything(checked_layout(self.config), "row")
        m.d.comb += check.row.eq(row)

        depth = self.config.accumulator_depth
        flags = Array(Signal(name=f"begun_{i}") for i in range(depth))
        self.assume(row.row < depth)
        known = row.first | flags[row.row]
        good = row.valid & row.good_tile & row.in_range
        admitted = good & known
        with m.If(row.valid & row.in_range):
            m.d.sync += flags[row.row].eq(row.good_tile & ~row.last & known)

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
            (Error.NOT_STARTED, good & ~known),
        ):
            name = error.name.lower()
            seen = (check.errors.as_value() & error.value).any()
            self.prove(name, seen == delayed(m, wrong, latency, name))
            self.reach(name, seen)
        any_begun = delayed(m, Cat(*flags).any(), RowCheck.unfinished_latency - 1, "any_begun")
        self.prove("unfinished", check.unfinished == any_begun)
        had_begun = delayed(m, Cat(*flags).all(), 2 * latency, "all")
        self.reach("finished_after_all_had_begun", had_begun & ~any_begun)


class RowsComeInOrder(Harness):
    """Good rows of any lanes, tiles and places at any time: each row enters once, in order, with
    its own lanes and control, only if there is a place for its result, and always if there is."""

    def __init__(self, config: MatrixUnitConfig, places: int):
        super().__init__()
        self.config = config
        self.places = places

    def describe(self, m: Module) -> None:
        config, places = self.config, self.places
        m.submodules.admission = admission = Admission(config, places)
        row = self.anything(activation_layout(config), "row")
        valid = self.anything(1, "valid")
        complete = self.anything(1, "complete")
        released = self.anything(1, "released")
        m.d.comb += [
            admission.activations.payload.eq(row),
            admission.activations.valid.eq(valid),
            admission.tile_complete.eq(complete),
            admission.released.eq(released),
        ]
        accepted = Signal()
        m.d.comb += accepted.eq(valid & admission.activations.ready)

        # Good rows only: each begins its own sum, and the first has a tile to switch to.
        has_tile = Signal()
        with m.If(accepted):
            m.d.sync += has_tile.eq(1)
        taken = admission.take & complete
        self.assume(
            row.first & (row.row < config.accumulator_depth) & (row.switch | has_tile),
            # A tile that is complete waits until it is taken.
            complete | ~delayed(m, complete & ~taken, 1, "tile_waits"),
        )

        control = admission.control
        finished = control.valid & control.last
        outstanding = Signal(range(places + 3))
        m.d.sync += outstanding.eq(outstanding + finished - released)
        self.assume(outstanding.any() | ~released)
        self.prove("never_more_than_places", outstanding <= places)
        self.reach("all_places", outstanding == places)
        # In such a time every place that was given back is there again.
        quiet = Admission.control_latency + 4
        stuck = Signal(range(quiet + 2))
        waits = ~admission.activations.ready & complete & ~outstanding.any() & ~finished
        with m.If(~waits):
            m.d.sync += stuck.eq(0)
        with m.Elif(stuck <= quiet):
            m.d.sync += stuck.eq(stuck + 1)
        self.prove("never_stuck", stuck <= quiet)
        self.reach("waits_for_a_place", delayed(m, ~admission.activations.ready & complete, 9, "w"))

        inside = Signal(range(16))
        m.d.sync += inside.eq(inside + accepted - control.valid)
        self.prove("no_row_is_invented", inside.any() | ~control.valid)
        followed = follow(self, m, accepted, control.valid, inside)
        taken_row = Signal.like(row)
        with m.If(followed.enters):
            m.d.sync += taken_row.eq(row)
        behind = Admission.control_latency - Admission.issue_latency
        lanes = delayed(m, admission.lanes.as_value(), behind, "lanes")
        switch = delayed(m, admission.switch, behind, "switch")
        self.prove("switches_come_with_rows", ~switch | control.valid)
        for name, condition in (
            ("lanes_are", lanes == taken_row.lanes.as_value()),
            ("switch_is", switch == taken_row.switch),
            ("last_is", control.last == taken_row.last),
            ("end_is", control.end == taken_row.end),
            ("number_is", control.row == taken_row.row),
        ):
            self.prove(f"{name}_its_own", ~followed.leaves | condition)
        self.reach("row_behind_others", followed.leaves & (inside > 3))
