"""AxiMatrixUnit: the matrix unit with AXI4-Stream port names and byte-wide lanes."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bus.lanes import narrow, widen
from ..formats import IntegerFormat
from ..hierarchy import instantiate
from ..matrix.config import MatrixUnitConfig, check_config
from ..matrix.layouts import (
    ACTIVITY_SENTENCES,
    Error,
    activation_layout,
    bit_of,
    counter_layout,
    weight_layout,
)
from ..matrix.matrix_unit import MatrixUnit


def tuser_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of `s_axis_activations_tuser`: an activation row but lanes and `end`."""
    fields = activation_layout(config).members
    return data.StructLayout({k: v for k, v in fields.items() if k not in ("lanes", "end")})


def weight_tuser_layout(config: MatrixUnitConfig) -> data.StructLayout:
    """Return the layout of `s_axis_weights_tuser`: a weight row but lanes, zero points and `last`.

    Without fields, there is no such port.
    """
    fields = weight_layout(config).members
    others = ("lanes", "zero_points", "last")
    return data.StructLayout({k: v for k, v in fields.items() if k not in others})


def _fields(layout: data.StructLayout) -> str:
    """Return the fields of a port and their bits."""
    return ", ".join(
        f"{name} [{field.offset + field.width - 1}:{field.offset}]"
        if field.width > 1
        else f"{name} [{field.offset}]"
        for name, field in layout
    )


def port_documentation(config: MatrixUnitConfig) -> dict[str, tuple[str, int, str]]:
    """Return every port of the Verilog module: name to (direction, bits, meaning)."""
    activation, weight = config.activation_port, config.weight_port
    result = config.result_format
    tuser, weight_tuser = tuser_layout(config), weight_tuser_layout(config)
    # Two rows of lanes per transfer with zero points.
    weight_lanes = config.columns * (2 if weight.zero_points else 1)
    weight_row = "one row of a tile, row R-1 first"
    if weight.zero_points:
        weight_row += "; the upper half are the zero points of the lanes in the lower half"

    def lanes(number: IntegerFormat, count: int, what: str, signed: bool = False) -> str:
        kind = (
            f"int{number.width} or uint{number.width}, as the bit signed says" if signed else number
        )
        return f"{count} lanes of {number.lane_width} bits, lane 0 lowest, each {kind}: {what}"

    ports = {
        "aclk": ("input", 1, "clock, rising edge"),
        "aresetn": ("input", 1, "reset, active low, synchronous, at least one cycle"),
        "s_axis_weights_tdata": (
            "input",
            weight.lane.lane_width * weight_lanes,
            lanes(weight.lane, weight_lanes, weight_row, weight.signed_at_run_time),
        ),
        **(
            {"s_axis_weights_tuser": ("input", weight_tuser.size, _fields(weight_tuser))}
            if weight_tuser.size
            else {}
        ),
        "s_axis_weights_tlast": ("input", 1, "last transfer of a tile, its row 0"),
        "s_axis_weights_tvalid": ("input", 1, "AXI4-Stream"),
        "s_axis_weights_tready": ("output", 1, "AXI4-Stream"),
        "s_axis_activations_tdata": (
            "input",
            activation.lane.lane_width * config.rows,
            lanes(
                activation.lane,
                config.rows,
                "one row of activations",
                activation.signed_at_run_time,
            ),
        ),
        "s_axis_activations_tuser": ("input", tuser.size, _fields(tuser)),
        "s_axis_activations_tlast": ("input", 1, "last row of a job; returned with its result"),
        "s_axis_activations_tvalid": ("input", 1, "AXI4-Stream"),
        "s_axis_activations_tready": ("output", 1, "AXI4-Stream"),
        "m_axis_results_tdata": (
            "output",
            result.lane_width * config.columns,
            lanes(result, config.columns, "one row of results"),
        ),
        "m_axis_results_tlast": ("output", 1, "result of the activation row with tlast"),
        "m_axis_results_tvalid": ("output", 1, "AXI4-Stream"),
        "m_axis_results_tready": ("input", 1, "AXI4-Stream"),
        "clear_errors": ("input", 1, "clears error_status"),
        "error_status": (
            "output",
            len(Error),
            "sticky: " + ", ".join(f"[{bit_of(error)}] {error.name}" for error in Error),
        ),
    }
    counted = {activity.name.lower(): what for activity, what in ACTIVITY_SENTENCES.items()}
    for name, field in counter_layout():
        meaning = (
            f"of these, {counted[name]}" if name in counted else "cycles since reset, wrapping"
        )
        ports[f"counter_{name}"] = ("output", field.width, meaning)
    return ports


class AxiMatrixUnit(wiring.Component):
    """A MatrixUnit with AXI4-Stream ports; the top module of the emitted Verilog.

    Streams are AXI4-Stream (Arm IHI 0051). A lane is as wide as the numpy dtype of its format, so
    the bytes of a little-endian numpy row are one beat. Input bits above the width of the format
    are ignored; outputs are sign extended. Latency as in MatrixUnit.

    Members
    -------
    See `port_documentation`.
    """

    def __init__(self, *, config: MatrixUnitConfig):
        check_config(config)
        self.config = config
        super().__init__(
            {
                name: (In if direction == "input" else Out)(width)
                for name, (direction, width, _) in port_documentation(config).items()
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]

        unit = instantiate(m, "unit", platform, MatrixUnit, config=self.config)
        weights, activations, results = unit.weights, unit.activations, unit.results
        config = self.config
        tuser = data.View(tuser_layout(config), self.s_axis_activations_tuser)
        weight_lanes = self.s_axis_weights_tdata[
            : config.weight_port.lane.lane_width * config.columns
        ]
        zero_points = self.s_axis_weights_tdata[len(weight_lanes) :]
        if config.weight_port.zero_points:
            narrowed = narrow(zero_points, config.weight_port.lane)
            m.d.comb += weights.payload.zero_points.eq(narrowed)
        weight_tuser = weight_tuser_layout(config)
        if weight_tuser.size:
            fields = data.View(weight_tuser, self.s_axis_weights_tuser)
            m.d.comb += [weights.payload[name].eq(fields[name]) for name, _ in weight_tuser]
        m.d.comb += [
            weights.valid.eq(self.s_axis_weights_tvalid),
            weights.payload.last.eq(self.s_axis_weights_tlast),
            weights.payload.lanes.eq(narrow(weight_lanes, config.weight_port.lane)),
            self.s_axis_weights_tready.eq(weights.ready),
            activations.valid.eq(self.s_axis_activations_tvalid),
            activations.payload.end.eq(self.s_axis_activations_tlast),
            activations.payload.lanes.eq(
                narrow(self.s_axis_activations_tdata, config.activation_port.lane)
            ),
            *[activations.payload[name].eq(tuser[name]) for name, _ in tuser.shape()],
            self.s_axis_activations_tready.eq(activations.ready),
            self.m_axis_results_tvalid.eq(results.valid),
            self.m_axis_results_tlast.eq(results.payload.end),
            self.m_axis_results_tdata.eq(widen(results.payload.lanes, config.result_format)),
            results.ready.eq(self.m_axis_results_tready),
            unit.clear_errors.eq(self.clear_errors),
            self.error_status.eq(unit.errors),
            *[
                getattr(self, f"counter_{name}").eq(unit.counters[name])
                for name, _ in counter_layout()
            ],
        ]
        return m
