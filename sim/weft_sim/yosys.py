"""Run Yosys commands in a process of their own, so that a crash or an error ends only that."""

import subprocess
import sys
from pathlib import Path

from .toolchain import ToolMissing, has_package

RUNNER = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


class YosysFailed(RuntimeError):
    """Yosys refused a command; the text is what it said."""


def run_yosys(*commands: str, log: Path | None = None) -> None:
    """Run commands one after the other on one design; `log` takes what Yosys prints.

    Raises
    ------
    ToolMissing
        Without pyosys.
    YosysFailed
    """
    if not has_package("pyosys"):
        raise ToolMissing("pyosys")
    yosys = subprocess.run(
        [sys.executable, "-c", RUNNER, *commands],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if log is not None:
        log.write_text(yosys.stdout)
    if yosys.returncode:
        errors = [line for line in yosys.stdout.splitlines() if "ERROR" in line]
        raise YosysFailed(errors[-1] if errors else yosys.stdout[-2000:])
