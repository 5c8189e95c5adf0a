"""Products on the simulated unit: what runs inside the simulator, and who starts it.

The host writes the transfers to a file, the coroutine drives them through the ports of the
generated Verilog and writes what came out; both sides are here so that neither can drift.
"""

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cocotb
import filelock
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from weft.axi import tuser_layout
from weft.config import MatrixUnitConfig
from weft.export import emit, parameters_of
from weft.layouts import Error, counter_layout

from . import simulator as simulators
from .reference import check_operands, matmul
from .schedule import Feed, Schedule
from .streams import Stream, send, throttle, watch
from .timing import lower_bound, predict

PERIOD_NS = 10
RESET_CYCLES = 2


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


def unit_streams(dut) -> tuple[Stream, Stream, Stream]:
    """The weights, activations and results of an emitted matrix unit."""
    return (
        Stream.axi(dut, "s_axis_weights", "tdata", "tlast"),
        Stream.axi(dut, "s_axis_activations", "tdata", "tuser", "tlast"),
        Stream.axi(dut, "m_axis_results", "tdata", "tlast"),
    )


async def start(dut) -> None:
    """Start the clock, hold every input at zero, reset, and return right after an edge."""
    for handle in (
        *(dut.s_axis_weights_tdata, dut.s_axis_weights_tlast, dut.s_axis_weights_tvalid),
        *(dut.s_axis_activations_tdata, dut.s_axis_activations_tuser),
        *(dut.s_axis_activations_tlast, dut.s_axis_activations_tvalid),
        *(dut.m_axis_results_tready, dut.clear_errors, dut.aresetn),
    ):
        handle.value = 0
    Clock(dut.aclk, PERIOD_NS, unit="ns").start()
    await reset(dut)


async def reset(dut) -> None:
    """Hold reset for a few cycles and return right after an edge, the unit working."""
    dut.aresetn.value = 0
    for _ in range(RESET_CYCLES):
        await RisingEdge(dut.aclk)
    dut.aresetn.value = 1
    await RisingEdge(dut.aclk)


def beats(feed: Feed, config: MatrixUnitConfig) -> tuple[list, list]:
    """The weight and the activation transfers of a feed as numbers for the ports."""
    fields = {name: field.offset for name, field in tuser_layout(config)}
    tuser = sum(getattr(feed, name) << offset for name, offset in fields.items())
    weights = zip(lanes_to_numbers(feed.weights), feed.tile_end.tolist(), strict=True)
    activations = zip(
        lanes_to_numbers(feed.activations), tuser.tolist(), feed.end.tolist(), strict=True
    )
    return list(weights), list(activations)


def lanes_to_numbers(rows: np.ndarray) -> list[int]:
    """A row of lanes as one number, lane 0 lowest."""
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def numbers_to_lanes(numbers: list[int], config: MatrixUnitConfig) -> np.ndarray:
    """Result transfers, (transfers, C), from the numbers of the port."""
    dtype = config.accumulator.dtype
    size = config.columns * dtype.itemsize
    raw = b"".join(number.to_bytes(size, "little") for number in numbers)
    return np.frombuffer(raw, dtype).reshape(len(numbers), config.columns)


def read_counters(dut) -> dict[str, int]:
    """The counters as they stood during the cycle that the last edge ended."""
    return {name: int(getattr(dut, f"counter_{name}").value) for name, _ in counter_layout()}


def cycle_now() -> int:
    return int(get_sim_time("ns")) // PERIOD_NS


def chances(source: random.Random, likely: float, longest: int) -> Iterator[int]:
    """Numbers of idle cycles: mostly none, now and then up to `longest`."""
    while True:
        yield source.randint(1, longest) if source.random() < likely else 0


def coins(source: random.Random, likely: float) -> Iterator[bool]:
    """True with a probability."""
    while True:
        yield source.random() < likely


@dataclass(frozen=True)
class Driven:
    """What came out of a unit: `results`, (transfers, C), the tlast and the cycle of each.

    `cycles` run from the first offered transfer to the last result, both included; `counters` is
    what they advanced by in that time.
    """

    results: np.ndarray
    ends: list[int]
    result_cycles: list[int]
    cycles: int
    counters: dict[str, int]


async def drive(
    dut,
    config: MatrixUnitConfig,
    feed: Feed,
    *,
    weight_gaps: Iterator[int] | None = None,
    activation_gaps: Iterator[int] | None = None,
    ready: Iterator[bool] | None = None,
    seen: Callable[[int], None] = lambda count: None,
) -> Driven:
    """Send a feed through a unit that is idle; call it right after an edge."""
    weights, activations, results = unit_streams(dut)
    weight_beats, activation_beats = beats(feed, config)
    numbers: list[int] = []
    ends: list[int] = []
    result_cycles: list[int] = []

    def take(payload):
        numbers.append(payload[0])
        ends.append(payload[1])
        result_cycles.append(cycle_now() - first_edge - 1)
        seen(len(numbers))
        return len(numbers) == feed.results

    first_edge = cycle_now()
    tasks = [
        cocotb.start_soon(send(weights, weight_beats, weight_gaps)),
        cocotb.start_soon(send(activations, activation_beats, activation_gaps)),
    ]
    if ready is None:
        results.ready.value = 1
    else:
        tasks.append(cocotb.start_soon(throttle(results, ready)))
    watcher = cocotb.start_soon(watch(results, take))
    await RisingEdge(dut.aclk)
    before = read_counters(dut)
    await watcher
    cycles = cycle_now() - first_edge
    await RisingEdge(dut.aclk)
    after = read_counters(dut)
    for task in tasks:
        task.cancel()
    results.ready.value = 0
    advanced = {name: (after[name] - before[name]) % (1 << 32) for name in after}
    results_out = numbers_to_lanes(numbers, config)
    return Driven(results_out, ends, result_cycles, cycles, advanced)


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
