"""Proofs that a mutant does what the original does, for all inputs, from the first cycle on.

Both start from their initial values, and every output is compared in every cycle. A bit that the
Verilog leaves open, as what is read where a memory has no word, may be anything in either; but a
register without an initial value begins at 0.
"""

import contextlib
import importlib.util
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from weft.axi import port_documentation
from weft.config import MatrixUnitConfig

from ..toolchain import ToolMissing
from ..yosys import YosysFailed, run_yosys

# What is proved of a whole unit: the payload of a stream matters while it is valid, and only then.
COMPARED = "compared"
PAYLOAD = ("m_axis_results_tdata", "m_axis_results_tlast")
VALID = "m_axis_results_tvalid"


def prove(original: str, mutated: str, top: str, seconds: int) -> bool:
    """Whether module `top` of two texts of Verilog is proved to do the same.

    Parameters
    ----------
    seconds : int
        How long each of the steps of a proof goes on, by and large.

    Raises
    ------
    ToolMissing
        Without pyosys.
    """
    with tempfile.TemporaryDirectory(prefix="weft-mutation-") as scratch:
        folder = Path(scratch)
        (folder / "original.v").write_text(original)
        (folder / "mutated.v").write_text(mutated)
        try:
            run_yosys(*_miter(top), folder=folder)
            return _is_never_high(folder, seconds)
        except (YosysFailed, subprocess.TimeoutExpired):
            # A loop of gates is no machine that could be compared, and some proofs do not end.
            return False


def proof_version() -> str:
    """A name for what the outcome of a proof depends on beside the Verilog."""
    return f"{version('pyosys')} {Path(__file__).read_text()}"


def with_what_matters(config: MatrixUnitConfig, top: str) -> str:
    """Verilog of a module around a unit whose outputs are all that its user may look at."""
    ports = port_documentation(config)
    heads = [f"{way} [{bits - 1}:0] {name}" for name, (way, bits, _) in ports.items()]
    whole = [f"wire [{ports[name][1] - 1}:0] whole_{name};" for name in PAYLOAD]
    masked = [f"assign {name} = {VALID} ? whole_{name} : 0;" for name in PAYLOAD]
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


def _miter(top: str) -> list[str]:
    """Commands of Yosys that leave miter.aig, whose output is high where the outputs differ."""
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
        "miter -equiv -flatten original mutated miter",
        "hierarchy -top miter",
        "memory -nordff",
        # Registers that write_verilog adds where a read sees what is written have none.
        "setundef -init -zero",
        "opt -fast",
        "techmap",
        "opt -fast",
        "dffunmap",
        "setundef -undriven -anyseq",
        "opt_clean",
        "aigmap",
        "opt_clean",
        "write_aiger -zinit miter.aig",
    ]


def _is_never_high(folder: Path, seconds: int) -> bool:
    """Whether the output of miter.aig is proved to be low in every cycle.

    Registers that are always equal are found first, which are all but those near the change.
    """
    _abc(folder, seconds, "read_aiger miter.aig; strash; &get; &lcorr; &scorr; &put", "merged.aig")
    if _registers(folder / "merged.aig"):
        with contextlib.suppress(subprocess.TimeoutExpired):
            _abc(folder, seconds, "read_aiger merged.aig; strash; scorr", "merged.aig")
    if _registers(folder / "merged.aig"):
        said = _abc(folder, seconds, f"read_aiger merged.aig; strash; pdr -T {seconds}")
        return "Property proved" in said
    return "UNSATISFIABLE" in _abc(folder, seconds, "read_aiger merged.aig; strash; iprove")


def _registers(machine: Path) -> int:
    """How many there are in an AIGER file."""
    _, _, _, registers, *_ = machine.read_bytes().split(b"\n")[0].split()
    return int(registers)


def _abc(folder: Path, seconds: int, commands: str, written: str | None = None) -> str:
    """Run commands of ABC; leave what becomes of the machine, if that is named."""
    package = importlib.util.find_spec("pyosys")
    if package is None or package.origin is None:
        raise ToolMissing("pyosys")
    program = Path(package.origin).parent / "yosys-abc"
    write = f"; write_aiger fresh-{written}" if written else ""
    abc = subprocess.run(
        [program, "-c", commands + write],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=2 * seconds,
    )
    if written:
        (folder / f"fresh-{written}").replace(folder / written)
    return abc.stdout
