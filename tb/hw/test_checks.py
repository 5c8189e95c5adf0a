"""Argument checks: the values that are accepted, and one sentence for all others."""

import re
from pathlib import Path

import numpy as np
import pytest

from weft.checks import (
    check_callback,
    check_kind,
    checked_bool,
    checked_integer,
    checked_path,
    described,
    is_masked,
    is_number,
)

DESCRIBED = [
    (3, "3"),
    ("x\ny", r"'x\ny'"),
    (None, "None"),
    (np.int64(-1), "np.int64(-1)"),
    (int, "the class int"),
    (np.arange(1000), "a value of type ndarray"),
    ({"rows": 4}, "{'rows': 4}"),
    ([1, 2.5], "[1, 2.5]"),
    (list(range(5)), "a value of type list"),
    ([np.ones((2, 2))], "a value of type list"),
    (object(), "a value of type object"),
    (1 << 100, str(1 << 100)),
    (1 << 1000, "a value of type int"),
    (1 << 100_000, "a value of type int"),
    ("x" * 1000, "a value of type str"),
]


def test_a_value_is_described_in_one_line():
    for value, text in DESCRIBED:
        assert described(value) == text


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_integers_become_python_integers(value):
    found = checked_integer("size", value, low=3, high=3)
    assert (type(found), found) == (int, 3)
    assert is_number(value)


NO_INTEGERS = [True, np.bool_(1), 3.0, np.float64(3), "3", None, np.array([3]), np.timedelta64(3)]


@pytest.mark.parametrize("value", NO_INTEGERS, ids=repr)
def test_other_values_are_refused_as_integers(value):
    with pytest.raises(ValueError) as refusal:
        checked_integer("size", value, low=0)
    assert str(refusal.value) == f"size must be an integer of at least 0, not {described(value)}"


def test_integers_out_of_range_are_refused():
    for value in (0, 9, -1, 1 << 20_000):
        with pytest.raises(ValueError, match=r"^size must be an integer from 1 to 8, not "):
            checked_integer("size", value, low=1, high=8)


def test_numbers_are_real_and_not_bools():
    assert all(map(is_number, [1, 1.5, np.float32(1), np.int16(1), float("nan")]))
    assert not any(map(is_number, [True, np.bool_(0), "1", 1j, None, [1.0]]))


def test_bools_are_from_python_or_numpy():
    assert checked_bool("waves", np.bool_(True)) is True
    assert checked_bool("waves", False) is False
    for value in (0, 1, "yes", None, np.array(True)):
        with pytest.raises(ValueError, match=r"^waves must be True or False, not "):
            checked_bool("waves", value)


def test_paths_can_be_strings():
    assert checked_path("trace", "a/b") == checked_path("trace", Path("a/b")) == Path("a/b")
    for value in (3, None, b"a", ["a"]):
        sentence = re.escape(f"trace must be a path, not {described(value)}")
        with pytest.raises(TypeError, match=f"^{sentence}$"):
            checked_path("trace", value)


def test_callbacks_are_callable_or_none():
    check_callback("progress", None)
    check_callback("progress", print)
    with pytest.raises(TypeError, match=r"^progress must be callable or None, not 3$"):
        check_callback("progress", 3)


def test_kinds():
    check_kind(3, (int, str), "it must be an integer or a text")
    with pytest.raises(TypeError, match=r"^it must be a text, not the class str$"):
        check_kind(str, str, "it must be a text")


def test_masks_are_found_in_lists():
    masked = np.ma.array([1, 2], mask=[0, 1])
    for value in (masked, [masked], ([1, 2], [masked]), np.ma.masked, [np.ma.masked]):
        assert is_masked(value)
    for value in (np.arange(2), [1, 2], "x", None):
        assert not is_masked(value)
