"""Parts of the Markdown files that are generated from the code, so that they match it.

A part stands between `<!-- made: name -->` and `<!-- end -->`; `make docs` regenerates it.
"""

import dataclasses
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import format_tables
import fpga_tables
import host_interface_tables
import host_link_tables
import isa_tables
import programming_tables
import sequencer_tables
import shape_tables
import topology_tables
import transaction
import vector_tables
from markdown_table import table
from weft import SMALL, TINY, TPU_V1, MatrixUnitConfig
from weft.core.axi_matrix_unit import port_documentation, tuser_layout
from weft.emit.export import emit
from weft.emit.verilog import LINT_PROLOGUE
from weft.matrix.accumulators import AccumulatorBank
from weft.matrix.admission import Admission
from weft.matrix.counters import CycleCounters
from weft.matrix.layouts import (
    ACTIVITY_SENTENCES,
    ERROR_SENTENCES,
    Error,
    activation_layout,
    bit_of,
    counter_layout,
)
from weft.matrix.results import ResultBuffer
from weft.matrix.timing import MatrixUnitTiming
from weft.parameters import parameters_of
from weft_cli.benchmarks.utilization import PRODUCTS
from weft_model import Schedule, predict
from weft_model.cycle_model import lower_bound
from weft_model.layer_cycles import without_overlap

DOCS = Path(__file__).parents[1]
BENCHES = DOCS.parent / "tb"
# The output of a command, which depends on the machine: only `make docs` runs it.
OUTPUT = re.compile(r"(?s)(<!-- output: ([^\n]+) -->\n).*?(<!-- end -->)")
PART = re.compile(r"(?s)(<!-- made: (\w+) -->\n).*?(<!-- end -->)")


def stale() -> list[str]:
    """Markdown files whose made parts differ from what the code says."""
    return [path.name for path, text in _remade() if path.read_text() != text]


def write() -> list[Path]:
    """Regenerate all parts; return the files that changed."""
    changed = [(path, text) for path, text in _remade() if path.read_text() != text]
    for path, text in changed:
        path.write_text(text)
    return [path for path, _ in changed]


def run_commands() -> list[Path]:
    """Run the commands whose output a file shows, and replace it; return the changed files."""
    shown = []
    for path in _files():
        text = path.read_text()
        fresh = OUTPUT.sub(lambda m: f"{m[1]}```\n{_output_of(m[2])}```\n{m[3]}", text)
        if fresh != text:
            path.write_text(fresh)
            shown.append(path)
    return shown


def _output_of(command: str) -> str:
    program, *arguments = command.split()
    path = Path(sys.executable).with_name(program)
    run = subprocess.run([path, *arguments], capture_output=True, text=True, check=True)
    return "".join(f"{line.rstrip()}\n" for line in run.stdout.splitlines())


def _files() -> list[Path]:
    return [DOCS.parent / "README.md", *sorted(DOCS.glob("*.md"))]


def _remade() -> Iterable[tuple[Path, str]]:
    for path in _files():
        text = path.read_text()
        yield path, PART.sub(lambda m: f"{m[1]}{PARTS[m[2]]()}\n{m[3]}", text)


def ports() -> str:
    """Every port of the Verilog of a 16 x 16 unit."""
    rows = [
        (f"`{name}`", direction, bits, meaning)
        for name, (direction, bits, meaning) in port_documentation(SMALL).items()
        if not name.startswith("counter_")
    ]
    width = counter_layout()["total"].width
    counters = ", ".join(f"`counter_{name}`" for name, _ in counter_layout())
    rows.append((counters, "output", f"{width} each", "see [Counters](#counters)"))
    return table(("Port", "Direction", "Bits", "Meaning"), rows)


def sentences(text: str) -> dict[str, str]:
    """The fields that a docstring explains as "`name`: sentence ..."."""
    flat = " ".join(text.split())
    return dict(re.findall(r"`(\w+)`: (.*?\.)(?= `\w+`:|$)", flat))


def tuser() -> str:
    """Fields of s_axis_activations_tuser, for a 16 x 16 unit."""
    meanings = sentences(activation_layout.__doc__)
    rows = []
    for name, field in tuser_layout(SMALL):
        top = field.offset + field.width - 1
        bits = f"[{top}:{field.offset}]" if field.width > 1 else f"[{field.offset}]"
        rows.append((bits, f"`{name}`", meanings[name].rstrip(".")))
    return table(("Bits", "Field", "Meaning"), rows)


