"""A board behind a serial line: exact products even on a noisy line, and clear errors."""

import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benches.products import draw_matrix
from benches.runner import needs_icarus
from weft import TINY, MatrixUnitConfig
from weft.host_link.beat_formats import WEIGHTS, weight_beat
from weft_model import matmul
from weft_sim.board import BoardError, BoardMatrixUnit, SimulatedBoard
from weft_sim.board.noise import Noise

RAGGED = MatrixUnitConfig(
    rows=3,
    columns=5,
    activation="uint8",  # type: ignore[arg-type]
    weight="int16",  # type: ignore[arg-type]
    accumulator_width=40,
    accumulator_depth=7,
    adder_stages=2,
)
NOISY = Noise(flipped=0.002, dropped=0.001, duplicated=0.001, garbage=0.0005)
LARGE_PAYLOAD = {"payload_bytes": 1024}
SMALL_PAYLOAD = {"payload_bytes": 64}


def source() -> random.Random:
    return random.Random(os.environ["SEED"])


def operands(config, draws, m, k, n):
    a = draw_matrix(draws, config.activation.default, (m, k))
    return a, draw_matrix(draws, config.weight.default, (k, n))


def check_products(unit, draws, shapes):
    for m, k, n in shapes:
        a, b = operands(unit.config, draws, m, k, n)
        expected = matmul(unit.config, a, b)
        z = unit.matmul(a, b)
        assert z.dtype == expected.dtype
        assert np.array_equal(z, expected), f"{m} x {k} x {n}"
        assert unit.cycles == unit.counters["total"]
        assert sum(unit.counters.values()) == 2 * unit.cycles
        assert unit.counters["computing"] >= m


SHAPES = [(1, 1, 1), (5, 4, 4), (9, 11, 6), (40, 3, 2)]


@pytest.mark.parametrize(
    ("config", "link"), [(TINY, LARGE_PAYLOAD), (RAGGED, SMALL_PAYLOAD)], ids=["4x4", "3x5-small"]
)
def test_products_equal_numpy(config, link):
    """The configuration is read from the board; a second host can use the unit after the first."""
    with SimulatedBoard(config, **link) as board:
        with BoardMatrixUnit(board.port, baud=board.baud) as unit:
            assert unit.config == config
            check_products(unit, source(), SHAPES)
            assert not unit.connection.retries
        with BoardMatrixUnit(board.port, config, baud=board.baud) as unit:
            check_products(unit, source(), [(3, 5, 2)])


@pytest.mark.parametrize("config", [TINY, RAGGED], ids=["4x4", "3x5"])
def test_products_equal_numpy_on_a_noisy_line(config):
    noise = replace(NOISY, seed=int(os.environ["SEED"]))
    with (
        SimulatedBoard(config, payload_bytes=64, cycles_per_bit=5, noise=noise) as board,
        BoardMatrixUnit(board.port, baud=board.baud, patience=0.1) as unit,
    ):
        check_products(unit, source(), [(6, 5, 6), (9, 3, 4)])
        assert unit.connection.retries, "the noise caused no retry"


def test_products_equal_numpy_on_icarus():
    needs_icarus()
    config = MatrixUnitConfig(rows=2, columns=2, accumulator_depth=4)
    with (
        SimulatedBoard(config, payload_bytes=16, simulator="icarus") as board,
        BoardMatrixUnit(board.port, baud=2400) as unit,
    ):
        check_products(unit, source(), [(3, 3, 3)])


def test_a_board_works_after_errors():
    """A different unit, bad operands, an error of the unit, and a stalled unit."""
    with SimulatedBoard(TINY) as board:
        other = replace(TINY, rows=8, weight="uint8")
        differing = r"has a different unit: rows is 4, not 8, weight is int8, not uint8$"
        with pytest.raises(ValueError, match=differing):
            BoardMatrixUnit(board.port, other, baud=board.baud)
        with BoardMatrixUnit(board.port, baud=board.baud, stall_seconds=0.3) as unit:
            a, b = operands(TINY, source(), 3, 3, 3)
            with pytest.raises(TypeError, match="A must hold integers"):
                unit.matmul(a.astype(float), b)
            with pytest.raises(ValueError, match="cannot be multiplied"):
                unit.matmul(a, b[:2])
            push = unit.connection.push
            lost = "stalled: 0 of 3 result rows arrived"
            for sentence, spoil in ((lost, lose_tiles), ("reports .*SHORT_TILE", cut_tiles)):
                unit.connection.push = spoil(push)
                with pytest.raises(BoardError, match=sentence):
                    unit.matmul(a, b)
                unit.connection.push = push
                progress = []
                z = unit.matmul(a, b, progress=lambda *rows: progress.append(rows))  # noqa: B023
                assert np.array_equal(z, matmul(TINY, a, b))
                assert progress[-1] == (3, 3)


def lose_tiles(push):
    """Report beats of weights as taken without sending them."""
    return lambda stream, beats: len(beats) if stream == WEIGHTS else push(stream, beats)


def cut_tiles(push):
    """Mark the first beat of each tile as its last."""

    def cut(stream, beats):
        size = weight_beat(TINY).itemsize
        first = beats[: size - 1] + b"\1" + beats[size:]
        return push(stream, first if stream == WEIGHTS else beats)

    return cut


def test_a_simulated_board_ends_with_its_context():
    with SimulatedBoard(TINY) as board:
        port = Path(board.port)
        assert port.exists()
    assert not port.exists()
    assert not board.directory.exists()


def test_a_simulated_board_ends_with_its_process():
    """Also if the process is killed."""
    script = (
        "import sys, time\n"
        "from weft import TINY\n"
        "from weft_sim.board import SimulatedBoard\n"
        "with SimulatedBoard(TINY) as board:\n"
        "    print(board.port, board.directory, flush=True)\n"
        "    time.sleep(60)\n"
    )
    user = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    with user.stdout as output:
        port, directory = map(Path, output.readline().split())
    assert port.exists()
    user.kill()
    user.wait()
    deadline = time.monotonic() + 10
    while port.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not port.exists()
    shutil.rmtree(directory, ignore_errors=True)
