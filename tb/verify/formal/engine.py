"""The proof engine: from the RTLIL of a harness to an answer for each of its outputs.

Yosys maps the harness to gates, and abc decides: by property directed reachability (pdr) or
induction (ind), which are unbounded, or frame by frame up to a bound (bmc3).
"""

import re
import subprocess
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from weft_sim.yosys import run_yosys

from ..aiger import with_one_output
from .harness import REACHED, STARTED, TOP, WRONG

GATES = (
    f"hierarchy -check -top {TOP}",
    "proc",
    "flatten",
    "memory_map",
    # All initial values are arbitrary, except that of STARTED. This comes before any optimization,
    # which would treat a register that is never written as undefined.
    f"setattr -unset init w:* w:{STARTED} %d",
    "dffunmap",
    "formalff -clk2ff -ff2anyinit -hierarchy",
    "opt -full",
    "techmap",
    "opt -fast",
    "simplemap",
    "aigmap",
    "opt_clean",
    "write_aiger -zinit -map {name}.map {name}.aig",
)


class ProofFailed(RuntimeError):
    """A tool gave no answer; the message is the end of its output."""


@dataclass(frozen=True)
class SolverAnswer:
    """The answer for one output.

    `frame`: the cycle after the reset in which the output is high, or the bound up to which it
    never is; None if it is proved never to be high.
    """

    high: bool
    frame: int | None
    seconds: float


def outputs_of(rtlil: str) -> list[str]:
    """Return the outputs of a harness in order, without outputs of modules inside it."""
    top = re.search(rf"(?ms)^module \\{TOP}$.*?^end$", rtlil)
    kinds = rf"(?:{WRONG}|{REACHED})"
    ports = rf"(?m)^  wire (?:width 1 )?output \d+ +\\({kinds}\w+)$"
    return re.findall(ports, top[0]) if top else []


def make_gates(rtlil: str, folder: Path, name: str) -> Path:
    """Map a harness to gates; return the path of the AIGER file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.il").write_text(rtlil)
    commands = [command.format(name=name) for command in GATES]
    run_yosys(f"read_rtlil {name}.il", *commands, folder=folder, log=folder / f"{name}.yosys.log")
    return folder / f"{name}.aig"


def decide(gates: Path, output: int, method: str, seconds: int) -> SolverAnswer:
    """Decide whether an output, given by its index, can ever be high.

    Parameters
    ----------
    method : str
        "pdr"; "induction K"; or "bmc K", which covers only the first K cycles.
    seconds : int
        Time limit.

    Raises
    ------
    ProofFailed
    """
    alone = gates.with_name(f"{gates.stem}.{output}.aig")
    alone.write_bytes(with_one_output(gates.read_bytes(), output))
    kind, *bound = method.split()
    started = time.monotonic()
    if kind == "induction":
        first = decide(gates, output, f"bmc {bound[0]}", seconds)
        if first.high:
            return first
        output_text = _run_abc(alone, f"ind -F {bound[0]}", seconds)
        holds = "Networks are equivalent" in output_text
    else:
        output_text = _run_abc(alone, f"bmc3 -F {bound[0]}" if kind == "bmc" else "pdr", seconds)
        holds = "Property proved" in output_text
    took = round(time.monotonic() - started, 2)
    if holds:
        return SolverAnswer(False, None, took)
    if found := re.search(r"asserted in frame (\d+)", output_text):
        return SolverAnswer(True, int(found[1]), took)
    frames = re.search(r"No output asserted in (\d+) frames", output_text)
    if kind == "bmc" and frames and int(frames[1]) >= int(bound[0]):
        return SolverAnswer(False, int(frames[1]), took)
    raise ProofFailed(f"no answer from {method} in {seconds} s: {output_text.strip()[-200:]}")


def _run_abc(aiger: Path, engine: str, seconds: int) -> str:
    """Return the output of abc for the only output of an AIGER file."""
    abc = Path(str(files("pyosys") / "yosys-abc"))
    script = f"read_aiger {aiger.name}; strash; {engine} -T {seconds}"
    done = subprocess.run([abc, "-q", script], cwd=aiger.parent, capture_output=True, text=True)
    return done.stdout + done.stderr
