"""MatrixUnitTiming: latencies in a matrix unit, for hardware, cycle model and docs."""

from dataclasses import dataclass

from .accumulators import AccumulatorBank
from .admission import Admission
from .config import MatrixUnitConfig
from .finishing import conversion_latency
from .float_accumulators import bank_of
from .result_check import ResultCheck
from .results import ResultBuffer
from .sum_shift import SumShift, shifted_sum_parts
from .weights import WeightLoader


@dataclass(frozen=True, kw_only=True)
class MatrixUnitTiming:
    """Cycles from one event to another in a matrix unit when nothing stalls.

    Parameters
    ----------
    array : int
        From the activation of row 0 at the west edge to the sum of column 0.
    sum_wait : int
        Delay of the sums after the array. Only the smallest arrays need it: their sums would arrive
        before the row has been checked and its accumulator row has been read.
    shift : int
        Delay of the sums in SumShift; 0 if no operand passes in pieces.
    control_wait : int
        Delay of the control of a row before the accumulators, so that it meets its sums.
    bank : int
        From the control of a row at the accumulators to the finished sum of column 0.
    spacing : int
        Least cycles between a row and the next one that is added to the same sum.
    finish : int
        From the admission of a row to the finished sum of column 0.
    convert : int
        Delay of the results on their way out of the result buffer; 0 if they are the sums.
    latency : int
        From the transfer of an activation row to the transfer of its result.
    check : int
        At most, from the transfer of a result until `errors` shows that it was wrong; 0 without
        checksums.
    result_depth : int
        Rows of the result buffer: as many as can be in flight at one row per cycle. One of these
        places is the one being released, because its credit takes a cycle to return.
    """

    array: int
    sum_wait: int
    shift: int
    control_wait: int
    bank: int
    spacing: int
    finish: int
    convert: int
    latency: int
    check: int
    result_depth: int

    @classmethod
    def of(cls, config: MatrixUnitConfig) -> "MatrixUnitTiming":
        """Return the timing of a unit with that configuration."""
        # Weights reach the array together with the switch that their `take` sends.
        assert WeightLoader.latency == Admission.issue_latency
        array = config.multiplication.latency_of(config.arithmetic, rows=config.rows)
        # From the lanes of a row leaving Admission until the bank has read its accumulator row.
        control_lag = Admission.control_latency - Admission.issue_latency
        control_and_read = control_lag + AccumulatorBank.read_latency
        shift = SumShift.latency if config.shift_bits else 0
        sum_wait = max(0, control_and_read - array - shift)
        summed = array + sum_wait + shift
        bank = bank_of(config, sum_parts=shifted_sum_parts(config, config.arithmetic)).component
        finish = Admission.issue_latency + summed + bank.latency
        results = ResultBuffer.latency_of(config)
        convert = conversion_latency(config)
        gate = Admission.latency - Admission.issue_latency
        error_register = 1
        check = ResultCheck.latency_of(config.columns) + error_register if config.checksum else 0
        return cls(
            array=array,
            sum_wait=sum_wait,
            shift=shift,
            control_wait=summed - control_and_read,
            bank=bank.read_latency + bank.latency,
            spacing=bank.latency,
            finish=finish,
            convert=convert,
            latency=gate + finish + results + convert,
            check=check,
            result_depth=finish + results + 1,
        )
