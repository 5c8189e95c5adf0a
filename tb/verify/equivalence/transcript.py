"""Transcripts: every port of a unit in every cycle of a plan, on a given simulator.

The host starts the simulation. The coroutine in it runs the plan and records every cycle. Both are
in this module, as in `cocotb_run`.
"""

import hashlib
import itertools
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from weft.emit.export import Emission
from weft.matrix.config import MatrixUnitConfig
from weft_sim import simulator as simulators
from weft_sim.beats import beats
from weft_sim.cocotb_driver import read_counters, reset, start, unit_streams
from weft_sim.cocotb_streams import send, throttle

from .plan import Act, draw_plan

STREAMS = ("weights", "activations", "results")


@dataclass(frozen=True)
class Transcript:
    """One line per cycle: reset, streams, errors and counters.

    A stream is recorded as valid, ready and, while valid, its payload in hexadecimal. `seconds`:
    duration of the run, without the build.
    """

    simulator: str
    lines: list[str]
    seconds: float

    @property
    def sha256(self) -> str:
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()

    @property
    def transfers(self) -> dict[str, int]:
        """Number of transfers on each stream."""
        return {name: sum(f" {name}=11:" in line for line in self.lines) for name in STREAMS}

    @property
    def cycles_with_errors(self) -> int:
        return sum(" errors=0 " not in line for line in self.lines)

    @property
    def cycles_in_reset(self) -> int:
        return sum(line.startswith("reset=1") for line in self.lines)


def first_difference(one: Transcript, other: Transcript) -> str | None:
    """Return the first difference of two transcripts in a sentence, or None if they are equal."""
    for cycle, pair in enumerate(itertools.zip_longest(one.lines, other.lines)):
        if pair[0] != pair[1]:
            names = one.simulator, other.simulator
            differing = "; ".join(
                f"{name} has {_differing_fields(line, against)}"
                for name, line, against in zip(names, pair, reversed(pair), strict=True)
            )
            return f"cycle {cycle}: {differing}"
    return None


def _differing_fields(line: str | None, against: str | None) -> str:
    """Return the fields of a line that another line does not have."""
    if line is None:
        return "ended"
    return " ".join(field for field in line.split() if field not in (against or "").split())


def record(
    emission: Emission,
    seed: int,
    simulator: str,
    directory: Path,
    *,
    building: Callable[[], None] = lambda: None,
) -> Transcript:
    """Run the plan of a seed on an emitted unit, with files in `directory`; return the transcript.

    `building` is called before a build, unless the cache has it.

    Raises
    ------
    toolchain.ToolMissing, verilator.SimulationFailed
        SimulationFailed also if an output is ever unknown.
    """
    build = simulators.build(emission.design, simulator, building=building)
    directory.mkdir(parents=True, exist_ok=True)
    stored = directory.resolve() / "transcript.txt"
    stored.unlink(missing_ok=True)
    environment = {
        "WEFT_TRANSCRIPT": str(stored),
        "WEFT_CONFIG": json.dumps(emission.description["parameters"]),
        "WEFT_PLAN_SEED": str(seed),
    }
    started = time.monotonic()
    build.run(__name__, directory=directory, environment=environment, log=directory / "run.log")
    return Transcript(simulator, stored.read_text().splitlines(), time.monotonic() - started)


@cocotb.test()
async def performs_the_plan(dut):
    """Run a plan act by act, and record every cycle."""
    config = MatrixUnitConfig(**json.loads(os.environ["WEFT_CONFIG"]))
    lines: list[str] = []
    await start(dut)
    cocotb.start_soon(record_cycles(dut, lines))
    for act in draw_plan(config, int(os.environ["WEFT_PLAN_SEED"])):
        await perform(dut, config, act)
    Path(os.environ["WEFT_TRANSCRIPT"]).write_text("\n".join(lines) + "\n")


async def perform(dut, config: MatrixUnitConfig, act: Act) -> None:
    """Offer the transfers of an act for its cycles, then clear errors and reset if it says so."""
    weights, activations, results = unit_streams(dut)
    weight_beats, activation_beats = beats(act.transfers, config)
    lists = {} if act.stalls is None else vars(act.stalls)
    cycles = {name: itertools.cycle(array.tolist()) for name, array in lists.items()}
    ready = cycles.get("ready", itertools.repeat(1))
    tasks = [
        cocotb.start_soon(send(weights, weight_beats, cycles.get("weight_gaps"))),
        cocotb.start_soon(send(activations, activation_beats, cycles.get("activation_gaps"))),
        cocotb.start_soon(throttle(results, ready)),
    ]
    await ClockCycles(dut.aclk, act.cycles)
    for task in tasks:
        task.cancel()
    for handle in (weights.valid, activations.valid, results.ready):
        handle.value = 0
    if act.clear:
        dut.clear_errors.value = 1
        await RisingEdge(dut.aclk)
        dut.clear_errors.value = 0
    if act.reset:
        await reset(dut)


async def record_cycles(dut, lines: list[str]) -> None:
    """Append a line for every cycle, indefinitely; fail if a bit is unknown."""
    streams = dict(zip(STREAMS, unit_streams(dut), strict=True))
    edge = RisingEdge(dut.aclk)
    while True:
        await edge
        fields = [f"reset={1 - int(dut.aresetn.value)}"]
        for name, stream in streams.items():
            valid, ready = int(stream.valid.value), int(stream.ready.value)
            payload = ",".join(f"{int(handle.value):x}" for handle in stream.payload if valid)
            fields.append(f"{name}={valid}{ready}:{payload}")
        fields.append(f"errors={int(dut.error_status.value):x}")
        fields += [f"{name}={count}" for name, count in read_counters(dut).items()]
        lines.append(" ".join(fields))
