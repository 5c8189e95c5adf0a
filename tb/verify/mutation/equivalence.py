"""Proofs that a mutant does what the original does, for all inputs, from the first cycle on.

Both start from their initial values, and every output is compared in every cycle. Signals of the
two that are always equal are made one, by induction; what does not settle so is left to property
directed reachability. Outputs that are still open are looked at one by one, over longer stretches:
where the mutant keeps a row at another address, signals agree only from end to end of a pipeline.
A bit that the Verilog leaves open, as what is read where a memory has no word, may be anything in
either; but a register without an initial value begins at 0.

A unit with checksums has to tell of bits that flip: both have to do the same while any bits of data
flip, however many, the same in both; those of memories where they are read.
"""

import contextlib
import importlib.util
import re
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from weft.core.axi_matrix_unit import port_documentation
from weft.matrix.config import MatrixUnitConfig
from weft_sim.toolchain import ToolMissing
from weft_sim.yosys import YosysFailed, run_yosys

from ..aiger import NEVER_HIGH, output_literals, register_count, with_one_output
from ..faults import classes, netlist

# What is proved of a whole unit: the payload of a stream matters while it is valid, and only then.
COMPARED = "compared"
# The same, while bits flip.
COMPARED_WITH_FLIPS = "compared while bits flip"
PAYLOAD = ("m_axis_results_tdata", "m_axis_results_tlast")
VALID = "m_axis_results_tvalid"
# AIGER has no clocks: a machine whose registers have another one, or another edge, is not compared.
ONE_CLOCK = (
    "select -assert-none r:CLK_POLARITY=0",
    "select -assert-none t:$*ff* t:$*latch* %u w:in_clk w:in_aclk %u %co1:+[CLK] %d",
)
# From so many cycles to the next: one, a room, and the longest way through a unit.
INDUCTIONS = (1, 4, 24)
# Most of what is not equivalent differs in the first cycles.
REFUTE = "bmc3 -F 40 -T 5"


def prove(original: str, mutated: str, top: str, seconds: int) -> bool:
    """Whether module `top` of two texts of Verilog is proved to do the same.

    Parameters
    ----------
    top : str
        A module; or COMPARED_WITH_FLIPS, for COMPARED while bits flip.
    seconds : int
        How long each of the steps of a proof goes on, by and large.

    Raises
    ------
    ToolMissing
        Without pyosys.
    """
    with tempfile.TemporaryDirectory(prefix="weft-mutation-") as scratch:
        folder = Path(scratch)
        try:
            if top == COMPARED_WITH_FLIPS:
                original, mutated, top = with_flips(original), with_flips(mutated), COMPARED
            (folder / "original.v").write_text(original)
            (folder / "mutated.v").write_text(mutated)
            run_yosys(*_miter(top), folder=folder)
            return _are_always_high(folder, seconds)
        except (YosysFailed, ValueError, subprocess.TimeoutExpired):
            # A loop of gates is no machine that could be compared, in registers that are not
            # understood nothing can flip, and some proofs do not end.
            return False


def proof_version() -> str:
    """A name for what the outcome of a proof depends on beside the Verilog."""
    files = [Path(__file__), *(Path(module.__file__ or "") for module in (classes, netlist))]
    return " ".join([version("pyosys"), *(file.read_text() for file in files)])


def with_what_matters(config: MatrixUnitConfig, top: str) -> str:
    """Verilog of a module around a unit whose outputs are all that its user may look at.

    Bytes of the payload are outputs of their own, which are proved one by one.
    """
    ports = port_documentation(config)
    heads = [
        f"{way} [{bits - 1}:0] {name}"
        for name, (way, bits, _) in ports.items()
        if name not in PAYLOAD
    ]
    whole = [f"wire [{ports[name][1] - 1}:0] whole_{name};" for name in PAYLOAD]
    masked = []
    for name in PAYLOAD:
        for start in range(0, ports[name][1], 8):
            last = min(start + 8, ports[name][1]) - 1
            heads.append(f"output [{last - start}:0] {name}_{start}")
            masked.append(f"assign {name}_{start} = {VALID} ? whole_{name}[{last}:{start}] : 0;")
    connected = [f".{name}({f'whole_{name}' if name in PAYLOAD else name})" for name in ports]
    return "\n".join(
        [
            f"module {COMPARED}({', '.join(heads)});",
            *whole,
            *masked,
            f"{top} unit({', '.join(connected)});",
            "endmodule",
        ]
    )


