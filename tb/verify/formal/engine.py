"""The engine: from the RTLIL of a harness to an answer on each of its outputs.

Yosys makes gates of the harness and abc decides: by property directed reachability (pdr), which
proves for all time, or frame by frame up to a bound (bmc3).
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
    # Everything begins with anything, but for what tells the first cycle. Said before any
    # optimization, which would take a register that is never written for one without a value.
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
    """A tool gave no answer; the text is the end of what it said."""


@dataclass(frozen=True)
class SolverAnswer:
    """What was found of one output.

    `frame` is the cycle after the reset in which it was high, or up to which it never is; None if
    it never is, for all time.
    """

    high: bool
    frame: int | None
    seconds: float


def outputs_of(rtlil: str) -> list[str]:
    """The outputs of a harness in their order; those of the hardware in it may be called alike."""
    top = re.search(rf"(?ms)^module \\{TOP}$.*?^end$", rtlil)
    kinds = rf"(?:{WRONG}|{REACHED})"
    ports = rf"(?m)^  wire (?:width 1 )?output \d+ +\\({kinds}\w+)$"
    return re.findall(ports, top[0]) if top else []


def make_gates(rtlil: str, folder: Path, name: str) -> Path:
    """The harness as an AIGER file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.il").write_text(rtlil)
    commands = [command.format(name=name) for command in GATES]
    run_yosys(f"read_rtlil {name}.il", *commands, folder=folder, log=folder / f"{name}.yosys.log")
    return folder / f"{name}.aig"


def decide(gates: Path, output: int, method: str, seconds: int) -> SolverAnswer:
    """Whether an output, by its number, can ever be high.

    Parameters
    ----------
    method : str
        "pdr"; "induction K"; or "bmc K" for the first K cycles only.
    seconds : int
        Give up after that time.

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
        said = _ask(alone, f"ind -F {bound[0]}", seconds)
        holds = "Networks are equivalent" in said
    else:
        said = _ask(alone, f"bmc3 -F {bound[0]}" if kind == "bmc" else "pdr", seconds)
        holds = "Property proved" in said
    took = round(time.monotonic() - started, 2)
    if holds:
        return SolverAnswer(False, None, took)
    if found := re.search(r"asserted in frame (\d+)", said):
        return SolverAnswer(True, int(found[1]), took)
    frames = re.search(r"No output asserted in (\d+) frames", said)
    if kind == "bmc" and frames and int(frames[1]) >= int(bound[0]):
        return SolverAnswer(False, int(frames[1]), took)
    raise ProofFailed(f"no answer from {method} in {seconds} s: {said.strip()[-200:]}")


def _ask(aiger: Path, engine: str, seconds: int) -> str:
    """What abc says of the only output of an AIGER file."""
    abc = Path(str(files("pyosys") / "yosys-abc"))
    script = f"read_aiger {aiger.name}; strash; {engine} -T {seconds}"
    done = subprocess.run([abc, "-q", script], cwd=aiger.parent, capture_output=True, text=True)
    return done.stdout + done.stderr
