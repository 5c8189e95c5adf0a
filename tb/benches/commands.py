"""Run the command lines as a user does."""

import os
import subprocess
import sys
from pathlib import Path

from .repository import TB

WEFT = [Path(sys.executable).with_name("weft")]
VERIFY = [sys.executable, "-m", "verify"]


def weft(*arguments, **environment) -> subprocess.CompletedProcess:
    """Run `weft` until it ends; return its output and exit code."""
    return _run(WEFT, arguments, environment)


def verify(*arguments, **environment) -> subprocess.CompletedProcess:
    """Run `python -m verify` until it ends; return its output and exit code."""
    return _run(VERIFY, arguments, verify_environment(**environment))


def verify_environment(**environment) -> dict[str, str]:
    """Return environment variables for `python -m verify`: PYTHONPATH ends with tb."""
    path = environment.get("PYTHONPATH") or os.environ.get("PYTHONPATH", "")
    return environment | {"PYTHONPATH": os.pathsep.join(filter(None, [path, str(TB)]))}


def _run(program, arguments, environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*program, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
