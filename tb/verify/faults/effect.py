"""What a fault did: nothing, something that a host sees, or something that it does not."""

from dataclasses import dataclass

import numpy as np

from .injection import Answer

# In the order in which they are asked: everything is as without the fault; the host sees that
# something is wrong; it sees nothing, and a number is wrong; it sees nothing, all numbers are
# right, but a cycle count is another.
EFFECTS = ("masked", "seen", "silent", "cycles")

# By what a fault is seen, if by several then the first. A host that checks no protocol does not
# see the last.
SEEN_BY = {
    "error_status": "the unit raises an error status",
    "end": "results are missing, or operands are never taken",
    "further_results": "more results come than were awaited",
    "tlast": "tlast comes with a wrong result, or not with the right one",
    "protocol": "a result is withdrawn or changed while it waits",
}


@dataclass(frozen=True)
class WrongElement:
    """The first wrong number: which product of the run, row and column, and what it is."""

    product: int
    row: int
    column: int
    got: int
    expected: int


@dataclass(frozen=True)
class FaultEffect:
    """What a fault did.

    `kind` is one of EFFECTS, `seen_by` one of SEEN_BY if it is seen. `all_right`: all results came
    and are right; otherwise `wrong` is the first wrong number, unless results are missing.
    """

    kind: str
    all_right: bool
    seen_by: str | None = None
    wrong: WrongElement | None = None


def judge(expected: Answer, answer: Answer) -> FaultEffect:
    """Compare a run with the same one without a fault."""
    wrong = _first_wrong(expected, answer) if answer.ended else None
    if by := _seen_by(answer):
        return FaultEffect("seen", answer.ended and wrong is None, by, wrong)
    if wrong:
        return FaultEffect("silent", False, wrong=wrong)
    same_cycles = (answer.cycles, answer.counters) == (expected.cycles, expected.counters)
    return FaultEffect("masked" if same_cycles else "cycles", True)


def _seen_by(answer: Answer) -> str | None:
    reasons = {
        "error_status": answer.errors,
        "end": not answer.ended,
        "further_results": answer.further_results,
        "tlast": answer.wrong_ends,
        "protocol": answer.broken_waits,
    }
    return next((reason for reason, there in reasons.items() if there), None)


def _first_wrong(expected: Answer, answer: Answer) -> WrongElement | None:
    for number, (good, got) in enumerate(zip(expected.products, answer.products, strict=True)):
        if (good != got).any():
            row, column = (int(place) for place in np.argwhere(good != got)[0])
            return WrongElement(number, row, column, int(got[row, column]), int(good[row, column]))
    return None
