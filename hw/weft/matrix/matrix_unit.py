"""MatrixUnit: the whole unit, with input and output streams."""

from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.chain import Chain
from ..blocks.delay_line import DelayLine
from ..blocks.skew import Skew
from ..hierarchy import instantiate
from .accumulators import AccumulatorBank, AccumulatorControl
from .admission import Admission
from .checksum_column import checksum_column_of
from .config import MatrixUnitConfig, check_config
from .counters import CycleCounters
from .decoding import connect_decoded
from .finishing import connect_results
from .float_accumulators import bank_of
from .layouts import (
    Activity,
    Error,
    activation_layout,
    counter_layout,
    result_layout,
    weight_layout,
)
from .result_check import ResultCheck
from .results import ResultBuffer
from .sum_shift import SumShift, shifted_sum_parts, sum_shift_of
from .timing import MatrixUnitTiming
from .weights import WeightLoader


class _Shifted(NamedTuple):
    """The sums for the banks, and the shift that they had, for the column after the last."""

    sums: Value
    passed: Value


class _Sums(NamedTuple):
    """The control of the row whose accumulator row column 0 reads, the banks, and the shift of the
    sums of the last column, one cycle later."""

    row: data.View
    banks: wiring.PureInterface
    shift: Value


class MatrixUnit(wiring.Component):
    """Weight-stationary matrix unit: Z = A . B, tile by tile, one activation row per cycle.

    A tile of weights (R rows, row R-1 first) arrives on `weights` and waits in shadow registers.
    The activation row that carries `switch` is the first to use it. Every activation row names an
    accumulator row. It starts a sum there (`first`) or is added to it; with `last`, the sum is
    finished and leaves on `results`. Results come in the order of their `last` rows.

    Timing, without stalls and if no row waits for its sum (MatrixUnitTiming.spacing): the result
    of a row taken in cycle t is on `results` in cycle t + `timing.latency`. One row enters per
    cycle, also across a switch; two switches are at least R cycles apart. Stalls on any stream
    change only the timing, and the array itself never stops.

    Parameters
    ----------
    config : MatrixUnitConfig
    result_rows : int
        Rows of the result buffer, which can wait while others are computed; at least
        `timing.result_depth`, which is what can be in flight.

    Members
    -------
    weights : stream of weight_layout(config)
    activations : stream of activation_layout(config)
    results : stream of result_layout(config), out
    clear_errors : 1 bit in
    errors : Error out. Each bit stays set until `clear_errors`.
    counters : counter_layout() out
    timing : MatrixUnitTiming
    """

    def __init__(self, *, config: MatrixUnitConfig, result_rows: int = 0):
        check_config(config)
        self.config = config
        self.result_rows = result_rows
        self.timing = MatrixUnitTiming.of(config)
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

    @property
    def _result_depth(self) -> int:
        return max(self.result_rows, self.timing.result_depth)

    def elaborate(self, platform):
        m = Module()
        loader, admission = self._take(m, platform)
        array = self._multiply(m, platform, loader, admission)
        sums = self._accumulate(m, platform, admission, array)
        results = self._collect(m, platform, admission, sums)
        self._count(m, platform, admission)
        seen = loader.errors | admission.errors
        if self.config.checksum:
            seen |= self._check(m, platform, loader, admission, array, sums, results)
        with m.If(self.clear_errors):
            m.d.sync += self.errors.eq(seen)
        with m.Else():
            m.d.sync += self.errors.eq(self.errors | seen)
        return m

    def _take(self, m: Module, platform):
        """Connect the input streams: weights to the loader, activations to Admission."""
        config = self.config
        loader = instantiate(m, "loader", platform, WeightLoader, config=config)
        admission = instantiate(
            m,
            "admission",
            platform,
            Admission,
            config=config,
            credits=self._result_depth,
            spacing=self.timing.spacing,
        )
        connect_decoded(m, platform, config, "weight", self.weights, loader.weights)
        connect_decoded(m, platform, config, "activation", self.activations, admission.activations)
        m.d.comb += [
            loader.take.eq(admission.take),
            admission.tile_complete.eq(loader.complete),
            admission.tile_broken.eq(loader.broken),
            admission.tile_started.eq(loader.started),
            admission.tile_transferring.eq(loader.transferring),
        ]
        return loader, admission

    def _multiply(self, m: Module, platform, loader, admission):
        """Add the array: activations and switches enter at the west, weights at the north."""
        config = self.config
        height = config.arithmetic.row_latency
        west = instantiate(
            m,
            "activation_skew",
            platform,
            Skew,
            width=config.activation_port.operand.width * config.rows_per_cell,
            lanes=config.cell_rows,
            step=height,
        )
        north = instantiate(
            m,
            "weight_skew",
            platform,
            Skew,
            width=config.weight_port.operand.width,
            lanes=config.columns,
        )
        part = config.array
        array = instantiate(m, "array", platform, part.component, **part.parameters)
        # The switch reaches the next row of cells when the activations do.
        switches = Signal(config.cell_rows * height, reset_less=True)
        m.d.comb += [
            west.i.eq(admission.lanes),
            array.activations_in.eq(west.o),
            array.switches_in.eq(Cat(admission.switch, switches)[::height]),
            north.i.eq(loader.lanes),
            array.weights_in.eq(north.o),
            array.loads_in.eq(self._loads(m, platform, loader)),
        ]
        m.d.sync += switches.eq(Cat(admission.switch, switches))
        return array

    def _loads(self, m: Module, platform, loader) -> Value:
        """Return the load of each row of cells, when the weights arrive there."""
        config = self.config
        late = config.arithmetic.row_latency - 1
        if not late:
            return loader.loads
        skew = instantiate(m, "load_skew", platform, Skew, width=1, lanes=config.rows, step=late)
        m.d.comb += skew.i.eq(loader.loads)
        return skew.o

    def _accumulate(self, m: Module, platform, admission, array) -> _Sums:
        """Add the accumulators, where the control of a row meets its sums again."""
        config, timing = self.config, self.timing
        wait = instantiate(
            m,
            "control_delay",
            platform,
            DelayLine,
            width=admission.control.shape().size,
            cycles=timing.control_wait,
            reset=True,
        )
        bank = bank_of(config, sum_parts=shifted_sum_parts(config, config.arithmetic))
        control = instantiate(
            m,
            "accumulator_control",
            platform,
            AccumulatorControl,
            config=config,
            add_latency=bank.component.latency,
        )
        sums = array.sums_out
        if timing.sum_wait:
            line = instantiate(
                m,
                "sum_delay",
                platform,
                DelayLine,
                width=Value.cast(sums).shape().width,
                cycles=timing.sum_wait,
            )
            m.d.comb += line.i.eq(sums)
            sums = line.o
        shifted = self._shift(m, platform, control.row, sums)
        banks = instantiate(
            m,
            "accumulators",
            platform,
            Chain,
            component=bank.component,
            links=config.columns,
            **bank.parameters,
        )
        m.d.comb += [
            wait.i.eq(admission.control),
            control.row.eq(wait.o),
            banks.control_in.eq(control.control),
            banks.sum_in.eq(shifted.sums),
        ]
        return _Sums(control.row, banks, shifted.passed)

    def _shift(self, m: Module, platform, row: data.View, sums: Value) -> _Shifted:
        """Shift the sums of operands that pass in pieces."""
        config = self.config
        if not config.shift_bits:
            return _Shifted(sums, Const(0))
        # The shift of a row meets its sums one cycle before the bank adds them.
        line = instantiate(
            m,
            "shift_delay",
            platform,
            DelayLine,
            width=config.shift_bits,
            cycles=AccumulatorBank.read_latency - SumShift.latency,
        )
        shifts = instantiate(
            m,
            "shifts",
            platform,
            Chain,
            component=SumShift,
            links=config.columns,
            **sum_shift_of(config, config.arithmetic),
        )
        m.d.comb += [
            line.i.eq(row.shift),
            shifts.shift_in.eq(line.o),
            shifts.sum_in.eq(sums),
        ]
        return _Shifted(shifts.sum_out, shifts.shift_out)

    def _collect(self, m: Module, platform, admission, sums: _Sums):
        """Add the result buffer, where finished sums wait for the last column and leave as rows."""
        config = self.config
        finish = instantiate(
            m,
            "finish_delay",
            platform,
            DelayLine,
            width=2,
            cycles=self.timing.bank,
            reset=True,
        )
        results = instantiate(
            m, "results", platform, ResultBuffer, config=config, depth=self._result_depth
        )
        m.d.comb += [
            finish.i.eq(Cat(sums.row.last, sums.row.end)),
            Cat(results.emit, results.ends_job).eq(finish.o),
            results.sums[: config.columns].eq(sums.banks.sum_out),
            admission.released.eq(results.released),
        ]
        connect_results(m, platform, config, results.results, self.results)
        return results

    def _count(self, m: Module, platform, admission) -> None:
        never = () if self.timing.spacing > 1 else (Activity.WAITING_FOR_SUM,)
        counters = instantiate(m, "cycle_counters", platform, CycleCounters, never=never)
        m.d.comb += [
            counters.activity.eq(admission.activity),
            self.counters.eq(counters.counters),
        ]

    def _check(self, m: Module, platform, loader, admission, array, sums: _Sums, results) -> Signal:
        """Add the checksum column and the result check; return the error that they detect."""
        config = self.config
        kind = checksum_column_of(config)
        column = instantiate(m, "checksum_column", platform, kind, config=config)
        parities = instantiate(
            m,
            "parity_skew",
            platform,
            Skew,
            width=config.rows_per_cell,
            lanes=config.cell_rows,
        )
        check = instantiate(
            m,
            "result_check",
            platform,
            ResultCheck,
            columns=config.columns,
            width=config.accumulator_width,
        )
        flags, lanes = config.arithmetic.flags, results.results.payload.lanes
        m.d.comb += [
            column.weights.eq(loader.weights.payload.lanes),
            column.activations.eq(array.activations_out),
            column.switches.eq(array.switches_out),
            column.loads.eq(array.loads_out),
            parities.i.eq(admission.parities),
            column.parities.eq(parities.o),
            column.control.eq(sums.banks.control_out),
            column.valid.eq(sums.row.valid),
            *([column.shift.eq(sums.shift)] if config.shift_bits else []),
            results.sums[config.columns].eq(Cat(Const(0, flags), column.checksum).as_signed()),
            check.transfer.eq(results.results.valid & results.results.ready),
            check.lanes.as_value().eq(Cat(*[lane[flags:] for lane in lanes]) if flags else lanes),
            check.checksum.eq(results.checksum[flags:] if flags else results.checksum),
        ]
        for name in kind.witnesses:
            m.d.comb += getattr(column, name).eq(getattr(array, name))
        corrupted = Signal(Error)
        with m.If(column.wrong_activation | check.mismatch):
            m.d.comb += corrupted.eq(Error.CORRUPTED)
        return corrupted
