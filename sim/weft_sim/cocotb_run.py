"""Compute products in a cocotb simulation: the host side and the coroutine.

The host writes the transfers to a file. The coroutine drives them through the ports of the
generated Verilog and writes the results to another file. Both sides are in this module, so that
their files always match.
"""

import itertools
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cocotb
import filelock
import numpy as np
from cocotb.triggers import RisingEdge

from weft.emit.files import naming
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.layouts import Error, counter_layout
from weft.matrix.timing import MatrixUnitTiming
from weft.parameters import plain_parameters
from weft_model.schedule import Schedule, Transfers

from . import simulator as simulators
from .cocotb_driver import drive, start
from .emissions import emitted
from .matrix_unit_simulator import ProgressCallback, SimulationResult
from .stalls import Stalls


def run(
    config: MatrixUnitConfig,
    operands: list[tuple],
    *,
    simulator: str,
    directory: Path,
    waves: bool = False,
    stalls: int | None = None,
    building: Callable[[], None] | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[SimulationResult, Path | None]:
    """Compute products as `checked_run.run`, which checks them; return the result and any trace."""
    schedules = [Schedule.of(config, a, b) for a, b in operands]
    transfers = Transfers.join(
        [s.transfers(a, b) for s, (a, b) in zip(schedules, operands, strict=True)]
    )
    emission = emitted(config)
    build = simulators.build(emission.design, simulator, waves=waves, building=building)

    directory.mkdir(parents=True, exist_ok=True)
    # Another run in this folder waits until this one has read its results.
    with filelock.FileLock(directory / ".lock"):
        outcome = _simulate(config, transfers, build, directory.resolve(), stalls, progress)
    products, taken = [], 0
    for schedule in schedules:
        rows = schedule.m * schedule.n_tiles
        products.append(schedule.gather(outcome["results"][taken : taken + rows]))
        taken += rows
    result = SimulationResult(
        products=products,
        cycles=int(outcome["cycles"]),
        counters={name: int(outcome[name]) for name, _ in counter_layout()},
        errors=Error(int(outcome["errors"])),
        seconds=float(outcome["seconds"]),
    )
    return result, build.trace(directory) if waves else None


def _simulate(
    config: MatrixUnitConfig,
    transfers: Transfers,
    build: simulators.Build,
    directory: Path,
    stalls: int | None,
    progress: ProgressCallback | None,
) -> dict[str, np.ndarray]:
    """Run the coroutine `products` on the transfers; return the arrays that it wrote."""
    stored = directory / "outcome.npz"
    done = directory / "done"
    for stale in (stored, done):
        stale.unlink(missing_ok=True)
    with naming(directory / "transfers.npz"):
        np.savez(directory / "transfers.npz", **vars(transfers))
    environment = {
        "WEFT_JOB": str(directory),
        "WEFT_STALLS": "" if stalls is None else str(stalls),
        "WEFT_CONFIG": json.dumps(plain_parameters(config)),
    }
    log = directory / "run.log"

    def report(results: int) -> None:
        if progress is not None:
            progress(results, transfers.results)

    _watched(
        lambda: build.run(__name__, directory=directory, environment=environment, log=log),
        lambda: report(_read_number(done)),
    )
    report(transfers.results)
    with np.load(stored) as arrays:
        return dict(arrays)


def _watched(work: Callable[[], None], poll: Callable[[], None]) -> None:
    """Run `work` in a thread and call `poll` every 0.2 s; raise the exception of `work`, if any."""
    raised: list[BaseException] = []

    def guarded():
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        poll()
    if raised:
        raise raised[0]


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


@cocotb.test()
async def products(dut):
    """Drive the transfers from the file of the host, and write the results to a file."""
    directory = Path(os.environ["WEFT_JOB"])
    config = MatrixUnitConfig(**json.loads(os.environ["WEFT_CONFIG"]))
    with np.load(directory / "transfers.npz") as stored:
        transfers = Transfers(**stored)
    stalls = {}
    if os.environ["WEFT_STALLS"]:
        lists = vars(Stalls.draw(int(os.environ["WEFT_STALLS"])))
        stalls = {name: itertools.cycle(array.tolist()) for name, array in lists.items()}
    done = directory / "done"
    last_note = time.monotonic()

    def note(count):
        nonlocal last_note
        if time.monotonic() - last_note > 0.2:
            last_note = time.monotonic()
            done.write_text(str(count))

    await start(dut)
    started = time.monotonic()
    driven = await drive(dut, config, transfers, seen=note, **stalls)
    for _ in range(MatrixUnitTiming.of(config).check):
        await RisingEdge(dut.aclk)
    np.savez(
        directory / "outcome.npz",
        results=driven.results,
        cycles=np.array(driven.cycles),
        errors=np.array(int(dut.error_status.value)),
        seconds=np.array(time.monotonic() - started),
        **{name: np.array(count) for name, count in driven.counters.items()},  # pyright: ignore
    )
