"""Lines of bytes in a memory: their rows, beats and bursts."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from benches.bits import join


@dataclass(frozen=True, kw_only=True)
class Line:
    """Bytes from an address on; `ends` says that it is the last line of its instruction."""

    address: int
    data: bytes
    ends: bool

    def rows(self, row_bytes: int) -> Iterator[dict[str, int]]:
        """Yield the fields of its rows; bytes behind the end of the line are not zero."""
        for first in range(0, len(self.data), row_bytes):
            part = self.data[first : first + row_bytes]
            last = first + row_bytes >= len(self.data)
            yield {
                "data": int.from_bytes(part + b"\xee" * (row_bytes - len(part)), "little"),
                "address": self.address + first,
                "bytes": len(part),
                "ends_line": last,
                "ends": last and self.ends,
            }

    def beats(self, beat_bytes: int) -> Iterator[dict[str, int]]:
        """Yield the fields of its beats."""
        last = (self.address + len(self.data) - 1) // beat_bytes
        for number in range(self.address // beat_bytes, last + 1):
            places = [number * beat_bytes + byte - self.address for byte in range(beat_bytes)]
            inside = [0 <= place < len(self.data) for place in places]
            lanes = [self.data[p] if known else 0 for p, known in zip(places, inside, strict=True)]
            yield {
                "data": join(lanes, 8),
                "strobes": join(inside, 1),
                "number": number,
                "ends_line": number == last,
                "ends": number == last and self.ends,
            }

    def bursts(self, beat_bytes: int, burst_beats: int) -> Iterator[dict[str, int]]:
        """Yield the fields of its bursts, which end at multiples of `burst_beats` beats."""
        beats = list(self.beats(beat_bytes))
        first = 0
        for at, beat in enumerate(beats, 1):
            if beat["ends_line"] or (beat["number"] + 1) % burst_beats == 0:
                number = beats[first]["number"]
                yield {"number": number, "length": at - first - 1, "ends": beat["ends"]}
                first = at


def random_lines(
    source: random.Random, count: int, *, most: int, memory: range = range(1 << 16)
) -> list[Line]:
    """Return lines of up to `most` bytes somewhere in a memory; the last one ends."""
    lines = []
    for number in range(count):
        size = source.choice([1, source.randint(1, 8), source.randint(1, most), most])
        address = source.randint(memory.start, memory.stop - size)
        if source.random() < 0.4:
            address &= -64
        ends = number == count - 1 or source.random() < 0.3
        lines.append(Line(address=address, data=source.randbytes(size), ends=ends))
    return lines
