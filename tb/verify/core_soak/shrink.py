"""Shrink a failing case of a soak of cores to fewer runs."""

import re
from collections.abc import Callable
from dataclasses import replace

from .cases import Case
from .check import CaseResult


def shrink(case: Case, difference: str, attempt: Callable[[Case], CaseResult]) -> Case:
    """Return a case with the fewest runs found that fails in the same run.

    Parameters
    ----------
    case : Case
    difference : str
        It begins with "run " and the number of the run that fails.
    attempt : callable
        Checks a case.
    """
    found = re.match(r"run (\d+)", difference)
    if found is None:
        return case
    last = int(found[1])
    before = [number for number in case.runs if number < last]
    # The run alone, after the one before, and so on.
    for length in range(len(before) + 1):
        part = replace(case, runs=(*before[len(before) - length :], last))
        if attempt(part).difference.startswith(f"run {last}"):
            return _without_some(part, attempt)
    return case


def _without_some(case: Case, attempt: Callable[[Case], CaseResult]) -> Case:
    for number in case.runs[:-1]:
        fewer = replace(case, runs=tuple(run for run in case.runs if run != number))
        if attempt(fewer).difference.startswith(f"run {case.runs[-1]}"):
            case = fewer
    return case
