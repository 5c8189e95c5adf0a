"""`verify formal`: run all proofs and all broken copies, and report the results."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.table import Table

from weft.emit.files import write_whole
from weft_cli.benchmarks.results import machine
from weft_cli.console import console, progress_bar
from weft_sim.toolchain import build_root, require_packages

from .breaks import Break
from .engine import ProofFailed, SolverAnswer, decide, make_gates, outputs_of
from .generate import generate
from .harness import REACHED, WRONG
from .proof import Proof
from .proofs import PROOFS

# Bound of the search for reached conditions, and for failures of broken copies, when the proof
# itself is unbounded.
SEARCH = "bmc 40"
SECONDS = 600


@dataclass(frozen=True)
class Task:
    """One circuit: the hardware as it is, or with one broken line."""

    proof: Proof
    broken: Break | None = None

    @property
    def name(self) -> str:
        if self.broken is None:
            return self.proof.name
        return f"{self.proof.name}, broken {self.proof.breaks.index(self.broken) + 1}"


@dataclass
class ProofResult:
    """Result of a task: an answer for each of its outputs."""

    task: Task
    answers: dict[str, SolverAnswer] = field(default_factory=dict)
    failure: str = ""

    @property
    def failed(self) -> list[str]:
        """Properties that do not hold."""
        return [n for n, v in self.answers.items() if n.startswith(WRONG) and v.high]

    @property
    def unreached(self) -> list[str]:
        return [n for n, v in self.answers.items() if n.startswith(REACHED) and not v.high]

    @property
    def cycle(self) -> int | None:
        """The first cycle in which a property does not hold."""
        return min((self.answers[name].frame or 0 for name in self.failed), default=None)

    @property
    def seconds(self) -> float:
        return sum(answer.seconds for answer in self.answers.values())

    @property
    def wrong(self) -> str:
        """What is wrong with the result, in a sentence; empty if nothing is."""
        if self.failure:
            return self.failure
        if self.task.broken:
            return "" if self.failed else f"{self.task.broken.fails} holds for {self.task.broken}"
        if self.failed:
            cycles = [f"{n} in cycle {self.answers[n].frame}" for n in self.failed]
            return f"does not hold: {', '.join(cycles)}"
        return f"never reached: {', '.join(self.unreached)}" if self.unreached else ""


def run(task: Task, folder: Path) -> ProofResult:
    """Decide every output of a task; for a broken copy, only the property that must fail."""
    result = ProofResult(task)
    try:
        rtlil = generate(task.proof, task.broken)
        gates = make_gates(rtlil, folder, task.name.replace(",", "").replace(" ", "_"))
        outputs = outputs_of(rtlil)
        for output in [WRONG + task.broken.fails] if task.broken else outputs:
            answer = decide(gates, outputs.index(output), _method(task, output), SECONDS)
            result.answers[output] = answer
    except (ProofFailed, ValueError) as error:
        result.failure = str(error)
    return result


def _method(task: Task, output: str) -> str:
    """Return the method for an output.

    If the proof is bounded, reached conditions and failures of broken copies must occur within its
    bound. If it is unbounded, they are searched for up to the bound of SEARCH.
    """
    method = task.proof.method_of(output)
    proves = output.startswith(WRONG) and not task.broken
    return method if proves or method.startswith("bmc") else SEARCH


def prove_all(names: tuple[str, ...]) -> bool:
    """Run all proofs, or the named ones, and their broken copies; return whether nothing is wrong.

    Raises
    ------
    ToolMissing
        If pyosys is not installed.
    ValueError
        If a proof does not exist.
    """
    require_packages("pyosys")
    known = {proof.name: proof for proof in PROOFS}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no proof {unknown[0]!r}: choose from {', '.join(known)}")
    proofs = [known[name] for name in names] if names else list(PROOFS)
    folder = build_root() / "formal"
    tasks = [Task(proof) for proof in proofs]
    tasks += [Task(proof, broken) for proof in proofs for broken in proof.breaks]
    started = time.monotonic()
    results = []
    with progress_bar("proofs") as (_, step), ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(lambda task: run(task, folder), tasks):
            results.append(result)
            if result.task.broken is None or result.wrong:
                outcome = result.wrong or f"holds, {result.seconds:.1f} s"
                console.print(f"{result.task.name}: {outcome}", highlight=False)
            step(len(results), len(tasks))
    report = _report(proofs, results, time.monotonic() - started)
    write_whole(folder / "report.json", json.dumps(report, indent=2) + "\n")
    _show(report)
    return not report["wrong"]


def _report(proofs: list[Proof], results: list[ProofResult], seconds: float) -> dict:
    """Return the report: each proof with its properties, their methods, times and broken copies."""
    shown = []
    wrong = [f"{o.task.name}: {o.wrong}" for o in results if o.wrong]
    for proof in proofs:
        own = [o for o in results if o.task.proof is proof]
        whole, copies = own[0], own[1:]
        caught = {name for copy in copies for name in copy.failed}
        properties = [
            {
                "name": name.removeprefix(WRONG),
                "method": proof.method_of(name),
                "cycles": answer.frame,
                "seconds": answer.seconds,
                "fails_when_broken": name in caught,
            }
            for name, answer in whole.answers.items()
            if name.startswith(WRONG)
        ]
        if not whole.failure:
            unbroken = [p["name"] for p in properties if not p["fails_when_broken"]]
            wrong += [f"{proof.name}: {name} holds for every broken copy" for name in unbroken]
        shown.append(
            {
                "name": proof.name,
                "about": proof.about,
                "properties": properties,
                "reached": {
                    name.removeprefix(REACHED): answer.frame
                    for name, answer in whole.answers.items()
                    if name.startswith(REACHED)
                },
                "broken_copies": [
                    {**asdict(copy.task.broken), "cycle": copy.cycle}
                    for copy in copies
                    if copy.task.broken
                ],
                "seconds": round(whole.seconds, 1),
            }
        )
    return {"machine": machine(), "seconds": round(seconds, 1), "wrong": wrong, "proofs": shown}


def _show(report: dict) -> None:
    table = Table("proof", "properties", "method", "reached", "broken copies", "seconds", box=None)
    for proof in report["proofs"]:
        methods = sorted({p["method"] for p in proof["properties"]})
        table.add_row(
            proof["name"],
            str(len(proof["properties"])),
            ", ".join(methods),
            str(len(proof["reached"])),
            str(len(proof["broken_copies"])),
            str(proof["seconds"]),
        )
    console.print(table)
    for sentence in report["wrong"]:
        console.print(sentence, highlight=False)
