"""The command line, as a person types it."""

import os
import subprocess
import sys
from pathlib import Path

WEFT = Path(sys.executable).with_name("weft")


def weft(*arguments, **environment) -> subprocess.CompletedProcess:
    """Run `weft` to its end, and keep what it says."""
    return subprocess.run(
        [WEFT, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=300,
    )
