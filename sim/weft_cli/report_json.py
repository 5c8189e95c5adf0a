"""The report of `weft sim` as JSON."""

import json
from pathlib import Path

from weft.emit.files import write_whole
from weft_sim.toolchain import cxx

from .simulate import DigitsRun, Options, ProductRun
from .totals import Totals


def write_report(path: Path, options: Options, run: ProductRun | DigitsRun, totals: Totals) -> None:
    """Write the report of a run to a file, atomically."""
    if isinstance(run, ProductRun):
        work = {"m": run.m, "k": run.k, "n": run.n}
    else:
        work = {"m": None, "k": None, "n": None, "accuracy": run.accuracy, "network": run.network}
    report = {
        "rows": options.config.rows,
        "columns": options.config.columns,
        **work,
        "seed": options.seed,
        "simulator": options.simulator,
        "float_model": options.float_model,
        "compiler": None if options.simulator == "icarus" else cxx().name,
        "mismatches": totals.mismatches,
        "cycles": totals.cycles,
        "predicted_cycles": totals.predicted_cycles,
        "lower_bound_cycles": totals.lower_bound_cycles,
        "array_active": totals.array_active,
        "counters": totals.counters,
    }
    write_whole(path, json.dumps(report, indent=2) + "\n")
