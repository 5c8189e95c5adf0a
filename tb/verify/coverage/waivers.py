"""Waivers: points that no run can or has to reach, each with a name and a reason."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .points import Point

FIELDS = {"name", "reason", "points"}


@dataclass(frozen=True)
class Waiver:
    """The reason why some points need not be reached.

    `points`: patterns of points in their printed form, `<bench> <module> <what>`. In a pattern, `*`
    matches any text, and `[3..7,9]` matches one of the indices 3 to 7 and 9. The edge of a toggle,
    at the end, is optional.
    """

    name: str
    reason: str
    points: tuple[str, ...]


def read_waivers(path: Path) -> list[Waiver]:
    """Read the waivers of a TOML file; ValueError if one has no name, reason or points."""
    try:
        tables = tomllib.loads(path.read_text()).get("waiver", [])
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}") from error
    waivers = []
    for number, table in enumerate(tables, 1):
        if set(table) != FIELDS or not all(table.values()):
            raise ValueError(f"{path}: waiver {number} must have a name, a reason and points")
        waivers.append(Waiver(table["name"], table["reason"], tuple(table["points"])))
    names = [waiver.name for waiver in waivers]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: two waivers have the same name")
    return waivers


def apply(waivers: Iterable[Waiver], unreached: Iterable[Point]) -> dict[str, list[Point]]:
    """Return the unreached points that each waiver matches, by name of the waiver.

    Raises
    ------
    ValueError
        If a pattern matches none of them: an unused waiver could hide a later coverage hole.
    """
    by_text: dict[str, list[Point]] = {}
    for point in unreached:
        by_text.setdefault(str(point), []).append(point)
    texts = "\n".join(by_text)
    waived: dict[str, list[Point]] = {}
    stale = []
    for waiver in waivers:
        for pattern in waiver.points:
            found = [match[0] for match in _expression(pattern).finditer(texts)]
            if not found:
                stale.append(f"{waiver.name}: {pattern}")
            waived.setdefault(waiver.name, []).extend(p for text in found for p in by_text[text])
    if stale:
        raise ValueError("waivers that match no unreached point: " + "; ".join(stale))
    return waived


def _expression(pattern: str) -> re.Pattern:
    """Return an expression for whole lines that match a pattern."""
    expression = ""
    for part in re.split(r"(\*|\[\d[\d.,]*\])", pattern):
        if part == "*":
            expression += ".*"
        elif re.fullmatch(r"\[.+\]", part):
            indices = (index for span in part[1:-1].split(",") for index in _indices(span))
            expression += rf"\[(?:{'|'.join(map(str, indices))})\]"
        else:
            expression += re.escape(part)
    return re.compile(rf"(?m)^{expression}(?: 0->1| 1->0)?$")


def _indices(span: str) -> range:
    """Parse `3..7`, both included, or `9`."""
    first, _, last = span.partition("..")
    return range(int(first), int(last or first) + 1)
