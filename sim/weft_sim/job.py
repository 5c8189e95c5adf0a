"""Products on the simulated unit: what runs inside the simulator, and who starts it.

The host writes the transfers to a file, the coroutine drives them through the ports of the
generated Verilog and writes what came out; both sides are here so that neither can drift.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cocotb
import filelock
import numpy as np

from weft.config import MatrixUnitConfig
from weft.export import emit, parameters_of
from weft.layouts import Error, counter_layout

from . import simulator as simulators
from .driver import drive, start
from .reference import check_operands, matmul
from .schedule import Feed, Schedule
from .streams import chances, coins
from .timing import lower_bound, predict


@dataclass(frozen=True)
class Outcome:
    """What a run gave.

    `products` are the unit's, in the order of the operands, `mismatches` the elements in which
    they differ from numpy's. `cycles` run from the first offered transfer to the last result.
    """

    products: list[np.ndarray]
    mismatches: int
    wrong_products: int
    cycles: int
    predicted_cycles: int
    lower_bound_cycles: int
    counters: dict[str, int]
    errors: Error
    macs: int
    simulation_seconds: float
    trace: Path | None

    @property
    def array_active(self) -> float:
        """Fraction of the cycles in which a row of activations entered the array."""
        return self.counters["computing"] / self.cycles


def run(
    config: MatrixUnitConfig,
    operands: list[tuple[np.ndarray, np.ndarray]],
    *,
    simulator: str = "verilator",
    directory: Path,
    waves: bool = False,
    stalls: int | None = None,
    building: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Compute products one after the other on the RTL, with no pause between them.

    Parameters
    ----------
    operands : list of (A, B)
        Integers of shapes (M, K) and (K, N) in the ranges of the configuration's formats.
    directory : Path
        Takes the log and the waves.
    stalls : int, optional
        Seed of random gaps and back-pressure on all streams; none when left out.
    building, progress : callables
        Called before a build, and about every 0.2 s with result rows done and in all.

    Raises
    ------
    TypeError, ValueError
        As `reference.check_operands`.
    simulator.SimulationFailed, toolchain.ToolMissing
    """
    for a, b in operands:
        check_operands(config, a, b)
    schedules = [Schedule(config, a.shape[0], a.shape[1], b.shape[1]) for a, b in operands]
    feed = Feed.join([s.feed(a, b) for s, (a, b) in zip(schedules, operands, strict=True)])
    emission = emit(config)
    building()
    build = simulators.build(emission.verilog, emission.name, simulator, waves=waves)

    directory.mkdir(parents=True, exist_ok=True)
    # Another run of the same job waits until this one has read its outcome.
    with filelock.FileLock(directory / ".lock"):
        outcome = _simulate(config, feed, build, directory.resolve(), stalls, progress)
    products, taken = [], 0
    for schedule in schedules:
        rows = schedule.m * schedule.n_tiles
        products.append(schedule.gather(outcome["results"][taken : taken + rows]))
        taken += rows
    wrong = [
        int(np.count_nonzero(product != matmul(config, a, b)))
        for product, (a, b) in zip(products, operands, strict=True)
    ]
    cycles = int(outcome["cycles"])
    return Outcome(
        products=products,
        mismatches=sum(wrong),
        wrong_products=sum(count > 0 for count in wrong),
        cycles=cycles,
        predicted_cycles=predict(config, schedules).cycles,
        lower_bound_cycles=lower_bound(config, schedules),
        counters={name: int(outcome[name]) for name, _ in counter_layout()},
        errors=Error(int(outcome["errors"])),
        macs=sum(s.m * s.k * s.n for s in schedules),
        simulation_seconds=float(outcome["seconds"]),
        trace=build.trace(directory) if waves else None,
    )


def _simulate(
    config: MatrixUnitConfig,
    feed: Feed,
    build: simulators.Build,
    directory: Path,
    stalls: int | None,
    progress: Callable[[int, int], None],
) -> dict[str, np.ndarray]:
    """Run the coroutine `products` on a feed and return what it left."""
    stored = directory / "outcome.npz"
    done = directory / "done"
    for stale in (stored, done):
        stale.unlink(missing_ok=True)
    np.savez(directory / "feed.npz", **vars(feed))
    environment = {
        "WEFT_JOB": str(directory),
        "WEFT_STALLS": "" if stalls is None else str(stalls),
        "WEFT_CONFIG": json.dumps(parameters_of(config)),
    }
    log = directory / "run.log"
    _watched(
        lambda: build.run(__name__, directory=directory, environment=environment, log=log),
        lambda: progress(_read_number(done), feed.results),
    )
    progress(feed.results, feed.results)
    with np.load(stored) as arrays:
        return dict(arrays)


def _watched(work: Callable[[], None], look: Callable[[], None]) -> None:
    """Do `work` in a thread and `look` now and then; pass on what it raises."""
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
        look()
    if raised:
        raise raised[0]


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0


@cocotb.test()
async def products(dut):
    """Drive the feed that the host left, and leave what came out."""
    directory = Path(os.environ["WEFT_JOB"])
    config = MatrixUnitConfig(**json.loads(os.environ["WEFT_CONFIG"]))
    with np.load(directory / "feed.npz") as stored:
        feed = Feed(**stored)
    stalls = {}
    if os.environ["WEFT_STALLS"]:
        source = random.Random(int(os.environ["WEFT_STALLS"]))
        stalls = {
            "weight_gaps": chances(source, 0.2, 5),
            "activation_gaps": chances(source, 0.2, 5),
            "ready": coins(source, 0.8),
        }
    done = directory / "done"
    last_note = time.monotonic()

    def note(count):
        nonlocal last_note
        if time.monotonic() - last_note > 0.2:
            last_note = time.monotonic()
            done.write_text(str(count))

    await start(dut)
    started = time.monotonic()
    driven = await drive(dut, config, feed, seen=note, **stalls)
    np.savez(
        directory / "outcome.npz",
        results=driven.results,
        cycles=np.array(driven.cycles),
        errors=np.array(int(dut.error_status.value)),
        seconds=np.array(time.monotonic() - started),
        **{name: np.array(count) for name, count in driven.counters.items()},  # pyright: ignore
    )
