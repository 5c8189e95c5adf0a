"""The figures of a core: how busy its array is, how long its programs are, how fast it simulates.

All run on the RTL, and every memory is compared with numpy. Each figure stands beside its goal.
"""

import dataclasses
import statistics
from collections.abc import Sequence

import numpy as np

from weft.core.core_config import SMALL, BufferConfig, CoreConfig, core_of
from weft.isa.codes import Function, Opcode, Unit
from weft.isa.instruction import Instruction
from weft.matrix.config import MatrixUnitConfig
from weft_model.core.vector_timing import slots_per_beat
from weft_model.core.walks import vector_height, window_size
from weft_model.operands import draw_operands
from weft_model.programs.attention_head import AttentionHead
from weft_sim.core_driver import MemoryTiming
from weft_sim.core_simulator import CoreSimulator
from weft_sim.matrix_unit_simulator import MatrixUnitSimulator
from weft_sim.verilator import SimulationFailed

from ..console import progress_bar
from ..durations import core_build
from .core_networks import (
    APPLICATIONS,
    CoreLayer,
    application,
    convolution,
    repeated,
    repeated_outputs,
    resnet50,
)
from .core_run import CoreRun, run_compared
from .register_loop import user_seconds
from .results import finish

CORE = SMALL
# TPU_V1 with all sizes and rates divided by four: 64 x 64.
SCALED = core_of(
    lanes=64, buffer=BufferConfig(rows=24576, banks=3), accumulators=1024, data_width=128
)
# Bytes that the memory of the core reads, and writes, in a cycle.
BYTES = 16.0
SIDE, CHANNELS = 56, 64
# An encoder of ViT-Base has 12 heads, 197 tokens and 64 numbers a head.
TOKENS, DEPTH, HEADS = 197, 64, 12
VECTOR_LANES = (4, 8)
SPEED_TILES = 100
# TPU v1: bytes of weights in a cycle, 34 GB/s at 700 MHz, and lanes.
TPU_BYTES, TPU_LANES = 48.6, 256
ROUNDS = 5
UNITS = {
    "cycles": "from the launch to the interrupt; of the layer alone, times its count",
    "bound_cycles": "cycles of the array, or those to read inputs and weights once, if more",
    "checking": "fraction of the cycles in which the program is checked before it begins",
    "array_active": "fraction of cycles in which a row enters the array",
    "vector": "fraction of the cycles, without those of the check, in which VECTOR works",
    "instructions": "of the program, times the count of the layer",
    "program_bytes": "likewise",
    "traffic": "bytes that the memory reads and writes, likewise",
}


def row(figure: str, measured: float, goal: float, *, at_most: bool = False) -> dict:
    """Return a figure beside its goal."""
    reached = measured <= goal if at_most else measured >= goal
    return {
        "figure": figure,
        "measured": round(measured, 4),
        "goal": f"at {'most' if at_most else 'least'} {goal:,}",
        "state": "reached" if reached else "missed",
    }


def opened(core: CoreConfig, what: str) -> CoreSimulator:
    """Return the simulator of a core, with a notice if it must be built."""
    with progress_bar(what, core_build(core)) as (building, _):
        return CoreSimulator(core, building=building)


def run_layer(simulator: CoreSimulator, layer: CoreLayer, timing: MemoryTiming) -> CoreRun:
    """Run a layer on the RTL."""
    x = layer.inputs()
    built = layer.program(simulator.config, timing.read_bytes)
    return run_compared(simulator, built, (x,), (layer.layer(x),), timing=timing)


def memory_of(rate: float) -> MemoryTiming:
    return MemoryTiming(read_bytes=rate, write_bytes=rate)


def measure_convolution() -> list[dict]:
    """Measure a 3 x 3 convolution: all of its program, and from its first product to its drain."""
    simulator = opened(CORE, "convolution on a core")
    run = run_layer(simulator, convolution(SIDE, CHANNELS), memory_of(BYTES))
    what = f"3 x 3 convolution of {SIDE} x {SIDE} x {CHANNELS}, array active"
    return [
        row(f"{what}, with its drain", run.active / (run.drained + 1 - run.first), 0.99),
        plain_row(f"{what}, from launch to interrupt", _active(run)),
    ]


