"""Layers of a network as matrix products, read from SCALE-Sim's topology files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .topology import CONVOLUTION, GEMM, read_topology

WORKLOADS = Path(__file__).with_name("workloads")
NETWORKS = tuple(sorted(path.stem for path in WORKLOADS.glob("*.csv")))

DEPTHWISE = "DP"


@dataclass(frozen=True)
class Layer:
    """A product A[M, K] . B[K, N], repeated `count` times, once per channel if depthwise."""

    name: str
    m: int
    k: int
    n: int
    count: int = 1

    @property
    def macs(self) -> int:
        """Number of multiply-accumulates."""
        return self.m * self.k * self.n * self.count


@dataclass(frozen=True)
class Network:
    """A topology file: its name and its layers."""

    name: str
    layers: list[Layer]


def whole_windows(*, size: int, window: int, stride: int) -> int:
    """Return the outputs of a convolution along one side: whole windows, `stride` apart."""
    return (size - window) // stride + 1


def scale_sim_windows(*, size: int, window: int, stride: int) -> int:
    """Count windows like SCALE-Sim: one more if the last window does not end at `size`."""
    return -(-(size - window) // stride) + 1


def read_layers(path: Path, windows: Callable[..., int] = whole_windows) -> list[Layer]:
    """Return the layers of a topology file of the GEMM or the convolution kind.

    A convolution of F x F over C channels becomes a product with one row for each output pixel of
    each input, K = F F C and N filters; `windows` counts the outputs along one side. A layer
    with "DP" in its name is depthwise: one product for each channel, with K = F F.

    Raises
    ------
    ValueError
        The message has the line and what would be right.
    OSError
        If the file cannot be read.
    """
    builders = {GEMM: _product, CONVOLUTION: partial(_convolution, windows)}
    return read_topology(path, builders)


def read_network(given: str | None, windows: Callable[..., int] = whole_windows) -> Network:
    """Read a topology file, or one of `NETWORKS` by name.

    Raises
    ------
    ValueError
        Like `read_layers`; or if there is no such file or network, with the names of all networks.
    OSError
        If the file cannot be read.
    """
    path = _topology_file(given)
    return Network(path.stem, read_layers(path, windows))


def _topology_file(given: str | None) -> Path:
    wanted = f"name a topology file, or one of the networks {', '.join(NETWORKS)}"
    if not given:
        raise ValueError(f"no layers: {wanted}, by --layers FILE (LAYERS=FILE with make)")
    path = Path(given)
    if path.exists() and not path.is_dir():
        return path
    if given in NETWORKS:
        return WORKLOADS / f"{given}.csv"
    if path.is_dir():
        raise ValueError(f"{given} is a folder: {wanted}")
    raise ValueError(f"there is no file {given}: {wanted}")


def _product(*, layer: str, m: int, n: int, k: int, batch_size: int) -> Layer:
    return Layer(layer, m * batch_size, k, n)


def _convolution(
    windows: Callable[..., int],
    *,
    layer: str,
    ifmap_height: int,
    ifmap_width: int,
    filter_height: int,
    filter_width: int,
    channels: int,
    num_filter: int,
    stride_height: int,
    stride_width: int,
    padding: int,
    batch_size: int,
) -> Layer:
    height, width = ifmap_height + 2 * padding, ifmap_width + 2 * padding
    if filter_height > height or filter_width > width:
        raise ValueError(
            f"the filter, {filter_height} x {filter_width}, is larger than the input, "
            f"{height} x {width} with its padding"
        )
    m = batch_size
    m *= windows(size=height, window=filter_height, stride=stride_height)
    m *= windows(size=width, window=filter_width, stride=stride_width)
    window = filter_height * filter_width
    if DEPTHWISE in layer:
        return Layer(layer, m, window, num_filter, count=channels)
    return Layer(layer, m, window * channels, num_filter)
