"""Effects of a fault: none, one that the host sees, or one that it does not see."""

from dataclasses import dataclass

import numpy as np

from .injection import Answer

# masked: no difference. seen: the host sees that something is wrong. silent: a number is wrong and
# the host does not see it. cycles: all numbers are right, but a cycle count differs.
EFFECTS = ("masked", "seen", "silent", "cycles")

# How the host sees a fault; the first that applies. A host that does not check the protocol cannot
# see the last one.
SEEN_BY = {
    "error_status": "the unit raises an error status",
    "end": "results are missing, or operands are never taken",
    "further_results": "more results arrive than expected",
    "tlast": "tlast is set on a wrong result, or not set on the right one",
    "protocol": "a result is withdrawn or changed while it waits",
}


@dataclass(frozen=True)
class WrongElement:
    """The first wrong number: its product in the run, row and column, and its value."""

    product: int
    row: int
    column: int
    got: int
    expected: int


@dataclass(frozen=True)
class FaultEffect:
    """The effect of a fault.

    `kind`: one of EFFECTS. `seen_by`: one of SEEN_BY if it is seen. `all_right`: all results
    arrived and are right; otherwise `wrong` is the first wrong number, unless results are missing.
    """

    kind: str
    all_right: bool
    seen_by: str | None = None
    wrong: WrongElement | None = None


def judge(expected: Answer, answer: Answer) -> FaultEffect:
    """Compare a run with the same run without a fault."""
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
    return next((reason for reason, applies in reasons.items() if applies), None)


def _first_wrong(expected: Answer, answer: Answer) -> WrongElement | None:
    for number, (good, got) in enumerate(zip(expected.products, answer.products, strict=True)):
        if (good != got).any():
            row, column = (int(place) for place in np.argwhere(good != got)[0])
            return WrongElement(number, row, column, int(got[row, column]), int(good[row, column]))
    return None
