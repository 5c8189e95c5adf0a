"""Prove that a mutant is equivalent to the original, for all inputs, from the first cycle on.

Both start from their initial values, and every output is compared in every cycle. Signals of the
two that are always equal are merged, by induction; property directed reachability decides the rest.
Outputs that are still undecided are then proved one by one, by induction over more cycles: if the
mutant stores a row at another address, signals agree only after a whole pipeline. Undefined bits,
such as a read beyond the last word of a memory, are arbitrary in both; but a register without an
initial value starts at 0.

A unit with checksums must detect flipped bits. Both must therefore behave the same while any number
of data bits flip, the same bits in both. Bits of memories flip when they are read.
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

# Module around a whole unit that is compared: the payload of a stream counts only while valid.
COMPARED = "compared"
# The same comparison, while bits flip.
COMPARED_WITH_FLIPS = "compared while bits flip"
PAYLOAD = ("m_axis_results_tdata", "m_axis_results_tlast")
VALID = "m_axis_results_tvalid"
# AIGER has no clocks, so circuits with another clock or another clock edge are not compared.
ONE_CLOCK = (
    "select -assert-none r:CLK_POLARITY=0",
    "select -assert-none t:$*ff* t:$*latch* %u w:in_clk w:in_aclk %u %co1:+[CLK] %d",
)
# Cycles of the inductions: one cycle, one module, and the longest path through a unit.
INDUCTIONS = (1, 4, 24)
# Most mutants that are not equivalent differ in the first cycles.
REFUTE = "bmc3 -F 40 -T 5"


def prove(original: str, mutated: str, top: str, seconds: int) -> bool:
    """Return whether module `top` of two Verilog texts is proved to be equivalent.

    Parameters
    ----------
    top : str
        A module; or COMPARED_WITH_FLIPS, for COMPARED while bits flip.
    seconds : int
        Approximate time limit of each step of the proof.

    Raises
    ------
    ToolMissing
        If pyosys is not installed.
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
            # Combinational loops cannot be compared, unrecognized registers cannot flip, and some
            # proofs do not end.
            return False


def proof_version() -> str:
    """Return a text with everything that a proof depends on, except the Verilog."""
    files = [Path(__file__), *(Path(module.__file__ or "") for module in (classes, netlist))]
    return " ".join([version("pyosys"), *(file.read_text() for file in files)])


def comparison_module(config: MatrixUnitConfig, top: str) -> str:
    """Return the Verilog of COMPARED: a unit whose payload is masked while it is not valid.

    Each byte of the payload is a separate output, so that bytes are proved one by one.
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
    """Return COMPARED with a unit whose data bits flip in each cycle in which their input is high.

    The inputs are named after the bits, so units with different bits are not equivalent.

    Raises
    ------
    ValueError
        If a register is not recognized.
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
    """Return Yosys commands that write miter.aig.

    Its outputs are high while the outputs of both modules are equal.
    """
    commands = []
    for name in ("original", "mutated"):
        commands += [
            f"read_verilog {name}.v",
            f"hierarchy -top {top}",
            "proc",
            # write_verilog leaves the data of disabled writes undefined.
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
        # Registers that write_verilog adds for transparent reads have no initial value.
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
    """Return whether all outputs of miter.aig are proved to be always high."""
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
    """Merge signals that are always equal, as far as this can be shown in time."""
    for cycles in inductions:
        if not register_count((folder / f"{name}.aig").read_bytes()):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            _abc(folder, seconds, name, f"scorr -F {cycles}", name)


def _abc(folder: Path, seconds: int, read: str, commands: str, written: str | None = None) -> str:
    """Run ABC commands on an AIGER file, and write the resulting circuit if `written` names it."""
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
