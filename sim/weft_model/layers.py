"""Layers of a network as matrix products, read from SCALE-Sim's topology files."""

import csv
from dataclasses import dataclass
from pathlib import Path

WORKLOADS = Path(__file__).with_name("workloads")

# Columns after the name, in SCALE-Sim v2 (scalesim/topology_utils.py); strides may be one or two.
GEMM = ("m", "n", "k")
CONVOLUTION = (
    *("ifmap height", "ifmap width", "filter height", "filter width"),
    *("channels", "num filter", "stride height", "stride width"),
)
DEPTHWISE = "DP"


@dataclass(frozen=True)
class Layer:
    """A[M, K] . B[K, N], `count` times: more than once where a convolution is depthwise."""

    name: str
    m: int
    k: int
    n: int
    count: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.k * self.n * self.count


def read_layers(path: Path) -> list[Layer]:
    """The layers of a topology file, of the GEMM kind or of the convolution kind.

    The kind is told by the head: `Layer, M, N, K` or `Layer name, IFMAP Height, ...`. A line may
    end in a comma, as SCALE-Sim's do. A convolution of F x F over C channels becomes a product
    with one row for each output pixel, K = F F C and N filters; its input is given with its
    padding. Layers whose names hold "DP" are depthwise: a product for each channel.

    Raises
    ------
    ValueError
        With the line and what would be right.
    OSError
        If there is no such file.
    """
    try:
        with path.open(newline="") as file:
            lines = [(number, _cells(row)) for number, row in enumerate(csv.reader(file), 1)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a topology file: {error}") from error
    lines = [(number, cells) for number, cells in lines if cells]
    if not lines:
        raise ValueError(f"{path} is empty: write a head, `Layer, M, N, K`, and a line a layer")
    if len(lines) == 1:
        raise ValueError(f"{path} has a head but no layers: write a line a layer below it")
    read = _reader_for(path, lines[0][1])
    return [read(_Line(path, number, cells)) for number, cells in lines[1:]]


@dataclass(frozen=True)
class _Line:
    """A line of a file, to read numbers from and to blame."""

    path: Path
    number: int
    cells: list[str]

    def wrong(self, sentence: str) -> ValueError:
        return ValueError(f"{self.path}, line {self.number}: {sentence}")

    def numbers(self, names: tuple[str, ...], least: int) -> list[int]:
        texts = self.cells[1:]
        if not least <= len(texts) <= len(names):
            wanted = f"{least}" if least == len(names) else f"{least} or {len(names)}"
            raise self.wrong(
                f"{wanted} numbers must follow the name ({', '.join(names)}), not {len(texts)}"
            )
        found = []
        for name, text in zip(names, texts, strict=False):
            if not text.isdecimal() or int(text) < 1:
                raise self.wrong(f"{name} must be an integer of at least 1, not {text!r}")
            found.append(int(text))
        return found


def _cells(row: list[str]) -> list[str]:
    cells = [cell.strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _reader_for(path: Path, head: list[str]):
    names = tuple(name.lower() for name in head[1:])
    if names[:3] == GEMM:
        return _read_gemm
    if len(names) >= 7 and names[0].startswith("ifmap"):
        return _read_convolution
    raise ValueError(
        f"{path}, line 1: the head must be `Layer, M, N, K` or `Layer name, IFMAP Height, "
        "IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides`, "
        f"not {', '.join(head)!r}"
    )


def _read_gemm(line: _Line) -> Layer:
    m, n, k = line.numbers(GEMM, 3)
    return Layer(line.cells[0], m, k, n)


def _read_convolution(line: _Line) -> Layer:
    numbers = line.numbers(CONVOLUTION, 7)
    height, width, filter_height, filter_width, channels, filters, *strides = numbers
    if filter_height > height or filter_width > width:
        raise line.wrong(
            f"the filter, {filter_height} x {filter_width}, is larger than the input, "
            f"{height} x {width}"
        )
    # SCALE-Sim rounds up where the stride does not divide.
    pixels = -(-(height - filter_height + strides[0]) // strides[0])
    pixels *= -(-(width - filter_width + strides[-1]) // strides[-1])
    window = filter_height * filter_width
    if DEPTHWISE in line.cells[0]:
        return Layer(line.cells[0], pixels, window, filters, count=channels)
    return Layer(line.cells[0], pixels, window * channels, filters)