def _active(run: CoreRun) -> float:
    return run.active / run.cycles


def layer_row(layer: CoreLayer, run: CoreRun, bound: int) -> dict:
    """Return the figures of a layer, times its count."""
    n = layer.count
    return {
        "layer": layer.name,
        "count": n,
        "cycles": n * run.cycles,
        "bound_cycles": n * bound,
        "of_bound": round(bound / run.cycles, 4),
        "array_active": round(_active(run), 4),
        "checking": round(run.begin / run.cycles, 4),
        "vector": round(run.working(Unit.VECTOR), 4),
        "instructions": n * run.instructions,
        "program_bytes": n * run.bytes,
        "traffic": n * run.traffic,
    }


def total(rows: list[dict], name: str) -> int:
    return sum(one[name] for one in rows)


def weighted(rows: list[dict], name: str) -> float:
    """Return a share of the cycles of all rows."""
    return sum(one[name] * one["cycles"] for one in rows) / total(rows, "cycles")


def measure_resnet50() -> list[dict]:
    """Measure each distinct layer of ResNet-50 once, as a program of its own."""
    simulator, layers = opened(CORE, "ResNet-50 on a core"), resnet50(CORE.lanes)
    rows = []
    with progress_bar("ResNet-50 on a core") as (_, step):
        for number, layer in enumerate(layers):
            run = run_layer(simulator, layer, memory_of(BYTES))
            rows.append(layer_row(layer, run, layer.bound(CORE, BYTES)))
            step(number + 1, len(layers))
    finish("core_resnet_layers", rows, UNITS)
    program, traffic = total(rows, "program_bytes"), total(rows, "traffic")
    bound = total(rows, "bound_cycles") / total(rows, "cycles")
    instructions = total(rows, "instructions")
    return [
        row("ResNet-50, of the sum of the bounds of its layers", bound, 0.95),
        row("ResNet-50, instructions of all programs", instructions, 8000, at_most=True),
        row("ResNet-50, programs, of the traffic", program / traffic, 0.05, at_most=True),
        plain_row("ResNet-50, cycles in which VECTOR works", weighted(rows, "vector")),
    ]


def vector_bound(core: CoreConfig, instructions: Sequence[Instruction]) -> int:
    """Return the cycles of all VECTORs, one after the other without a pause."""
    chunks = core.row_chunks
    return sum(
        vector_height(one)
        * window_size(one)
        * slots_per_beat(one, chunks)
        * (1 if one["function"] != Function.NONE else chunks.chunks)
        for one in instructions
        if one.opcode == Opcode.VECTOR
    )


def reciprocal_cycles(core: CoreConfig, instructions: Sequence[Instruction]) -> int:
    """Return the part of the vector bound in which reciprocals are computed."""
    functions = [one for one in instructions if one.opcode == Opcode.VECTOR and one["function"]]
    return vector_bound(core, functions)


def with_vector_lanes(core: CoreConfig, lanes: int) -> CoreConfig:
    return dataclasses.replace(core, vector=dataclasses.replace(core.vector, lanes=lanes))


