"""SCALE-Sim's topology files: their columns, and the numbers of each line by name."""

import csv
import io
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

GEMM, CONVOLUTION = "GEMM", "convolution"
KINDS = (GEMM, CONVOLUTION)

Built = TypeVar("Built")

# Quotes text of a file, which may be of any length.
_quote = reprlib.Repr()
_quote.maxstring = 60


@dataclass(frozen=True)
class CellRule:
    """Legal text in the cells of a column: it matches `pattern`, and `legal` describes it."""

    pattern: str
    legal: str
    read: Callable[[str], Any] = int


FROM_0 = CellRule("[0-9]{1,12}", "an integer from 0 to 999,999,999,999")
FROM_1 = CellRule("(?!0+$)[0-9]{1,12}", "an integer from 1 to 999,999,999,999")
NAME = CellRule(".+", "a name", str)
DENSE = CellRule(r"0*([1-9][0-9]*):0*\1", "dense, such as 1:1 (sparsity is not modelled)", str)


@dataclass(frozen=True)
class Column:
    """A column of a topology file.

    Parameters
    ----------
    name : str
        Name in the heading; case, spaces and underscores do not matter.
    kinds : tuple of str
        Kinds of file with this column.
    meaning : str
        One or two sentences.
    aliases : tuple of str
        Other names of the column.
    gives : tuple of str, optional
        Arguments of a builder that receive its value; by default, the one with its own name.
    cell : CellRule
        Legal contents of its cells.
    default : str, optional
        Value of an empty cell or a missing column; None if a value is required.
    """

    name: str
    _: KW_ONLY
    kinds: tuple[str, ...]
    meaning: str
    aliases: tuple[str, ...] = ()
    gives: tuple[str, ...] | None = None
    cell: CellRule = FROM_1
    default: str | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments that receive its value."""
        own = (self.name.lower().replace(" ", "_"),)
        return own if self.gives is None else self.gives


_gemm = partial(Column, kinds=(GEMM,))
_convolution = partial(Column, kinds=(CONVOLUTION,))
_both = partial(Column, kinds=KINDS)

COLUMNS = (
    _both(
        "Layer",
        meaning="Name of the layer. A convolution with `DP` in its name is depthwise.",
        aliases=("Layer name",),
        cell=NAME,
    ),
    _gemm("M", meaning="Rows of A and of the product."),
    _gemm("N", meaning="Columns of B and of the product."),
    _gemm("K", meaning="Columns of A and rows of B."),
    _convolution("IFMAP Height", meaning="Height of the input, without padding."),
    _convolution("IFMAP Width", meaning="Width of the input, without padding."),
    _convolution("Filter Height", meaning="Height of a filter."),
    _convolution("Filter Width", meaning="Width of a filter."),
    _convolution("Channels", meaning="Channels of the input."),
    _convolution(
        "Num Filter",
        meaning="Number of filters. In a depthwise layer, filters for each channel.",
        aliases=("Num Filters",),
    ),
    _convolution(
        "Strides",
        meaning="Stride in both directions.",
        aliases=("Stride",),
        gives=("stride_height", "stride_width"),
    ),
    _convolution("Stride Height", meaning="Vertical stride, if the two differ."),
    _convolution("Stride Width", meaning="Horizontal stride, if the two differ."),
    _convolution(
        "Padding",
        meaning="Rows and columns of zeros added on each of the four sides of the input.",
        cell=FROM_0,
        default="0",
    ),
    _both(
        "Batch Size",
        meaning="Inputs that share the weights. M is multiplied by it.",
        aliases=("Batch",),
        default="1",
    ),
    _both(
        "Sparsity",
        meaning="Weights other than zero in each group. Only dense layers are modelled.",
        aliases=("Sparsity Ratio",),
        gives=(),
        cell=DENSE,
        default="1:1",
    ),
)


def read_topology(path: Path, builders: Mapping[str, Callable[..., Built]]) -> list[Built]:
    """Return the result of a builder for each layer of a file, in the order of the file.

    The builder for the kind of the file is called for each layer, with the values of its columns as
    keyword arguments. Columns may be in any order. Blank lines are skipped; text after the named
    columns is a remark and is ignored.

    Raises
    ------
    ValueError
        The message has the line, what is wrong and what would be right.
    OSError
        If the file cannot be read.
    """
    lines = _lines(path)
    if not lines:
        raise ValueError(f"{path} is empty: it needs a heading and a line for each layer")
    (number, heading), *rows = lines
    with _blaming(path, number):
        columns = _columns(heading)
        kind = _kind(columns)
    if not rows:
        raise ValueError(f"{path} has a heading but no layers: it needs a line for each layer")
    built = []
    for number, cells in rows:
        with _blaming(path, number):
            built.append(builders[kind](**_arguments(columns, kind, cells)))
    return built


@contextmanager
def _blaming(path: Path, number: int) -> Iterator[None]:
    try:
        yield
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}, line {number}: {error}") from None


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that is not blank, with its number."""
    lines = []
    # Lines may end as on any system.
    for number, line in enumerate(io.StringIO(_text(path), newline=None), 1):
        with _blaming(path, number):
            if "\0" in line:
                raise ValueError("the file must be UTF-8 text, but this line has a NUL byte")
            for row in csv.reader([line.strip()], skipinitialspace=True):
                cells = [cell.strip() for cell in row]
                if any(cells):
                    lines.append((number, cells))
    return lines


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before, byte = error.object[: error.start], error.object[error.start]
        number = 1 + len(re.findall(rb"\r\n?|\n", before))
        sentence = f"the file must be UTF-8, but this line has the invalid byte 0x{byte:02x}"
        raise ValueError(f"{path}, line {number}: {sentence}") from None
    except OSError as error:
        # A read error does not have the name of the file.
        raise OSError(error.errno, error.strerror, str(path)) from None


