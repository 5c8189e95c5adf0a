"""Generate the RTLIL of a proof: a harness around the hardware, or around a broken copy of it."""

import os
import subprocess
import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree, ignore_patterns

from benches.repository import TB

from .breaks import Break
from .proof import Proof
from .proofs import PROOFS


def generate(proof: Proof, broken: Break | None = None) -> str:
    """Return the RTLIL of the harness of a proof, generated in a separate process.

    Raises
    ------
    ValueError
        If the text to break does not occur exactly once in the hardware.
    """
    with tempfile.TemporaryDirectory(prefix="weft-formal-") as folder:
        paths = [folder] if broken else []
        if broken:
            with as_file(files("weft")) as package:
                copytree(package, Path(folder) / "weft", ignore=ignore_patterns("__pycache__"))
            break_line(Path(folder) / "weft", broken)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *_search_path()])}
        generated = subprocess.run(
            [sys.executable, "-m", __name__, proof.name],
            env=environment,
            capture_output=True,
            text=True,
        )
    if generated.returncode:
        raise ValueError(f"{proof.name} with {broken}: {generated.stderr.splitlines()[-1]}")
    return generated.stdout


def break_line(package: Path, broken: Break) -> None:
    """Replace the right text by the broken text."""
    path = package / f"{broken.module}.py"
    text = path.read_text()
    if text.count(broken.old) != 1:
        raise ValueError(f"{broken.module}.py must have {broken.old!r} exactly once")
    path.write_text(text.replace(broken.old, broken.new))


def _search_path() -> list[str]:
    return [*filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), str(TB)]


if __name__ == "__main__":
    print(next(p for p in PROOFS if p.name == sys.argv[1]).harness().rtlil(), end="")
