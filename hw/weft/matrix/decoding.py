"""Decoding: connect a stream of rows as they cross a port to one of rows of array operands."""

from amaranth.hdl import Module
from amaranth.lib.wiring import connect, flipped

from ..array.float_edge import FloatEdge
from ..array.normalizing_edge import NormalizingEdge
from ..array.operand_edge import OperandEdge
from ..hierarchy import instantiate
from .config import MatrixUnitConfig

# Zero points of a row: one for all lanes of an activation row, one per lane of a weight row.
ZERO_POINTS = {"activation": "zero_point", "weight": "zero_points"}


def connect_decoded(
    m: Module, platform, config: MatrixUnitConfig, name: str, rows, decoded
) -> None:
    """Connect `rows`, of the layout of a port, to `decoded`, of that of the array.

    Latency 0. If the lanes are operands of the array as they are, this is a plain connection;
    otherwise the edge of the operand is between them.

    Parameters
    ----------
    name : str
        "activation" or "weight".
    rows : stream of activation_layout(config) or weight_layout(config)
        A port of the component that `m` belongs to.
    decoded : stream of array_row_layout(config) or tile_row_layout(config)
        A port of a submodule.
    """
    port = getattr(config, f"{name}_port")
    if not port.decodes:
        connect(m, flipped(rows), decoded)
        return
    offered = rows.payload
    parameters = {"port": port, "lanes": len(offered.lanes)}
    kind = NormalizingEdge if config.chained else FloatEdge
    if port.float_format is None:
        kind = OperandEdge
        parameters["shared_zero_point"] = name == "activation"
    edge = instantiate(m, f"{name}_edge", platform, kind, **parameters)
    m.d.comb += [
        decoded.valid.eq(rows.valid),
        rows.ready.eq(decoded.ready),
        edge.lanes.eq(offered.lanes),
        decoded.payload.lanes.eq(edge.operands),
        *[
            decoded.payload[field].eq(offered[field])
            for field, _ in decoded.payload.shape()
            if field != "lanes"
        ],
    ]
    if port.signed_at_run_time:
        m.d.comb += edge.lanes_are_signed.eq(offered.signed)
    if port.zero_points:
        m.d.comb += edge.zero_points.as_value().eq(offered[ZERO_POINTS[name]])