def with_flips(verilog: str) -> str:
    """COMPARED around a unit whose bits of data flip in each cycle in which an input says so.

    Each bit has an input of its name; two units with other bits are not alike.

    Raises
    ------
    ValueError
        If a register is not understood.
    """
    wrapper = re.search(rf"(?ms)^module {COMPARED}\(.*?^endmodule", verilog)
    top = re.search(r"(?m)^(\w+) unit\(", wrapper[0]) if wrapper else None
    if wrapper is None or top is None:
        raise ValueError(f"there is no module {COMPARED} around a unit")
    faulty = netlist.with_faults(verilog, top[1], all_named=False)
    flips = [
        f"\\flip_{bit.register}_{bit.place} "
        if classes.class_of(bit.register) in classes.DATA and not bit.register.endswith("]")
        else ""
        for bit in faulty.bits
    ]
    faults = ", ".join(flip or "1'b0" for flip in reversed(flips))
    inputs = ", ".join(filter(None, flips))
    around = wrapper[0].replace(f"module {COMPARED}(", f"module {COMPARED}(input {inputs}, ")
    around = around.replace(f"{top[1]} unit(", f"{top[1]} unit(.fault({{{faults}}}), ")
    return f"{faulty.verilog}\n{around}\n"


def _miter(top: str) -> list[str]:
    """Commands of Yosys that leave miter.aig, with an output for each that is high where both
    modules do the same."""
    commands = []
    for name in ("original", "mutated"):
        commands += [
            f"read_verilog {name}.v",
            f"hierarchy -top {top}",
            "proc",
            # The data of a write that is not enabled, which write_verilog leaves open.
            "opt_expr -mux_undef",
            "flatten",
            "opt -fast",
            f"rename {top} {name}",
            f"design -stash {name}",
        ]
    commands += [f"design -copy-from {name} -as {name} {name}" for name in ("original", "mutated")]
    return [
        *commands,
        "miter -equiv -flatten -make_outcmp original mutated miter",
        "delete -port miter/trigger",
        "hierarchy -top miter",
        "memory -nordff",
        # Registers that write_verilog adds where a read sees what is written have none.
        "setundef -init -zero",
        "opt -fast",
        *ONE_CLOCK,
        "techmap",
        "opt -fast",
        "dffunmap",
        "setundef -undriven -anyseq",
        "opt_clean",
        "aigmap",
        "opt_clean",
        "write_aiger -zinit miter.aig",
    ]


def _are_always_high(folder: Path, seconds: int) -> bool:
    """Whether the outputs of miter.aig are proved to be high in every cycle."""
    _abc(folder, seconds, "miter", "&get; &lcorr; &scorr; &put", "merged")
    _merge(folder, seconds, "merged", INDUCTIONS[:1])
    merged = (folder / "merged.aig").read_bytes()
    return all(
        _is_always_high(folder, seconds, merged, output)
        for output in range(len(output_literals(merged)))
    )


def _is_always_high(folder: Path, seconds: int, machine: bytes, output: int) -> bool:
    (folder / "open.aig").write_bytes(with_one_output(machine, output, inverted=True))
    _abc(folder, seconds, "open", "scleanup", "open")
    if "asserted in frame" in _abc(folder, seconds, "open", REFUTE):
        return False
    _merge(folder, seconds, "open", INDUCTIONS)
    left = (folder / "open.aig").read_bytes()
    if output_literals(left) == [NEVER_HIGH]:
        return True
    if register_count(left):
        return "Property proved" in _abc(folder, seconds, "open", f"pdr -T {seconds}")
    return "UNSATISFIABLE" in _abc(folder, seconds, "open", "iprove")


def _merge(folder: Path, seconds: int, name: str, inductions: tuple[int, ...]) -> None:
    """Make signals one that are always equal, as far as that can be shown in time."""
    for cycles in inductions:
        if not register_count((folder / f"{name}.aig").read_bytes()):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            _abc(folder, seconds, name, f"scorr -F {cycles}", name)


def _abc(folder: Path, seconds: int, read: str, commands: str, written: str | None = None) -> str:
    """Run commands of ABC on a machine; leave what becomes of it, if that is named."""
    package = importlib.util.find_spec("pyosys")
    if package is None or package.origin is None:
        raise ToolMissing("pyosys")
    program = Path(package.origin).parent / "yosys-abc"
    write = f"; write_aiger fresh-{written}.aig" if written else ""
    abc = subprocess.run(
        [program, "-c", f"read_aiger {read}.aig; strash; {commands}{write}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=2 * seconds,
    )
    if written:
        (folder / f"fresh-{written}.aig").replace(folder / f"{written}.aig")
    return abc.stdout
