"""Names of units: legal in every tool, and no two units share a module name."""

import re

from ..checks import check_kind
from ..hierarchy import SEPARATOR
from .keywords import KEYWORDS

# Suffix of the name of a unit's testbench.
TESTBENCH = "_tb"

# Most file systems allow 255 bytes, of which parts and file suffixes take some.
MAX_LENGTH = 200

# With the built-in package of SystemVerilog (IEEE 1800-2017, 26.7).
RESERVED = KEYWORDS | {"std"}


def check_name(name: str) -> None:
    """Raise TypeError or ValueError unless `name` is a valid name of a unit.

    The modules of a unit are called `name` and `name__<part>`. A name has no two consecutive
    underscores and no trailing one, so the first two in a module name end the name of its unit.
    """
    check_kind(name, str, "name must be a module name")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            "a module name must consist of letters, digits and underscores and not begin with a "
            f"digit, unlike {name!r}"
        )
    if len(name) > MAX_LENGTH:
        raise ValueError(
            f"a module name must have at most {MAX_LENGTH} characters, not {len(name)}"
        )
    if name in RESERVED:
        raise ValueError(f"a module name must not be a word of SystemVerilog, such as {name!r}")
    if SEPARATOR in name or name.endswith("_"):
        raise ValueError(
            f"a module name must have no consecutive or trailing underscores, unlike {name!r}, "
            "because two of them separate the name of a unit from the names of its parts"
        )
    if name.endswith(TESTBENCH):
        raise ValueError(
            f"a module name must not end with {TESTBENCH}, as {name} does: testbenches end with it"
        )
