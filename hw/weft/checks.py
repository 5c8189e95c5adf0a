"""Argument checks: each error message is one sentence that names the fault and the legal values."""

import contextlib
import operator
import os
from pathlib import Path

import numpy as np

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)
LONGEST_TEXT = 60
LONGEST_LIST = 4


def described(value: object) -> str:
    """Return a value as a sentence names it: its repr if that is short, otherwise its type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    short = isinstance(value, list | tuple | dict) and len(value) <= LONGEST_LIST
    if short or isinstance(value, PLAIN):
        # Python does not convert integers of thousands of digits to text.
        with contextlib.suppress(ValueError):
            text = repr(value)
            if len(text) <= LONGEST_TEXT and "\n" not in text:
                return text
    return f"a value of type {type(value).__name__}"


def check(condition: bool, sentence: str) -> None:
    """Raise ValueError with the sentence unless the condition holds."""
    if not condition:
        raise ValueError(sentence)


def check_kind(value: object, kind: type | tuple[type, ...], rule: str) -> None:
    """Raise TypeError unless the value is of the kind; `rule` is like "x must be a path"."""
    if not isinstance(value, kind):
        raise TypeError(f"{rule}, not {described(value)}")


def check_callback(name: str, value: object) -> None:
    """Raise TypeError unless the value is callable or None."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable or None, not {described(value)}")


def checked_path(name: str, value: object) -> Path:
    """Return the value as a Path; raise TypeError unless it is a string or a path."""
    check_kind(value, (str, os.PathLike), f"{name} must be a path")
    return Path(value)  # pyright: ignore[reportArgumentType]


def checked_bool(name: str, value: object) -> bool:
    """Return the value as a bool; raise ValueError unless it is a Python or numpy bool."""
    is_bool = isinstance(value, bool | np.bool_)
    check(is_bool, f"{name} must be True or False, not {described(value)}")
    return bool(value)


def checked_integer(name: str, value: object, *, low: int, high: int | None = None) -> int:
    """Return the value as an int.

    Raises
    ------
    ValueError
        Unless the value is a Python or numpy integer from `low` to `high`, not a bool.
    """
    number = _index(value)
    if number is None or number < low or (high is not None and number > high):
        legal = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be an integer {legal}, not {described(value)}")
    return number


def is_number(value: object) -> bool:
    """Return whether a value is a real Python or numpy number; NaN is, a bool is not."""
    return isinstance(value, float | np.floating) or _index(value) is not None


def is_masked(value: object) -> bool:
    """Return whether a value is or contains a masked array, whose mask numpy.asarray would drop."""
    if isinstance(value, list | tuple):
        return any(map(is_masked, value))
    return isinstance(value, np.ma.MaskedArray)


def _index(value) -> int | None:
    """Return an integer value as an int, and None for bools and everything else."""
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None
