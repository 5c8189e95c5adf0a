"""Frames of the host link: into bytes, and out of whatever bytes come."""

import zlib

from weft.host_link.protocol import CHECK_BYTES, ESCAPE, ESCAPE_BIT, FLAG

ESCAPES = {byte: bytes([ESCAPE, byte ^ (1 << ESCAPE_BIT)]) for byte in (FLAG, ESCAPE)}


def encode(content: bytes) -> bytes:
    """The frame that carries `content`: check sequence, escapes and flags around it."""
    checked = content + zlib.crc32(content).to_bytes(CHECK_BYTES, "little")
    for byte in (ESCAPE, FLAG):
        checked = checked.replace(bytes([byte]), ESCAPES[byte])
    return bytes([FLAG]) + checked + bytes([FLAG])


class Decoder:
    """Takes bytes as they come and gives the content of every whole frame.

    Members
    -------
    broken : how many frames were dropped
    """

    def __init__(self):
        self.broken = 0
        self._pending = bytearray()

    def feed(self, received: bytes) -> list[bytes]:
        """The contents of the frames that end in these bytes."""
        self._pending += received
        *ended, rest = bytes(self._pending).split(bytes([FLAG]))
        self._pending = bytearray(rest)
        contents = [_content(between) for between in ended if between]
        self.broken += contents.count(None)
        return [content for content in contents if content is not None]


def _content(between: bytes) -> bytes | None:
    """What the bytes between two flags carry; None if that is no frame."""
    plain = bytearray()
    escaped = 0
    for byte in between:
        if byte == ESCAPE and not escaped:
            escaped = 1 << ESCAPE_BIT
        else:
            plain.append(byte ^ escaped)
            escaped = 0
    content, check = bytes(plain[:-CHECK_BYTES]), plain[-CHECK_BYTES:]
    if escaped or zlib.crc32(content).to_bytes(CHECK_BYTES, "little") != check:
        return None
    return content
