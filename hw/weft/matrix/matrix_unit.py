"""MatrixUnit: the whole unit, streams in and streams out."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..array.fast_array import array_of
from ..blocks.skew import DelayLine, Skew
from ..hierarchy import instantiate
from .accumulators import AccumulatorBank, AccumulatorBuffer, AccumulatorControl
from .admission import Admission
from .checksum_column import ChecksumColumn
from .config import MatrixUnitConfig
from .counters import CycleCounters
from .layouts import Error, activation_layout, counter_layout, result_layout, weight_layout
from .result_check import ResultCheck
from .results import ResultBuffer
from .weights import WeightLoader


class MatrixUnit(wiring.Component):
    """Weight-stationary matrix unit: Z = A . B, tile by tile, one activation row a cycle.

    A tile of weights (R rows, row R-1 first) comes in on `weights` and waits in the shadow plane.
    The activation row that carries `switch` is the first to meet it. Every row names an
    accumulator row, and says whether its sum begins there (`first`), is added, or is finished and
    leaves on `results` (`last`). Results come in the order of their `last` rows.

    Timing, without stalls: the result of a row taken in cycle t is on `results` in cycle
    t + `latency_of(config)`. Rows enter one a cycle, also across a switch; two switches are at
    least R cycles apart. Stalls on any stream change nothing but time, and the array never stops.

    Parameters
    ----------
    config : MatrixUnitConfig

    Members
    -------
    weights : stream of weight_layout(config)
    activations : stream of activation_layout(config)
    results : stream of result_layout(config), out
    clear_errors : 1 bit in
    errors : Error out. Each bit stays set until `clear_errors`.
    counters : counter_layout() out
    """

    def __init__(self, config: MatrixUnitConfig):
        self.config = config
        super().__init__(
            {
                "weights": In(stream.Signature(weight_layout(config))),
                "activations": In(stream.Signature(activation_layout(config))),
                "results": Out(stream.Signature(result_layout(config))),
                "clear_errors": In(1),
                "errors": Out(Error),
                "counters": Out(counter_layout()),
            }
        )

    @staticmethod
    def array_latency_of(config: MatrixUnitConfig) -> int:
        """Cycles from row 0's activation at the west edge to column 0's sum."""
        component, *_ = array_of(config)
        return component.latency_of(config)

    @classmethod
    def sum_wait_of(cls, config: MatrixUnitConfig) -> int:
        """Cycles that the sums of the smallest arrays wait until their row is checked and read."""
        return max(
            0, cls._control_lag() + AccumulatorBank.read_latency - cls.array_latency_of(config)
        )

    @staticmethod
    def _control_lag() -> int:
        """Cycles that the control of a row leaves admission behind its lanes."""
        return Admission.control_latency - Admission.issue_latency

    @classmethod
    def finish_latency_of(cls, config: MatrixUnitConfig) -> int:
        """Cycles from a row's admission to column 0's finished sum."""
        array = cls.array_latency_of(config) + cls.sum_wait_of(config)
        return Admission.issue_latency + array + AccumulatorBank.latency

    @classmethod
    def result_depth_of(cls, config: MatrixUnitConfig) -> int:
        """Rows of the result buffer: as many as can be on their way at one row a cycle.

        One of them is that whose place is given back: the credit is a cycle on its way.
        """
        return cls.finish_latency_of(config) + ResultBuffer.latency_of(config) + 1

    @staticmethod
    def check_latency_of(config: MatrixUnitConfig) -> int:
        """Cycles from a result's transfer until `errors` show what was wrong with it."""
        error_register = 1
        return ResultCheck.latency_of(config) + error_register if config.checksum else 0

    @classmethod
    def latency_of(cls, config: MatrixUnitConfig) -> int:
        """Cycles from an activation row's transfer to its result's, without stalls."""
        gate = Admission.latency - Admission.issue_latency
        return gate + cls.finish_latency_of(config) + ResultBuffer.latency_of(config)

    def elaborate(self, platform):
        m = Module()
        config = self.config

        loader = instantiate(m, "loader", platform, WeightLoader, config)
        depth = self.result_depth_of(config)
        admission = instantiate(m, "admission", platform, Admission, config, depth)
        connect(m, flipped(self.weights), loader.weights)
        connect(m, flipped(self.activations), admission.activations)
        m.d.comb += [
            loader.take.eq(admission.take),
            admission.tile_complete.eq(loader.complete),
            admission.tile_broken.eq(loader.broken),
            admission.tile_started.eq(loader.started),
            admission.tile_transferring.eq(loader.transferring),
        ]

        # The two edges: activations and their switch from the west, weights from the north.
        height = config.cell_rows
        width = config.activation.width * config.rows_per_cell
        west = instantiate(m, "activation_skew", platform, Skew, width, height)
        width = config.weight.width
        north = instantiate(m, "weight_skew", platform, Skew, width, config.columns)
        array = instantiate(m, "array", platform, *array_of(config))
        # The switch of a row of cells is that of the first, so many cycles later.
        switches = Signal(height, reset_less=True)
        m.d.comb += [
            west.i.eq(admission.lanes),
            array.activations_in.eq(west.o),
            array.switches_in.eq(Cat(admission.switch, switches)),
            north.i.eq(loader.lanes),
            array.weights_in.eq(north.o),
            array.loads_in.eq(loader.loads),
        ]
        m.d.sync += switches.eq(Cat(admission.switch, switches))

        # The control of a row takes the short way and meets its sums at the accumulators.
        width = admission.control.shape().size
        wait_for_read = self.sum_wait_of(config)
        sums_late = self.array_latency_of(config) + wait_for_read - self._control_lag()
        cycles = sums_late - AccumulatorBank.read_latency
        wait = instantiate(m, "control_delay", platform, DelayLine, width, cycles, True)
        control = instantiate(m, "accumulator_control", platform, AccumulatorControl, config)
        sums = array.sums_out
        if wait_for_read:
            width = config.sum_width * config.columns
            line = instantiate(m, "sum_delay", platform, DelayLine, width, wait_for_read, False)
            m.d.comb += line.i.eq(sums)
            sums = line.o
        shape = config, config.columns
        buffer = instantiate(m, "accumulators", platform, AccumulatorBuffer, *shape)
        m.d.comb += [
            wait.i.eq(admission.control),
            control.row.eq(wait.o),
            buffer.control_in.eq(control.control),
            buffer.sums_in.eq(sums),
        ]

        cycles = AccumulatorBank.read_latency + AccumulatorBank.latency
        finish = instantiate(m, "finish_delay", platform, DelayLine, 2, cycles, True)
        results = instantiate(m, "results", platform, ResultBuffer, config, depth)
        m.d.comb += [
            finish.i.eq(Cat(control.row.last, control.row.end)),
            Cat(results.emit, results.ends_job).eq(finish.o),
            results.sums[: config.columns].eq(buffer.sums_out),
            admission.released.eq(results.released),
        ]
        connect(m, flipped(self.results), results.results)

        counters = instantiate(m, "cycle_counters", platform, CycleCounters)
        m.d.comb += [
            counters.activity.eq(admission.activity),
            self.counters.eq(counters.counters),
        ]
        seen = loader.errors | admission.errors
        if config.checksum:
            column = instantiate(
                m, "checksum_column", platform, ChecksumColumn, config, wait_for_read
            )
            sizes = config.rows_per_cell, config.cell_rows
            parities = instantiate(m, "parity_skew", platform, Skew, *sizes)
            check = instantiate(m, "result_check", platform, ResultCheck, config)
            m.d.comb += [
                column.weights.eq(self.weights.payload.lanes),
                column.activations.eq(array.activations_out),
                column.switches.eq(array.switches_out),
                column.loads.eq(array.loads_out),
                parities.i.eq(admission.parities),
                column.parities.eq(parities.o),
                column.control.eq(buffer.control_out),
                column.valid.eq(control.row.valid),
                results.sums[config.columns].eq(column.checksum),
                check.transfer.eq(self.results.valid & self.results.ready),
                check.lanes.eq(results.results.payload.lanes),
                check.checksum.eq(results.checksum),
            ]
            if config.inner_product == "fast":
                m.d.comb += [
                    column.wrong_pairs.eq(array.wrong_pairs),
                    column.products.eq(array.products_out),
                ]
            corrupted = Signal(Error)
            with m.If(column.wrong_activation | check.mismatch):
                m.d.comb += corrupted.eq(Error.CORRUPTED)
            seen |= corrupted
        with m.If(self.clear_errors):
            m.d.sync += self.errors.eq(seen)
        with m.Else():
            m.d.sync += self.errors.eq(self.errors | seen)
        return m