def measure_attention() -> list[dict]:
    """Measure the attention of a layer with 12 heads, with the default lanes and with more."""
    source = np.random.default_rng(1)
    attention = AttentionHead.random(source, tokens=TOKENS, depth=DEPTH, heads=HEADS)
    inputs = attention.random_inputs(source)
    expected, rows = attention.expected(*inputs), []
    for lanes in VECTOR_LANES:
        core = with_vector_lanes(CORE, lanes)
        built = attention.program(core)
        simulator = opened(core, f"attention on a core with {lanes} vector lanes")
        run = run_compared(simulator, built, inputs, expected, timing=memory_of(BYTES))
        bound = vector_bound(core, built.program.instructions)
        scalars = reciprocal_cycles(core, built.program.instructions)
        active = run.active / run.body_cycles
        what = f"{HEADS} heads of attention, {TOKENS} tokens, d = {DEPTH}, V = {lanes}"
        goals = (0.95, 0.0) if lanes == VECTOR_LANES[0] else (0.0, 0.9)
        found = (("of the vector bound", bound / run.body_cycles), ("array active", active))
        rows += [
            row(f"{what}, {name}", number, goal) if goal else plain_row(f"{what}, {name}", number)
            for (name, number), goal in zip(found, goals, strict=True)
        ]
        share = scalars / run.body_cycles
        rows.append(plain_row(f"{what}, reciprocals, of the cycles", share))
    return rows


def measure_applications() -> list[dict]:
    """Measure layers of TPU v1's applications on a core that is scaled down alike."""
    scale = TPU_LANES // SCALED.lanes
    simulator, rows = opened(SCALED, "applications of TPU v1 on a core"), []
    rate = TPU_BYTES / scale
    for name in APPLICATIONS:
        layer = application(name, SCALED.lanes)
        x = layer.inputs()
        outputs = (repeated_outputs(layer, x),)
        built = repeated(SCALED, layer)
        run = run_compared(simulator, built, (x,), outputs, timing=memory_of(rate))
        bound = (layer.count - 1) * layer.bound(SCALED, rate, inputs=False)
        bound += layer.bound(SCALED, rate)
        found = layer_row(dataclasses.replace(layer, count=1), run, bound)
        rows.append(found | {"of_bound": round(bound / run.body_cycles, 4)})
    finish("core_applications_layers", rows, UNITS)
    what = f"{{}} / {scale} with {rate:.2f} bytes a cycle, of its bound"
    return [row(what.format(one["layer"].upper()), one["of_bound"], 0.95) for one in rows]


def measure_speed() -> list[dict]:
    """Measure the simulated cycles per second of the core and of its unit alone, in turn."""
    simulator, layer = opened(CORE, "speed of a core"), convolution(SIDE, CHANNELS)
    config = MatrixUnitConfig(rows=CORE.lanes, columns=CORE.lanes, accumulator_depth=4096)
    unit = MatrixUnitSimulator(config)
    rows, x = 16 * CORE.lanes, layer.inputs()
    a, b = draw_operands(config, rows, CORE.lanes, SPEED_TILES * CORE.lanes, seed=0)
    built, expected = layer.program(CORE, BYTES), a.astype(np.int64) @ b.astype(np.int64)
    ratios = []
    for _ in range(ROUNDS):
        memory = built.memory(x)
        started = user_seconds()
        result = simulator.run(built.program, memory, timing=memory_of(BYTES))
        core_rate = result.cycles / (user_seconds() - started)
        started = user_seconds()
        alone = unit.run([(a, b)])
        unit_rate = alone.cycles / (user_seconds() - started)
        same = np.array_equal(built.results(memory)[0], layer.layer(x))
        if result.sentence or not same or (alone.products[0] != expected).any():
            raise SimulationFailed("a result differs from numpy's")
        ratios.append((core_rate / unit_rate, core_rate))
    return [
        row(
            "Speed of the core's simulation, of that of its unit alone",
            statistics.median(ratio for ratio, _ in ratios),
            0.4,
        ),
        plain_row("Cycles of the core per second", max(rate for _, rate in ratios)),
    ]


def plain_row(figure: str, measured: float) -> dict:
    """Return a figure without a goal."""
    return {"figure": figure, "measured": round(measured, 4), "goal": "", "state": ""}


FIGURES = {
    "convolution": measure_convolution,
    "resnet": measure_resnet50,
    "attention": measure_attention,
    "applications": measure_applications,
    "speed": measure_speed,
}


def measure(figure: str = "") -> None:
    """Measure a figure, or all of them."""
    for name in (figure,) if figure else FIGURES:
        finish(f"core_{name}", FIGURES[name](), {"measured": "a fraction, or a number"})