def errors() -> str:
    """Bits of error_status."""
    rows = [(f"[{bit_of(e)}]", f"`{e.name}`", ERROR_SENTENCES[e]) for e in Error]
    return table(("Bit", "Error", "Meaning"), rows)


def counters() -> str:
    """The counters and what they count."""
    late = Admission.activity_latency + CycleCounters.latency - 1
    rows = [("`counter_total`", "every cycle", 0)]
    for activity, sentence in ACTIVITY_SENTENCES.items():
        rows.append((f"`counter_{activity.name.lower()}`", sentence, late))
    return table(("Counter", "Counts cycles in which", "Cycles late"), rows)


def parameters() -> str:
    """The parameters of MatrixUnitConfig."""
    rows = [
        (
            f"`{name}`",
            ", ".join(part for part in (type(known.default).__name__, known.legal) if part),
            known.default,
            known.meaning.rstrip("."),
        )
        for name, known in parameters_of(MatrixUnitConfig).items()
    ]
    return table(("Parameter", "Values", "Default", "Meaning"), rows)


def beat_by_beat() -> str:
    """The transfers of the worked transaction."""
    digits = {
        name.removesuffix("_tdata").split("_")[-1]: bits // 4
        for name, (_, bits, _) in port_documentation(transaction.CONFIG).items()
        if name.endswith("_tdata")
    }
    rows = [
        (
            beat.cycle,
            beat.port,
            f"`0x{beat.tdata:0{digits[beat.port]}x}`",
            "" if beat.tuser is None else f"`0x{beat.tuser:02x}`",
            beat.tlast,
        )
        for beat in transaction.transfers()
    ]
    return table(("Cycle", "Stream", "tdata", "tuser", "tlast"), rows)


def latency() -> str:
    """The parts of the latency of a unit."""
    parts: dict[str, Callable[[MatrixUnitConfig], int]] = {
        "port to the west edge: `Admission.latency`": lambda c: Admission.latency,
        "array: `timing.array`": lambda c: MatrixUnitTiming.of(c).array,
        "accumulator: `AccumulatorBank.latency`": lambda c: AccumulatorBank.latency,
        "deskew and result buffer: `ResultBuffer.latency_of`": ResultBuffer.latency_of,
    }
    configs = (TINY, SMALL, TPU_V1)
    rows = [(name, *(part(c) for c in configs)) for name, part in parts.items()]
    sums = [sum(part(c) for part in parts.values()) for c in configs]
    if sums != [MatrixUnitTiming.of(c).latency for c in configs]:
        raise ValueError("the parts do not add up to MatrixUnitTiming.latency")
    rows.append(("**sum: `timing.latency`**", *(f"**{total}**" for total in sums)))
    places = (MatrixUnitTiming.of(c).result_depth for c in configs)
    rows.append(("places for results: `timing.result_depth`", *places))
    return table(("Cycles", *(f"{c.rows} x {c.columns}" for c in configs)), rows)


def widths() -> str:
    """Widths inside units of some formats."""
    configs = [
        SMALL,
        TPU_V1,
        dataclasses.replace(SMALL, activation="int16", weight="int16"),
        dataclasses.replace(SMALL, activation="int16", accumulator_width=24, adder_stages=2),
    ]
    rows = [
        (
            f"{c.activation} by {c.weight}",
            c.rows,
            c.arithmetic.product_shape.width,
            c.arithmetic.sum_width,
            " + ".join(map(str, c.arithmetic.sum_parts)),
            c.accumulator_width,
        )
        for c in configs
    ]
    heads = ("Operands", "Rows", "Product", "Partial sum", "Its parts", "Accumulator")
    return table(heads, rows)


def utilization() -> str:
    """The figures of `make bench` at 16 x 16, from the cycle model that checks them."""
    rows = []
    for m, k, n in PRODUCTS:
        schedule = Schedule(SMALL, m, k, n)
        prediction = predict(SMALL, [schedule])
        active = prediction.counters["computing"] / prediction.cycles
        peak = m * k * n / (prediction.cycles * SMALL.rows * SMALL.columns)
        rows.append(
            (
                *(m, k, n),
                f"{prediction.cycles:,}",
                f"{lower_bound(SMALL, [schedule]):,}",
                f"{active:.1%}",
                f"{peak:.1%}",
                f"{without_overlap(SMALL, schedule):,}",
            )
        )
    heads = ("M", "K", "N", "cycles", "lower bound", "array active", "of peak", "no overlap")
    return table(heads, rows)


