"""Framing: every frame is received, and everything else is rejected."""

import zlib

import cocotb

from benches.coroutines import TIMEOUT, randomness, read, start, tick
from benches.runner import on_simulators
from weft.host_link.frame_check import FrameCheck
from weft.host_link.frame_receiver import FrameReceiver
from weft.host_link.frame_transmitter import FrameTransmitter
from weft.host_link.protocol import ESCAPE, FLAG
from weft_sim.board.frames import FrameDecoder, encode
from weft_sim.cocotb_streams import Stream, send, throttle, watch
from weft_sim.stalls import random_bools, random_gaps

# Cycles between two bytes: the fewest that the receiver allows, and more.
SPACINGS = (10, 11, 23)
ONLY = {"": ()}
REVERSED_POLYNOMIAL = 0xEDB88320
RESIDUE = 0xDEBB20E3
# Bytes that are escaped, and their escaped forms.
ODD = (FLAG, ESCAPE, FLAG ^ 0x20, ESCAPE ^ 0x20)
# Trouble before a frame, or unusual forms of a frame.
TROUBLES = ("none", "garbage", "cut", "abort", "flip", "error", "shared", "escaped")


@on_simulators("nothing", ONLY)
def test_frame_check(simulate, nothing):
    simulate([equals_crc32], FrameCheck)


@on_simulators("nothing", ONLY)
def test_frame_receiver(simulate, nothing):
    simulate([takes_every_frame_and_nothing_else], FrameReceiver)


@on_simulators("nothing", ONLY)
def test_frame_transmitter(simulate, nothing):
    simulate([sends_what_the_encoder_writes], FrameTransmitter)


def test_encoder_conforms_to_rfc_1662():
    assert encode(b"123456789") == b"~123456789" + bytes.fromhex("2639f4cb") + b"~"
    assert encode(b"\x7d\x7e\x5d")[1:6] == b"\x7d\x5d\x7d\x5e\x5d"


def test_decoder_takes_every_frame_byte_by_byte():
    decoder = FrameDecoder()
    contents = [bytes([FLAG, ESCAPE, 0]), b"", bytes(range(256))]
    raw = b"noise~" + b"".join(encode(content) for content in contents) + b"\x7d~~"
    assert [c for byte in raw for c in decoder.feed(bytes([byte]))] == contents
    assert decoder.broken == 2


def draw_content(source) -> bytes:
    """Return random bytes, many of which need escapes."""
    size = source.choice([0, 1, 2, source.randrange(30)])
    return bytes(source.choice([*ODD, source.randrange(256)]) for _ in range(size))


def almost_right(check: bytes, bit: int) -> bytes:
    """Return a wrong check sequence after which one bit of the register is not that of the residue.

    After the correct sequence, every bit of the register differs from that of the sequence, and 32
    steps lead from there to the residue. Stepping back from a residue with one flipped bit gives
    the bits to change.
    """
    register = RESIDUE ^ 1 << bit
    for _ in range(32):
        high = register >> 31
        register = (register ^ high * REVERSED_POLYNOMIAL) << 1 & 0xFFFFFFFF | high
    differs = register ^ 0xFFFFFFFF
    return (int.from_bytes(check, "little") ^ differs).to_bytes(4, "little")


async def update(dut, byte: int):
    dut.data.value = byte
    dut.update.value = 1
    await tick(dut)
    dut.update.value = 0
    await tick(dut)
    while read(dut, "busy"):
        await tick(dut)


@cocotb.test(**TIMEOUT)
async def equals_crc32(dut):
    """`match` is high only after the check sequence; `low` outputs that sequence."""
    source = randomness()
    await start(dut)
    for _ in range(40):
        # Clear in the middle of a byte.
        dut.update.value = 1
        for _ in range(source.randrange(1, 9)):
            await tick(dut)
            dut.update.value = 0
        dut.clear.value = 1
        await tick(dut)
        dut.clear.value = 0
        content = draw_content(source)
        for byte in content:
            await update(dut, byte)
            await tick(dut)
            assert not read(dut, "match")
        given = bytearray()
        for _ in range(4):
            await tick(dut)
            given.append(read(dut, "low") ^ 0xFF)
            await update(dut, read(dut, "low"))
        assert bytes(given) == zlib.crc32(content).to_bytes(4, "little")
        wrong = almost_right(given, source.randrange(32))
        for check in (given, wrong):
            dut.clear.value = 1
            await tick(dut)
            dut.clear.value = 0
            for byte in content + bytes(check):
                await update(dut, byte)
            await tick(dut)
            assert read(dut, "match") == (check is given)


