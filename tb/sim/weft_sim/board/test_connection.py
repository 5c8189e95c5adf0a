"""The host's end of the line: refused boards, repeated requests, and transmitted beats."""

import json
import os
import random
import threading
import tty
from dataclasses import asdict

import numpy as np
import pytest

from benches.operands import ONES, REFUSED
from benches.products import draw_matrix
from weft import TINY, MatrixUnitConfig
from weft.host_link.beat_formats import ACTIVATIONS, FLAGS, WEIGHTS, activation_beat, weight_beat
from weft.host_link.protocol import PROTOCOL_VERSION, Status
from weft.host_link.registers import ADDRESSES, HostParameters, constants
from weft_model import Schedule
from weft_sim.board import BoardError, BoardMatrixUnit, SimulatedBoard, board_matrix_unit
from weft_sim.board.connection import Connection
from weft_sim.board.frames import FrameDecoder, encode
from weft_sim.board.noise import Noise, NoisyLine
from weft_sim.board.segments import segments

BAUD = 115_200
CONFIG = MatrixUnitConfig(
    rows=3,
    columns=5,
    activation="uint8",  # type: ignore[arg-type]
    weight="int16",  # type: ignore[arg-type]
    accumulator_width=40,
    accumulator_depth=7,
)


def host_of(config):
    return HostParameters(config=config, cycles_per_bit=8, clock_hz=12_000_000, payload_bytes=64)


class Answers:
    """A fake connection to a board that has only registers."""

    def __init__(self, config, **changed):
        self.words = list(constants(host_of(config)))
        for name, word in changed.items():
            self.words[ADDRESSES[name]] = word
        self.closed = False
        self.greetings = 0

    def hello(self):
        self.greetings += 1

    def read(self, address, count):
        return self.words[address : address + count]

    def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"magic": 7}, "the device at PORT is not a Weft board"),
        (
            {"protocol_version": 9},
            f"uses version 9 of the .* driver uses version {PROTOCOL_VERSION}:",
        ),
        ({"results_beat_bytes": 3}, "has beats of 3 bytes for results, not 41"),
    ],
)
def test_foreign_boards_are_refused(monkeypatch, changed, sentence):
    answers = Answers(CONFIG, **changed)
    monkeypatch.setattr(board_matrix_unit, "Connection", lambda *_, **__: answers)
    with pytest.raises(BoardError, match=sentence):
        BoardMatrixUnit("PORT", baud=BAUD)
    assert answers.closed


def test_config_is_read_from_the_board(monkeypatch):
    monkeypatch.setattr(board_matrix_unit, "Connection", lambda *_, **__: Answers(CONFIG))
    assert (
        BoardMatrixUnit("PORT", baud=BAUD).config
        == BoardMatrixUnit("PORT", CONFIG, baud=BAUD).config
        == CONFIG
    )


@pytest.mark.parametrize(
    ("port", "baud", "sentence"),
    [
        ("/dev/null", BAUD, "/dev/null cannot be opened at 115200 baud: it is not a serial port"),
        (__file__, BAUD, "test_connection.py cannot be opened at 115200 baud: it is not a serial"),
        ("/", BAUD, "/ cannot be opened at 115200 baud: Is a directory"),
        ("/dev/ptmx", 10**12, "/dev/ptmx cannot be opened at 1000000000000 baud: "),
    ],
)
def test_what_is_not_a_port_is_an_error(port, baud, sentence):
    with pytest.raises(BoardError, match=sentence) as error:
        BoardMatrixUnit(port, baud=baud)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("baud", [7, 0, -1, 9600.0, True, "9600", None])
def test_what_is_not_a_baud_rate_is_refused(baud):
    with pytest.raises(ValueError, match="a baud rate must be an integer of at least 50, not"):
        BoardMatrixUnit("/dev/ptmx", baud=baud)


@pytest.mark.parametrize("port", ["", None, 3])
def test_a_port_must_be_named(port):
    with pytest.raises(ValueError, match="a serial port must be the path of a device, not"):
        BoardMatrixUnit(port, baud=BAUD)


