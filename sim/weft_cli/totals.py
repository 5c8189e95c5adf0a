"""Totals over several runs on one unit."""

from dataclasses import dataclass

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error
from weft_sim.checked_run import CheckedResult


@dataclass(frozen=True)
class Totals:
    """Totals over several runs on one unit.

    `of_peak`: multiply-accumulates as a fraction of what all cells can do in the same cycles.
    `array_active`: fraction of the cycles in which a row entered the array.
    """

    mismatches: int
    wrong_products: int
    cycles: int
    predicted_cycles: int
    lower_bound_cycles: int
    counters: dict[str, int]
    errors: Error
    macs: int
    seconds: float
    of_peak: float
    array_active: float

    @classmethod
    def of(cls, config: MatrixUnitConfig, results: list[CheckedResult]) -> "Totals":
        """Add up one or more runs."""

        def total(name: str):
            return sum(getattr(result, name) for result in results)

        names = results[0].counters
        counters = {name: sum(result.counters[name] for result in results) for name in names}
        errors = Error(0)
        for result in results:
            errors |= result.errors
        cycles, macs = total("cycles"), total("macs")
        return cls(
            mismatches=total("mismatches"),
            wrong_products=total("wrong_products"),
            cycles=cycles,
            predicted_cycles=total("predicted_cycles"),
            lower_bound_cycles=total("lower_bound_cycles"),
            counters=counters,
            errors=errors,
            macs=macs,
            seconds=total("simulation_seconds"),
            of_peak=macs / (cycles * config.rows * config.columns),
            array_active=counters["computing"] / cycles,
        )
