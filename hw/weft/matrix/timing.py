"""MatrixUnitTiming: when things happen in a matrix unit, for hardware, cycle model and docs."""

from dataclasses import dataclass

from .accumulators import AccumulatorBank
from .admission import Admission
from .config import MatrixUnitConfig
from .result_check import ResultCheck
from .results import ResultBuffer


@dataclass(frozen=True, kw_only=True)
class MatrixUnitTiming:
    """Cycles from one event to another in one unit, as long as nothing stalls.

    Parameters
    ----------
    array : int
        From row 0's activation at the west edge to column 0's sum.
    sum_wait : int
        That sums wait behind the array: those of the smallest ones come before the control of
        their row, which is checked and read first.
    control_wait : int
        That the control of a row waits before the accumulators for its sums.
    finish : int
        From a row's admission to column 0's finished sum.
    latency : int
        From an activation row's transfer to its result's.
    check : int
        From a result's transfer until `errors` show what was wrong with it; 0 without checksums.
    result_depth : int
        Rows of the result buffer: as many as can be on their way at one row a cycle, one of which
        is the one being released, since its credit takes a cycle to return.
    """

    array: int
    sum_wait: int
    control_wait: int
    finish: int
    latency: int
    check: int
    result_depth: int

    @classmethod
    def of(cls, config: MatrixUnitConfig) -> "MatrixUnitTiming":
        """The timing of a unit of that configuration."""
        array = config.multiplication.latency_of(config.arithmetic, rows=config.rows)
        # From a row's lanes, as they leave admission, until the bank has read its accumulator row.
        control_lag = Admission.control_latency - Admission.issue_latency
        control_and_read = control_lag + AccumulatorBank.read_latency
        sum_wait = max(0, control_and_read - array)
        finish = Admission.issue_latency + array + sum_wait + AccumulatorBank.latency
        results = ResultBuffer.latency_of(config)
        gate = Admission.latency - Admission.issue_latency
        error_register = 1
        check = ResultCheck.latency_of(config.columns) + error_register if config.checksum else 0
        return cls(
            array=array,
            sum_wait=sum_wait,
            control_wait=array + sum_wait - control_and_read,
            finish=finish,
            latency=gate + finish + results,
            check=check,
            result_depth=finish + results + 1,
        )
