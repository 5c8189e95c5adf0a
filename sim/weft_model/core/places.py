"""Rules for the places that one instruction reads and writes."""

import math
from collections.abc import Iterator

from weft.isa.requirements import Requirements

from .accesses import Access, Space, place_name, space_size


def violations(found: list[Access], needs: Requirements) -> Iterator[str]:
    """Yield a sentence for each rule that the accesses of an instruction break.

    All places must exist. No place in the core is written twice. What is written is visited in the
    same order as what is read, or is disjoint from it.
    """
    for access in found:
        outside = _outside(access, space_size(access.space, needs))
        if outside is not None:
            yield outside
            # The exact places may be too many.
            return
    inside = [access for access in found if access.space < Space.REGION]
    for write in (access for access in inside if access.write):
        if write.walk is not None:
            _, loops, size = write.walk
            visits = size * math.prod(count for count, _ in loops)
            if write.runs.count != visits:
                yield f"{write.operand} must not write a {_row_of(write)} twice"
        for read in (access for access in inside if not access.write):
            yield from _overlap(read, write)


def _outside(access: Access, size: int) -> str | None:
    place = access.low if access.low < 0 else access.high - 1
    if 0 <= place < size:
        return None
    return (
        f"{access.operand} reaches {place_name(access.space, place)}, but the program needs only "
        f"{size:,}"
    )


def _row_of(access: Access) -> str:
    return place_name(access.space, 0).removesuffix(" 0")


def _overlap(read: Access, write: Access) -> Iterator[str]:
    if read.space != write.space or read.walk == write.walk:
        return
    if read.low < write.high and write.low < read.high:
        place = read.runs.first_common(write.runs)
        if place is not None:
            yield (
                f"{write.operand} must equal the walk of {read.operand} or be disjoint from it, "
                f"but both have {place_name(write.space, place)}"
            )
