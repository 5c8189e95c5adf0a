"""Finishing: connect the finished sums of the result buffer to the result port of a unit."""

from amaranth.hdl import Module, Mux
from amaranth.lib.wiring import connect, flipped

from ..hierarchy import instantiate
from .config import MatrixUnitConfig
from .float_results import FloatResults


def conversion_latency(config: MatrixUnitConfig) -> int:
    """Return the cycles from a row of finished sums to the row of results."""
    same = config.result_format == config.sum_format
    return 0 if same else FloatResults.latency_of(config)


def connect_results(m: Module, platform, config: MatrixUnitConfig, sums, results) -> None:
    """Connect `sums` to `results`, and convert the lanes if necessary.

    Latency `conversion_latency(config)`.

    Parameters
    ----------
    sums : stream of sum_row_layout(config)
        A port of a submodule.
    results : stream of result_layout(config)
        A port of the component that `m` belongs to.
    """
    if conversion_latency(config):
        floats = instantiate(m, "float_results", platform, FloatResults, config=config)
        connect(m, sums, floats.i)
        connect(m, flipped(results), floats.o)
        return
    if not config.arithmetic.flags and not config.chained:
        connect(m, flipped(results), sums)
        return
    m.d.comb += [
        results.valid.eq(sums.valid),
        sums.ready.eq(results.ready),
        results.payload.end.eq(sums.payload.end),
    ]
    for lane, total in zip(results.payload.lanes, sums.payload.lanes, strict=True):
        if config.arithmetic.flags:
            total = Mux(total[0], config.accumulator.minimum, total[1:].as_signed())
        m.d.comb += lane.eq(total)