def escape_everything(content: bytes) -> bytes:
    """Return a frame in which every byte that can be escaped is escaped, even if not needed."""
    checked = content + zlib.crc32(content).to_bytes(4, "little")
    kept = FLAG ^ 0x20
    escaped = b"".join(
        bytes([byte]) if byte == kept else bytes([ESCAPE, byte ^ 0x20]) for byte in checked
    )
    return bytes([FLAG]) + escaped + bytes([FLAG])


class Receiver:
    """Feeds raw bytes, and records the content of each frame, or None if it is broken."""

    def __init__(self, dut):
        self.dut = dut
        self.content = bytearray()
        self.frames: list[bytes | None] = []
        self._fed = False

    async def feed(self, raw: bytes, spacing: int):
        for byte in raw:
            await self._cycle(byte)
            for _ in range(spacing - 1):
                await self._cycle(None)

    async def lose_a_byte(self):
        self.dut.line_error.value = 1
        await self._cycle(None)
        self.dut.line_error.value = 0

    async def _cycle(self, byte: int | None):
        dut = self.dut
        dut.i__valid.value = byte is not None
        # Without `valid` this must have no effect.
        dut.i__payload.value = FLAG if byte is None else byte
        await tick(dut)
        assert self._fed or not (read(dut, "o__valid") or read(dut, "flag")), "latency is not 1"
        self._fed = byte is not None
        if read(dut, "o__valid"):
            self.content.append(read(dut, "o__payload"))
        if read(dut, "flag"):
            if read(dut, "begun"):
                good = read(dut, "good")
                self.frames.append(bytes(self.content[:-4]) if good else None)
            self.content.clear()

    def taken(self) -> list[bytes | None]:
        frames, self.frames = self.frames, []
        return frames


@cocotb.test(**TIMEOUT)
async def takes_every_frame_and_nothing_else(dut):
    """Among all kinds of trouble, every complete frame is taken, and nothing else."""
    source = randomness()
    await start(dut)
    receiver = Receiver(dut)
    await receiver.feed(bytes([FLAG]), 10)
    assert receiver.taken() == []
    for _ in range(60):
        spacing = source.choice(SPACINGS)
        content = draw_content(source) + b"x"
        frame = encode(content)
        trouble = source.choice(TROUBLES)
        if trouble == "garbage":
            await receiver.feed(source.randbytes(source.randrange(1, 9)), spacing)
        elif trouble == "cut":
            await receiver.feed(frame[: source.randrange(2, len(frame) - 1)], spacing)
        elif trouble == "abort":
            await receiver.feed(frame[:-1] + bytes([ESCAPE, FLAG]), spacing)
        elif trouble == "flip":
            at = source.randrange(1, len(frame) - 1)
            flipped = bytes([frame[at] ^ 1 << source.randrange(8)])
            await receiver.feed(frame[:at] + flipped + frame[at + 1 :], spacing)
        elif trouble == "error":
            await receiver.feed(frame[: source.randrange(1, len(frame))], spacing)
            await receiver.lose_a_byte()
        elif trouble == "shared":
            await receiver.feed(encode(content)[:-1], spacing)
        elif trouble == "escaped":
            frame = escape_everything(content)
        await receiver.feed(frame, spacing)
        frames = receiver.taken()
        assert frames[-1] == content, trouble
        if trouble == "shared":
            assert frames == [content, content]
        else:
            assert not any(frames[:-1]), f"{trouble} made a frame: {frames}"
        if trouble in ("abort", "error"):
            assert frames[0] is None, f"{trouble} was not detected"


@cocotb.test(**TIMEOUT)
async def sends_what_the_encoder_writes(dut):
    """The bytes are those of the encoder, with any gaps at the input and any back-pressure."""
    source = randomness()
    await start(dut)
    items, line = Stream.amaranth(dut, "i"), Stream.amaranth(dut, "o")
    sent = bytearray()
    cocotb.start_soon(watch(line, lambda payload: sent.append(payload[0])))
    for likely, gap in ((1.0, 0.0), (0.3, 0.0), (0.5, 0.3), (0.03, 0.0)):
        contents = [draw_content(source) for _ in range(8)]
        throttling = cocotb.start_soon(throttle(line, random_bools(source, likely)))
        beats = [(item,) for content in contents for item in (*content, 1 << 8)]
        await send(items, beats, random_gaps(source, gap, 30))
        expected = b"".join(encode(content) for content in contents)
        while len(sent) < len(expected):
            await tick(dut)
        for _ in range(100):
            await tick(dut)
        assert bytes(sent) == expected
        sent.clear()
        throttling.cancel()
