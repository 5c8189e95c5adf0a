"""LOAD and STORE: lines, pitches, groups, tails and targets."""

import os

import numpy as np
import pytest

from benches.core import copied, do, first_difference, random_state
from weft.isa.codes import Opcode, Target


def source():
    return np.random.default_rng(int(os.environ["SEED"]))


def random_lines(draw: np.random.Generator) -> dict[str, int]:
    """Return lines inside of a region of 4096 bytes that fill at most 100 rows of 4 bytes."""
    return dict(
        groups=int(draw.integers(1, 4)),
        lines=int(draw.integers(1, 5)),
        bytes=int(draw.integers(1, 30)),
        offset=2000,
        line_pitch=int(draw.integers(-100, 100)),
        group_pitch=int(draw.integers(-400, 400)),
    )


@pytest.mark.parametrize("target", Target, ids=lambda target: target.name)
def test_load_fills_rows_line_by_line(target):
    draw = source()
    for _ in range(20):
        state = random_state(draw)
        twin = copied(state)
        row_bytes = {0: 4, 1: 48, 2: 1024, 3: 8}[target]
        move = random_lines(draw)
        if target != Target.BUFFER:
            move |= dict(groups=1, lines=2)
        i = do(state, Opcode.LOAD, target=target, row=1, fill=0xA5, **move)
        data = bytearray()
        for group in range(i["groups"]):
            for line in range(i["lines"]):
                at = 2000 + group * i["group_pitch"] + line * i["line_pitch"]
                data += bytes(state.memory[0][at : at + i["bytes"]])
                data += b"\xa5" * (-len(data) % row_bytes)
        twin.target(target).reshape(-1)[row_bytes : row_bytes + len(data)] = list(data)
        assert not first_difference(state, twin)


def test_store_writes_lines_and_nothing_else():
    draw = source()
    for _ in range(20):
        state = random_state(draw)
        twin = copied(state)
        i = do(state, Opcode.STORE, region=1, row=3, **random_lines(draw))
        row = 3
        for group in range(i["groups"]):
            for line in range(i["lines"]):
                at = 2000 + group * i["group_pitch"] + line * i["line_pitch"]
                rows = -(-i["bytes"] // 4)
                data = twin.buffer[row : row + rows].reshape(-1)[: i["bytes"]]
                twin.memory[1][at : at + i["bytes"]] = data
                row += rows
        assert not first_difference(state, twin)


def test_lines_that_overlap_pack_the_columns_of_a_kernel():
    """Each row has three neighbouring pixels of an image with one channel."""
    state = random_state(source())
    do(state, Opcode.LOAD, lines=8, bytes=3, line_pitch=1)
    windows = np.lib.stride_tricks.sliding_window_view(state.memory[0][:10], 3)
    assert np.array_equal(state.buffer[:8, :3], windows)
    assert not state.buffer[:8, 3].any()


def test_what_is_stored_is_what_was_loaded():
    state = random_state(source())
    move = dict(groups=3, lines=5, bytes=7, line_pitch=9, group_pitch=50)
    do(state, Opcode.LOAD, row=4, region=0, **move)
    do(state, Opcode.STORE, row=4, region=1, **move)
    for group in range(3):
        for line in range(5):
            part = slice(50 * group + 9 * line, 50 * group + 9 * line + 7)
            assert np.array_equal(state.memory[1][part], state.memory[0][part])
