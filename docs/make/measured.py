"""Measured parts of the Markdown files: figures from the results that commands leave under build.

A part stands between `<!-- measured: name -->` and `<!-- end -->`, on lines of its own or within a
line.
"""

import re
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).parents[1]
MEASURED = re.compile(r"(?s)(<!-- measured: (\w+) -->(\n?)).*?(<!-- end -->)")


def names_in(page: Path) -> list[str]:
    """Names of the measured parts of a page, in order."""
    return [name for _, name, _, _ in MEASURED.findall(page.read_text())]


def rewrite(page: Path, part: Callable[[str], str | None]) -> None:
    """Replace the measured parts of a page.

    Parameters
    ----------
    part : callable
        Returns the text of the part with the given name; None leaves the part as it is.
    """

    def replaced(match: re.Match) -> str:
        text = part(match[2])
        return match[0] if text is None else f"{match[1]}{text}{match[3]}{match[4]}"

    page.write_text(MEASURED.sub(replaced, page.read_text()))


def read_table(page: str, name: str) -> list[dict[str, str]]:
    """The rows of a table that a measured part holds, by the headings of its columns.

    Parameters
    ----------
    page : str
        Name of the page, without `.md`.
    name : str
        Name of the part.
    """
    found = re.search(rf"<!-- measured: {name} -->\n(.*?)<!-- end -->", _text(page), re.DOTALL)
    if not found:
        raise ValueError(f"docs/{page}.md has no measured part {name}")
    heads, _, *rows = (
        [cell.strip(" *") for cell in line.strip("|").split("|")] for line in found[1].splitlines()
    )
    return [dict(zip(heads, row, strict=True)) for row in rows]


def _text(page: str) -> str:
    return (DOCS / f"{page}.md").read_text()
