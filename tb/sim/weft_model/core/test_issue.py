"""IssueTimes: the cycles of small programs, computed by hand."""

from weft_model.core.issue import Issued, IssueTimes


def test_an_instruction_waits_for_dispatch_predecessor_and_others():
    times = IssueTimes(units=2, slots=2, most=100)
    assert times.issue(0, (0, 0), offered=5) == Issued(dispatch=5, offer=7, permission=8)
    times.takes[0].append(9)
    times.starts[0].append(10)
    times.finishes[0].append(30)
    # Behind the first one in its queue.
    assert times.issue(0, (0, 0), offered=6) == Issued(dispatch=6, offer=10, permission=12)
    times.takes[0].append(10)
    times.starts[0].append(31)
    times.finishes[0].append(40)
    # At most one of the two may be unfinished, and then none.
    assert times.issue(1, (2, 0), offered=7) == Issued(dispatch=7, offer=9, permission=32)
    times.takes[1].append(9)
    times.starts[1].append(33)
    times.finishes[1].append(34)
    assert times.issue(1, (1, 200), offered=8) == Issued(dispatch=8, offer=10, permission=42)
    times.takes[1].append(10)
    times.starts[1].append(42)
    times.finishes[1].append(43)
    # Both slots are in use until the first one has finished.
    assert times.issue(0, (0, 0), offered=9).dispatch == 31


def test_counts_are_cleared_when_everything_has_finished():
    times = IssueTimes(units=1, slots=8, most=2)
    for offered in (1, 2):
        issued = times.issue(0, (0,), offered=offered)
        times.takes[0].append(issued.offer)
        times.starts[0].append(10 * issued.permission)
        times.finishes[0].append(10 * issued.permission + 3)
    assert times.issue(0, (0,), offered=3).dispatch == times.last_finish + 2


def test_halt_is_done_after_everything_has_finished():
    times = IssueTimes(units=1, slots=1, most=2)
    assert times.halt(offered=1) == 2
    issued = times.issue(0, (0,), offered=1)
    times.finishes[0].append(issued.permission)
    assert times.halt(offered=2) == issued.permission + 2
