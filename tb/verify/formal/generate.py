"""Draw the harness of a proof around the hardware, or around a copy of it with one line broken."""

import os
import subprocess
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree, ignore_patterns

from benches.repository import TB

from .breaks import Break
from .proofs import PROOFS, Proof


def draw(proof: Proof, broken: Break | None = None) -> str:
    """The RTLIL of a proof's harness, drawn in a process of its own.

    Raises
    ------
    ValueError
        If what is to be broken does not stand in the hardware, just once.
    """
    with tempfile.TemporaryDirectory(prefix="weft-formal-") as folder:
        paths = [folder] if broken else []
        if broken:
            with as_file(files("weft")) as package:
                copytree(package, Path(folder) / "weft", ignore=ignore_patterns("__pycache__"))
            break_line(Path(folder) / "weft", broken)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *_search_path()])}
        drawn = subprocess.run(
            [sys.executable, "-m", __name__, proof.name],
            env=environment,
            capture_output=True,
            text=True,
        )
    if drawn.returncode:
        raise ValueError(f"{proof.name} with {broken}: {drawn.stderr.splitlines()[-1]}")
    return drawn.stdout


def break_line(package: Path, broken: Break) -> None:
    """Put the wrong text in the place of the right one."""
    path = package / f"{broken.module}.py"
    text = path.read_text()
    if text.count(broken.old) != 1:
        raise ValueError(f"{broken.module}.py must have {broken.old!r} once")
    path.write_text(text.replace(broken.old, broken.new))


def _search_path() -> list[str]:
    return [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), str(TB)]


if __name__ == "__main__":
    print(next(p for p in PROOFS if p.name == sys.argv[1]).harness().rtlil(), end="")
