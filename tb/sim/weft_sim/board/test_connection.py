"""The host's end of the line: who is refused, what is asked again, and what is sent."""

import os
import random
import threading
import tty

import numpy as np
import pytest

from benches.products import draw_matrix
from weft import MatrixUnitConfig
from weft.host_link.beat_formats import ACTIVATIONS, FLAGS, WEIGHTS, activation_beat, weight_beat
from weft.host_link.protocol import PROTOCOL_VERSION, Status
from weft.host_link.registers import ADDRESSES, HostParameters, constants
from weft_model import Schedule
from weft_sim.board import BoardError, BoardMatrixUnit, board_matrix_unit
from weft_sim.board.connection import Connection
from weft_sim.board.frames import Decoder, encode
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
    """A connection to a board of which only the registers are known."""

    def __init__(self, config, **changed):
        self.words = list(constants(host_of(config)))
        for name, word in changed.items():
            self.words[ADDRESSES[name]] = word
        self.closed = False

    def hello(self):
        pass

    def read(self, address, count):
        return self.words[address : address + count]

    def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"magic": 7}, "what answers at PORT is no Weft board"),
        ({"protocol_version": 9}, f"speaks version 9 of the .* driver version {PROTOCOL_VERSION}"),
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


def test_silence_and_missing_ports_are_errors():
    with pytest.raises(BoardError, match="/dev/missing cannot be opened at 115200 baud: "):
        BoardMatrixUnit("/dev/missing", baud=BAUD)
    ours, theirs = os.openpty()
    port = os.ttyname(theirs)
    with pytest.raises(BoardError, match=rf"{port} does not answer: HELLO was sent 20 times at"):
        BoardMatrixUnit(port, baud=BAUD, patience=0.005)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def line():
    """Both ends of a line: a file descriptor, and the port at its other end."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def answer_requests(ours, *answers):
    """In a thread: answer each request that comes; `answers` make a response of its content."""

    def serve():
        decoder = Decoder()
        for answer in answers:
            contents = []
            while not contents:
                contents = decoder.feed(os.read(ours, 100))
            os.write(ours, answer(contents[0]))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_an_answer_is_the_one_to_the_request(line):
    """Not one to a request before, not one of other bytes, not a broken one."""
    ours, port = line
    one = bytes([1, 0, 0, 0])

    def right(content):
        return encode(bytes([content[0], Status.OK.value]) + one)

    def stale(content):
        return encode(bytes([content[0] - 1 & 0xFF, Status.OK.value]) + bytes(4))

    def odd(content):
        return encode(bytes([content[0], 99]) + bytes(4)) + encode(b"")

    def broken(content):
        return right(content).replace(one, bytes(4))

    answers = (right, lambda c: stale(c) + right(c), stale, right, odd, right, broken, right)
    thread = answer_requests(ours, *answers)
    connection = Connection(port, BAUD, patience=0.05)
    for retries in (0, 0, 1, 2, 3):
        assert connection.read(7, 1) == [1]
        assert connection.retries == retries
    thread.join()
    connection.close()


def test_a_refusal_is_told(line):
    ours, port = line
    thread = answer_requests(ours, lambda c: encode(bytes([c[0], Status.BAD_ADDRESS.value])))
    connection = Connection(port, BAUD)
    with pytest.raises(BoardError, match="refuses READ: a register does not exist"):
        connection.read(200, 1)
    thread.join()
    connection.close()


def test_noise_is_drawn_from_its_seed():
    sent = bytes(range(256)) * 8
    assert NoisyLine(Noise(), "in").carry(sent) == sent
    noise = Noise(seed=3, flipped=0.01, dropped=0.01, duplicated=0.01, garbage=0.01)
    carried = NoisyLine(noise, "in").carry(sent)
    assert carried == NoisyLine(noise, "in").carry(sent) != sent
    assert carried != NoisyLine(noise, "out").carry(sent)


def test_segments_hold_every_beat_once():
    """Whatever is taken of an offer; and an offer brings no more results about than it may."""
    draws = random.Random(os.environ["SEED"])
    a = draw_matrix(draws, CONFIG.activation, (11, 7))
    b = draw_matrix(draws, CONFIG.weight, (7, 6))
    schedule = Schedule.of(CONFIG, a, b)
    results = 0
    transfers = schedule.transfers(a, b)
    sent: dict[int, bytes] = {WEIGHTS: b"", ACTIVATIONS: b""}
    for segment in segments(schedule, a, b):
        while not segment.finished:
            room = draws.randint(0, 3)
            offer = segment.offer(64, room)
            assert len(offer) <= 64 and len(offer) % segment.size == 0
            taken = draws.randint(0, len(offer) // segment.size) * segment.size
            beats, given = segment.take(taken)
            sent[segment.stream] += offer[:taken]
            assert beats * segment.size == taken and given <= room
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


def test_a_lost_port_is_told():
    """As where a cable is pulled: both ends of the line are gone."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    connection = Connection(os.ttyname(theirs), BAUD)
    os.close(ours)
    os.close(theirs)
    with pytest.raises(BoardError, match="was lost: "):
        connection.read(0, 1)
    connection.close()
