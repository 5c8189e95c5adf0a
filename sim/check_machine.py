"""Before anything is installed: say in one sentence what this machine lacks.

Standard library only, and written for older Pythons too, so that it can say so to them.
"""

import importlib.util
import sys

INSTALL = {
    "Python 3.11 or newer": ("python3 python3-venv", "python3", "python@3.12"),
    "Python's venv module": ("python3-venv", "python3", "python@3.12"),
}


def missing():
    if sys.version_info < (3, 11):
        return "Python 3.11 or newer"
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        return "Python's venv module"
    return None


if __name__ == "__main__":
    need = missing()
    if need:
        apt, dnf, brew = INSTALL[need]
        sys.exit(
            "Weft needs %s: `apt install %s` (Debian, Ubuntu), `dnf install %s` (Fedora), "
            "`brew install %s` (macOS)." % (need, apt, dnf, brew)
        )