def _plain(name: str) -> str:
    return "".join(name.lower().replace("_", " ").split())


def _named(name: str) -> Column:
    for column in COLUMNS:
        if _plain(name) in map(_plain, (column.name, *column.aliases)):
            return column
    raise ValueError(f"{_quote.repr(name)} is not a known column: {_known_columns()}")


def _known_columns() -> str:
    names = {kind: ", ".join(c.name for c in COLUMNS if kind in c.kinds) for kind in KINDS}
    return "; ".join(f"a {kind} file has {names[kind]}" for kind in KINDS)


def _columns(heading: list[str]) -> list[Column | None]:
    """Return the column at each position of a heading; None if it has no name."""
    columns = [_named(name) if name else None for name in heading]
    given: dict[str, str] = {}
    for name, column in zip(heading, columns, strict=True):
        for value in (column.name, *column.arguments) if column else ():
            if value in given:
                raise ValueError(
                    f"the heading gives the same value twice, as {given[value]} and as {name}"
                )
            given[value] = name
    return columns


def _kind(columns: list[Column | None]) -> str:
    """Return the kind of a file with these columns, after checking that none is missing."""
    named = [column for column in columns if column]
    own = {kind: [column.name for column in named if column.kinds == (kind,)] for kind in KINDS}
    if all(own.values()):
        raise ValueError(
            f"{own[GEMM][0]} belongs to GEMM files and {own[CONVOLUTION][0]} to convolution files: "
            "a file is of one kind"
        )
    kind = CONVOLUTION if own[CONVOLUTION] else GEMM
    given = {argument for column in named for argument in column.arguments}
    missing = []
    for column in COLUMNS:
        needed = kind in column.kinds and column.default is None
        if needed and given.isdisjoint(column.arguments):
            missing.append(column.name)
            given.update(column.arguments)
    if missing:
        raise ValueError(f"the heading of a {kind} file must also have {', '.join(missing)}")
    return kind


def _arguments(columns: list[Column | None], kind: str, cells: list[str]) -> dict[str, Any]:
    """Return the contents of a line as arguments of a builder."""
    filled = [cell for cell in cells if cell]
    if len(filled) == 1:
        names = ", ".join(column.name for column in columns if column)
        raise ValueError(
            f"{_quote.repr(filled[0])} is alone on its line, but each line must be a layer: {names}"
        )
    # A number here may belong to a column that is missing in the heading; other text is a remark.
    for cell, column in zip_longest(cells, columns[: len(cells)]):
        if not column and re.match("[-+.]?[0-9]", cell):
            raise ValueError(
                f"{_quote.repr(cell)} is in a column that the heading does not name: "
                "name the column or remove the number"
            )
    texts = {column: cell for cell, column in zip(cells, columns, strict=False) if column}
    arguments = {}
    for column in COLUMNS:
        if kind not in column.kinds or (column not in columns and column.default is None):
            continue
        text = texts.get(column) or column.default or ""
        if not re.fullmatch(column.cell.pattern, text):
            raise ValueError(f"{column.name} must be {column.cell.legal}, not {_quote.repr(text)}")
        arguments |= dict.fromkeys(column.arguments, column.cell.read(text))
    return arguments
