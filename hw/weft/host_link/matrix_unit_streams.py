"""MatrixUnitStreams: a matrix unit with streams of one byte at a time."""

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.lanes import narrow, widen
from ..hierarchy import instantiate
from ..matrix.config import MatrixUnitConfig
from ..matrix.layouts import Error, counter_layout
from ..matrix.matrix_unit import MatrixUnit
from .beat_formats import (
    ACTIVATIONS,
    FLAGS,
    RESULTS,
    WEIGHTS,
    activation_beat,
    beat_sizes,
    result_beat,
    weight_beat,
)
from .beats import BeatAssembler, BeatSplitter
from .ports import byte_sink, byte_source


class MatrixUnitStreams(wiring.Component):
    """A MatrixUnit with a BeatAssembler or BeatSplitter at each stream, all with the same reset.

    See beat_formats.py for the beats. Latency as in MatrixUnit, plus one cycle in each direction.

    Parameters
    ----------
    config : MatrixUnitConfig

    Members
    -------
    weights, activations : byte_sink()
    results : byte_source()
    clear_errors, errors, counters : as in MatrixUnit
    """

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "weights": In(byte_sink()),
                "activations": In(byte_sink()),
                "results": In(byte_source()),
                "clear_errors": In(1),
                "errors": Out(Error),
                "counters": Out(counter_layout()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        inputs, outputs = beat_sizes(config)
        unit = instantiate(m, "unit", platform, MatrixUnit, config=config)
        weights = instantiate(m, "weights", platform, BeatAssembler, size=inputs[WEIGHTS])
        activations = instantiate(
            m, "activations", platform, BeatAssembler, size=inputs[ACTIVATIONS]
        )
        results = instantiate(m, "results", platform, BeatSplitter, size=outputs[RESULTS])
        connect(m, flipped(self.weights), weights.bytes)
        connect(m, flipped(self.activations), activations.bytes)
        connect(m, flipped(self.results), results.bytes)
        m.d.comb += [
            unit.clear_errors.eq(self.clear_errors),
            self.errors.eq(unit.errors),
            self.counters.eq(unit.counters),
        ]

        beat = _fields(weights.o.payload, weight_beat(config))
        row = unit.weights.payload
        m.d.comb += [
            unit.weights.valid.eq(weights.o.valid),
            weights.o.ready.eq(unit.weights.ready),
            row.lanes.eq(narrow(beat["lanes"], config.weight_port.lane)),
            *[
                row[name].eq(beat[name])
                for name, _ in row.shape()
                if name not in ("lanes", "zero_points")
            ],
        ]
        if config.weight_port.zero_points:
            zero_points = narrow(beat["zero_points"], config.weight_port.lane)
            m.d.comb += row.zero_points.eq(zero_points)
        beat = _fields(activations.o.payload, activation_beat(config))
        row = unit.activations.payload
        m.d.comb += [
            unit.activations.valid.eq(activations.o.valid),
            activations.o.ready.eq(unit.activations.ready),
            row.lanes.eq(narrow(beat["lanes"], config.activation_port.lane)),
            *[row[name].eq(beat["flags"][bit]) for bit, name in enumerate(FLAGS)],
            *[row[name].eq(beat[name]) for name, _ in row.shape() if name not in ("lanes", *FLAGS)],
        ]
        beat = _fields(results.i.payload, result_beat(config))
        row = unit.results.payload
        m.d.comb += [
            results.i.valid.eq(unit.results.valid),
            unit.results.ready.eq(results.i.ready),
            beat["lanes"].eq(widen(row.lanes, config.result_format)),
            beat["end"].eq(row.end),
        ]
        return m


def _fields(beat: Value, layout) -> dict[str, Value]:
    """Return the fields of a beat by their names in its numpy dtype."""
    places = {name: layout.fields[name] for name in layout.names}
    return {
        name: beat[8 * offset : 8 * (offset + dtype.itemsize)]
        for name, (dtype, offset, *_) in places.items()
    }