MISTAKES = {
    "no patience": ({"patience": 0}, ValueError, "patience must be a number of seconds above 0"),
    "NaN": ({"patience": float("nan")}, ValueError, "patience must be a number of .* not nan"),
    "infinite": ({"patience": float("inf")}, ValueError, "patience must be a number of .* not inf"),
    "text": ({"stall_seconds": "5"}, ValueError, "stall_seconds must be a number of .* not '5'"),
    "negative": ({"stall_seconds": -1}, ValueError, "stall_seconds must be a number of .* not -1"),
    "a dict": ({"config": {"rows": 4}}, TypeError, "config must be a MatrixUnitConfig, not"),
    "a class": (
        {"config": MatrixUnitConfig},
        TypeError,
        "config must be a MatrixUnitConfig, not t",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_before_the_port_is_opened(mistake):
    changed, kind, sentence = MISTAKES[mistake]
    with pytest.raises(kind, match=f"^{sentence}"):
        BoardMatrixUnit(**{"port": "/dev/missing", "baud": BAUD, **changed})


@pytest.fixture
def silent(monkeypatch):
    """A unit on a connection that only answers reads, and that connection."""
    answers = Answers(TINY)
    monkeypatch.setattr(board_matrix_unit, "Connection", lambda *_, **__: answers)
    return BoardMatrixUnit("PORT", baud=BAUD), answers


@pytest.mark.parametrize("case", REFUSED)
def test_bad_operands_are_refused_before_anything_is_sent(case, silent):
    wrong, kind, sentence = REFUSED[case]
    unit, answers = silent
    for name, operands in (("A", (wrong, ONES)), ("B", (ONES, wrong))):
        with pytest.raises(kind, match=f"^{name} {sentence}"):
            unit.matmul(*operands)
    with pytest.raises(TypeError, match=r"^progress must be callable or None, not 3$"):
        unit.matmul(ONES, ONES, progress=3)
    assert answers.greetings == 1


def test_repr_names_port_shape_and_formats(silent):
    assert repr(silent[0]) == "BoardMatrixUnit(PORT, 4x4, int8 x int8 -> int32)"


BOARDS = {
    "configuration": ({"config": {}}, TypeError, "config must be a MatrixUnitConfig, not"),
    "simulator": ({"simulator": "vcs"}, ValueError, "unknown simulator 'vcs': choose verilator, "),
    "callback": ({"building": 3}, TypeError, "building must be callable or None, not 3"),
    "noise": ({"noise": 0.1}, TypeError, "noise must be a Noise, not 0.1"),
    "a fast bit": ({"cycles_per_bit": 3}, ValueError, "cycles_per_bit must be an .* at least 4, "),
    "a half bit": ({"cycles_per_bit": 4.5}, ValueError, "cycles_per_bit must be an .* not 4.5"),
    "payload": ({"payload_bytes": 15}, ValueError, "payload_bytes must be an .* 16 to 32768, not "),
    "narrow": (
        {"config": MatrixUnitConfig(), "payload_bytes": 16},
        ValueError,
        "payload_bytes must be at least 6., the largest beat",
    ),
}


@pytest.mark.parametrize("mistake", BOARDS)
def test_illegal_arguments_of_a_simulated_board_are_refused(mistake):
    changed, kind, sentence = BOARDS[mistake]
    with pytest.raises(kind, match=f"^{sentence}"):
        SimulatedBoard(**{"config": TINY, **changed})


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan"), True, "0.1", None])
def test_an_illegal_probability_is_refused(probability):
    for name in ("flipped", "dropped", "duplicated", "garbage"):
        with pytest.raises(ValueError, match=f"^{name} must be a probability from 0 to 1, not "):
            Noise(**{name: probability})
    with pytest.raises(ValueError, match=r"^the seed of noise must be an integer of at least 0"):
        Noise(seed=-1)


def test_noise_accepts_numpy_numbers():
    noise = Noise(seed=np.int64(3), flipped=np.float32(0.5))
    assert noise == Noise(seed=3, flipped=0.5)
    assert json.loads(json.dumps(asdict(noise))) == asdict(noise)


def test_silence_and_missing_ports_are_errors():
    with pytest.raises(BoardError, match="/dev/missing cannot be opened at 115200 baud: "):
        BoardMatrixUnit("/dev/missing", baud=BAUD)
    board_end, host_end = os.openpty()
    port = os.ttyname(host_end)
    with pytest.raises(BoardError, match=rf"{port} does not answer: HELLO was sent 20 times at"):
        BoardMatrixUnit(port, baud=BAUD, patience=0.005)
    os.close(board_end)
    os.close(host_end)


@pytest.fixture
def line():
    """A line: the board's end as a file descriptor, and the name of the host's port."""
    board_end, host_end = os.openpty()
    tty.setraw(host_end)
    yield board_end, os.ttyname(host_end)
    os.close(board_end)
    os.close(host_end)


def answer_requests(board_end, *answers):
    """Answer one request after another in a thread; `answers` turn its content into a response."""

    def serve():
        decoder = FrameDecoder()
        for answer in answers:
            contents = []
            while not contents:
                contents = decoder.feed(os.read(board_end, 100))
            os.write(board_end, answer(contents[0]))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_only_a_valid_response_to_the_current_request_is_accepted(line):
    """Responses to an earlier request, malformed responses and broken frames are ignored."""
    board_end, port = line
    one = bytes([1, 0, 0, 0])

    def valid(content):
        return encode(bytes([content[0], Status.OK.value]) + one)

    def stale(content):
        return encode(bytes([content[0] - 1 & 0xFF, Status.OK.value]) + bytes(4))

    def odd(content):
        return encode(bytes([content[0], 99]) + bytes(4)) + encode(b"")

    def broken(content):
        return valid(content).replace(one, bytes(4))

    answers = (valid, lambda c: stale(c) + valid(c), stale, valid, odd, valid, broken, valid)
    thread = answer_requests(board_end, *answers)
    connection = Connection(port, BAUD, patience=0.05)
    for retries in (0, 0, 1, 2, 3):
        assert connection.read(7, 1) == [1]
        assert connection.retries == retries
    thread.join()
    connection.close()


def test_a_refused_request_is_an_error(line):
    board_end, port = line
    thread = answer_requests(board_end, lambda c: encode(bytes([c[0], Status.BAD_ADDRESS.value])))
    connection = Connection(port, BAUD)
    with pytest.raises(BoardError, match="refuses READ: a register does not exist"):
        connection.read(200, 1)
    thread.join()
    connection.close()


def test_noise_is_reproducible_from_its_seed():
    sent = bytes(range(256)) * 8
    assert NoisyLine(Noise(), "in").carry(sent) == sent
    noise = Noise(seed=3, flipped=0.01, dropped=0.01, duplicated=0.01, garbage=0.01)
    carried = NoisyLine(noise, "in").carry(sent)
    assert carried == NoisyLine(noise, "in").carry(sent) != sent
    assert carried != NoisyLine(noise, "out").carry(sent)


def test_segments_hold_every_beat_once():
    """However much of an offer is taken; and no offer produces more results than allowed."""
    draws = random.Random(os.environ["SEED"])
    a = draw_matrix(draws, CONFIG.activation.default, (11, 7))
    b = draw_matrix(draws, CONFIG.weight.default, (7, 6))
    schedule = Schedule.of(CONFIG, a, b)
    results = 0
    transfers = schedule.transfers(a, b)
    sent: dict[int, bytes] = {WEIGHTS: b"", ACTIVATIONS: b""}
    for segment in segments(schedule, a, b):
        while not segment.finished:
            most_results = draws.randint(0, 3)
            offer = segment.offer(64, most_results)
            assert len(offer) <= 64 and len(offer) % segment.size == 0
            taken = draws.randint(0, len(offer) // segment.size) * segment.size
            beats, given = segment.take(taken)
            sent[segment.stream] += offer[:taken]
            assert beats * segment.size == taken and given <= most_results
            results += given
    assert results == 11 * schedule.n_tiles
    weights = np.frombuffer(sent[WEIGHTS], weight_beat(CONFIG))
    assert (weights["lanes"] == transfers.weights).all() and (
        weights["last"] == transfers.tile_end
    ).all()
    rows = np.frombuffer(sent[ACTIVATIONS], activation_beat(CONFIG))
    assert (rows["lanes"] == transfers.activations).all() and (rows["row"] == transfers.row).all()
    for bit, flag in enumerate(FLAGS):
        assert (rows["flags"] >> bit & 1 == getattr(transfers, flag)).all()


def test_a_lost_port_is_an_error():
    """As after a cable is pulled, both ends of the line are gone."""
    board_end, host_end = os.openpty()
    tty.setraw(host_end)
    connection = Connection(os.ttyname(host_end), BAUD)
    os.close(board_end)
    os.close(host_end)
    with pytest.raises(BoardError, match="was lost: "):
        connection.read(0, 1)
    connection.close()