def cycles() -> str:
    """The formula applied to some products, compared with the cycle model."""
    products = [(SMALL, 100, 40, 50), (SMALL, 5, 40, 50), (SMALL, 1000, 40, 50), (TINY, 4, 8, 4)]
    rows = []
    for config, m, k, n in products:
        schedule = Schedule(config, m, k, n)
        stays, height = schedule.stays(), config.rows
        terms = [max(stay, height) for stay in stays[:-1]]
        latency = MatrixUnitTiming.of(config).latency
        total = height + sum(terms) + stays[-1] + latency - 1
        prediction = predict(config, [schedule])
        if total != prediction.cycles:
            raise ValueError(f"the formula gives {total} cycles, the model {prediction.cycles}")
        formula = f"{height} + {sum(terms)} + {stays[-1]} + {latency} - 1"
        active = prediction.counters["computing"] / total
        shape = f"{config.rows} x {config.columns}"
        counted = ", ".join(f"{n} x {stay}" for stay, n in sorted(Counter(stays).items()))
        sizes = f"{m}, {k}, {n}"
        rows.append((shape, sizes, counted, f"{formula} = **{total}**", f"{active:.1%}"))
    return table(("Array", "M, K, N", "Tiles x rows", "Cycles", "Array active"), rows)


def fields() -> str:
    """The modules of a 16 x 16 array."""
    names = re.findall(r"(?m)^module \w+__(systolic_\w+|cell)\b", emit(SMALL).verilog)
    return ", ".join(f"`{name}`" for name in names) + f": {len(names)} modules."


def cell() -> str:
    """The cell of a 4 x 4 unit, as emitted."""
    text = re.search(r"(?ms)^module \w+__cell \(.*?^endmodule\n", emit(TINY).verilog)[0]
    return f"```verilog\n{text}```"


DESCRIPTION_KEYS = {
    "name": "the top module, and first part of every other module's name",
    "version": "of Weft",
    "parameters": "every field of `MatrixUnitConfig`",
    "latency_cycles": "from an activation row's transfer to its result's, without stalls",
    "check_latency_cycles": "from a result's transfer until `error_status` shows what was wrong "
    "with it; 0 without `checksum`",
    "ports": "name to direction, bits and meaning",
    "errors": "bits of `error_status`, lowest first, and what each means",
    "modules": "number of modules in the file",
    "bytes": "size of the file",
    "sha256": "of the file; the same for the same parameters and tools",
    "tools": "versions of the tools that wrote it",
}


def waivers() -> str:
    """The lint rules that are off in the Verilog, and why."""
    found = re.findall(r"// (.*)\n/\* verilator lint_off (\w+) \*/", LINT_PROLOGUE)
    return table(("Rule", "Reason"), [(f"`{rule}`", reason) for reason, rule in found])


def description() -> str:
    """Keys of the JSON next to the Verilog."""
    keys = list(emit(TINY).description)
    return table(("Key", "Value"), [(f"`{key}`", DESCRIPTION_KEYS[key]) for key in keys])


def example() -> str:
    """The example of an instantiation."""
    return f"```verilog\n{(DOCS / 'example_top.v').read_text()}```"


def benches() -> str:
    """The test files, by the first line of their docstrings."""
    rows = []
    for path in sorted(BENCHES.rglob("test_*.py")):
        first = re.match(r'"""(.*?)(?:"""|\n)', path.read_text())[1]
        name = path.relative_to(BENCHES)
        rows.append((f"[`{name}`](../tb/{name})", first.strip().rstrip(".")))
    return table(("File", "What it checks"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "ports": ports,
    "tuser": tuser,
    "errors": errors,
    "counters": counters,
    "parameters": parameters,
    "transaction": beat_by_beat,
    "latency": latency,
    "widths": widths,
    "cycles": cycles,
    "utilization": utilization,
    "fields": fields,
    "cell": cell,
    "waivers": waivers,
    "description": description,
    "example": example,
    "benches": benches,
    "boards": fpga_tables.boards,
    "refusals": fpga_tables.refusals,
    "commands": host_link_tables.commands,
    "statuses": host_link_tables.statuses,
    "registers": host_link_tables.registers,
    "core_host_registers": host_link_tables.core_host_registers,
    "topology": topology_tables.topology,
    "shapes": shape_tables.shapes,
    "depths": shape_tables.depths,
    "operands": format_tables.operands,
    "pieces": format_tables.pieces,
    "floats": format_tables.floats,
    "chained": format_tables.chained,
    "digits_in_floats": format_tables.digits_in_floats,
    **isa_tables.PARTS,
    **host_interface_tables.PARTS,
    **programming_tables.PARTS,
    **sequencer_tables.PARTS,
    **vector_tables.PARTS,
}
