"""Frames of the host link: encode contents, and decode received bytes."""

import zlib

from weft.host_link.protocol import CHECK_BYTES, ESCAPE, ESCAPE_BIT, FLAG

ESCAPES = {byte: bytes([ESCAPE, byte ^ (1 << ESCAPE_BIT)]) for byte in (FLAG, ESCAPE)}


def encode(content: bytes) -> bytes:
    """Return the frame of `content`: with check sequence, escapes and flags."""
    checked = content + zlib.crc32(content).to_bytes(CHECK_BYTES, "little")
    for byte in (ESCAPE, FLAG):
        checked = checked.replace(bytes([byte]), ESCAPES[byte])
    return bytes([FLAG]) + checked + bytes([FLAG])


class FrameDecoder:
    """Decode frames from received bytes, in chunks of any size.

    Members
    -------
    broken : number of invalid frames, which are dropped
    """

    def __init__(self):
        self.broken = 0
        self._pending = bytearray()

    def feed(self, received: bytes) -> list[bytes]:
        """Return the contents of the frames that end in these bytes."""
        self._pending += received
        *ended, rest = bytes(self._pending).split(bytes([FLAG]))
        self._pending = bytearray(rest)
        contents = [_content(between) for between in ended if between]
        self.broken += contents.count(None)
        return [content for content in contents if content is not None]


def _content(between: bytes) -> bytes | None:
    """Return the content of the bytes between two flags, or None if they are no valid frame."""
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
