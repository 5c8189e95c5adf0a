"""The FPGA table: build all sizes, boards, options and seeds in parallel, and keep each result.

Builds run on Dask workers: local ones, or those of the scheduler at a given address. Each result is
stored under the key of its design. An interrupted table therefore resumes where it stopped, and
only changed designs are built again.
"""

import contextlib
import dataclasses
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weft.boards import BOARDS
from weft.core.core_config import CORES
from weft.emit.files import write_whole
from weft_sim.toolchain import ToolMissing, build_root, require_packages
from weft_sim.yosys import YosysFailed

from ..console import console, progress_bar
from .build import BoardDesign, BuildFailed, Job, build, read_report

# Local workers: one process per core, and the dashboard on any free port.
WORKERS: dict[str, Any] = {
    "n_workers": os.cpu_count(),
    "threads_per_worker": 1,
    "dashboard_address": "localhost:0",
}

FAST = {"inner_product": "fast", "multiplier_stages": 3}
# Sums as wide as their formats need.
SUMS = {"accumulator_width": 0}

# Seeds of place and route of every point.
SEEDS = (1, 2, 3)

# Board, requested clock in MHz, sizes, and changes to the board's unit.
POINTS = (
    ("icebreaker", 36, ((2, 2), (4, 4)), {}),
    ("ulx3s-85f", 150, ((8, 8), (4, 4)), {}),
    ("ulx3s-85f", 150, ((8, 8),), FAST),
    ("ulx3s-85f", 150, ((8, 8),), {"checksum": True}),
    ("tang-nano-9k", 81, ((4, 4),), {}),
    ("ulx3s-85f", 150, ((12, 12),), {}),
    ("ulx3s-85f", 150, ((16, 8), (24, 11)), FAST),
    # All multipliers of the part.
    ("ulx3s-85f", 150, ((24, 12),), FAST),
    # More products per cycle than multipliers.
    ("ulx3s-85f", 150, ((24, 16),), FAST | {"soft_columns": 4}),
    # Other formats, for both operands.
    *(
        ("ulx3s-85f", clock_mhz, sizes, {"activation": formats, "weight": formats, **SUMS})
        for formats, clock_mhz, sizes in (
            ("int8,uint8", 150, ((8, 8),)),
            ("int16", 150, ((8, 8),)),
            ("float8_e4m3fn", 150, ((8, 8),)),
            ("float8_e5m2", 150, ((8, 8),)),
            ("float6_e3m2fn", 150, ((8, 8),)),
            ("float4_e2m1fn", 150, ((8, 8),)),
            ("bfloat16", 100, ((4, 4), (8, 8))),
        )
    ),
)

# Board, requested clock in MHz, core, and changes to its matrix unit.
CORE_POINTS = (
    ("ulx3s-85f", 100, "ulx3s", {}),
    # The vector unit takes 24 of the 156 multipliers of the part.
    ("ulx3s-85f", 100, "small", FAST | {"soft_columns": 1}),
)


def jobs() -> Iterator[Job]:
    """Iterate over the builds of the table; all points with one seed, then with the next.

    So an interrupted table has every point at least once.
    """
    for seed in SEEDS:
        yield from _units(seed)
        yield from _cores(seed)


def _cores(seed: int) -> Iterator[Job]:
    for name, clock_mhz, core, options in CORE_POINTS:
        board, config = BOARDS[name], CORES[core]
        config = dataclasses.replace(config, matrix=dataclasses.replace(config.matrix, **options))
        yield Job(board=board, config=config, clock_mhz=clock_mhz, baud=board.baud, seed=seed)


def _units(seed: int) -> Iterator[Job]:
    for name, clock_mhz, sizes, options in POINTS:
        board = BOARDS[name]
        for rows, columns in sizes:
            config = dataclasses.replace(board.config, rows=rows, columns=columns, **options)
            yield Job(board=board, config=config, clock_mhz=clock_mhz, baud=board.baud, seed=seed)


def measure(design: BoardDesign) -> dict:
    """Build a design in a temporary folder; return the report, or one with the key `failed`."""
    with tempfile.TemporaryDirectory(prefix="weft-fpga-") as folder:
        try:
            return build(design, Path(folder))
        except (BuildFailed, YosysFailed, ToolMissing, OSError) as error:
            job = design.job
            return {
                "board": job.board.name,
                "rows": job.unit.rows,
                "columns": job.unit.columns,
                "core": job.core.plain if job.core else None,
                "seed": job.seed,
                "failed": str(error),
                "key": design.key,
            }


def folder() -> Path:
    return build_root() / "fpga" / "table"


def make_table(scheduler: str | None) -> list[dict]:
    """Build what is missing; return the reports of all points, including failed ones.

    Failed builds are not stored, so the next run tries them again.

    Parameters
    ----------
    scheduler : str, optional
        Address of a Dask scheduler; by default, local workers are started.

    Raises
    ------
    ToolMissing
    ValueError, OSError
        If the address is malformed, or there is no scheduler there.
    """
    require_packages("distributed")
    with client_of(scheduler) as client:
        return _make_table(client)


@contextlib.contextmanager
def client_of(scheduler: str | None, workers: int | None = None):
    """Connect to a scheduler, or start local workers that end with the context.

    Parameters
    ----------
    scheduler : str, optional
        Address of a Dask scheduler; by default, local workers are started.
    workers : int, optional
        Number of local workers; one per core by default.
    """
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        if scheduler is None:
            count = {} if workers is None else {"n_workers": workers}
            cluster = stack.enter_context(LocalCluster(**{**WORKERS, **count}))
        elif not re.fullmatch(r"(\w+://)?[^:/\s]+:\d+", scheduler):
            raise ValueError(
                f"a scheduler address must look like tcp://host:8786, not {scheduler!r}"
            )
        else:
            cluster = scheduler
        yield stack.enter_context(Client(cluster))


def _make_table(client) -> list[dict]:
    from distributed import as_completed

    folder().mkdir(parents=True, exist_ok=True)
    planned = list(jobs())
    reports: dict[str, dict] = {}
    missing: list[BoardDesign] = []
    with progress_bar("Verilog of every design") as (_, step):
        for done, job in enumerate(planned, 1):
            design = BoardDesign.of(job)
            known = read_report(result_path(design.key))
            if known is None:
                missing.append(design)
            reports[design.key] = known or {}
            step(done, len(planned))
    console.print(f"{len(planned) - len(missing)} of {len(planned)} builds are already done")
    if not missing:
        return list(reports.values())
    with progress_bar("builds") as (_, step):
        futures = client.map(measure, missing, pure=False)
        for done, (_, report) in enumerate(as_completed(futures, with_results=True), 1):
            reports[report["key"]] = report
            if "failed" not in report:
                text = json.dumps(report, indent=2) + "\n"
                write_whole(result_path(report["key"]), text)
            console.print(_line(report), highlight=False)
            step(done, len(missing))
    return list(reports.values())


def result_path(key: str) -> Path:
    """Return the path of the stored result of a design."""
    return folder() / f"{key}.json"


def _line(report: dict) -> str:
    kind = "core " if report.get("core") else ""
    name = f"{report['board']} {kind}{report['rows']}x{report['columns']} seed {report['seed']}"
    if "failed" in report:
        return f"{name}: {report['failed']}"
    return f"{name}: {report['fmax_mhz']} MHz, {report['seconds']:.0f} s"
