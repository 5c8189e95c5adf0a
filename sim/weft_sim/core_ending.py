"""How a program of a core ended, read from its registers by any host."""

from collections.abc import Callable
from typing import Any

from weft.bus.axi_lite import WORD_BITS
from weft.core.errors import SENTENCES, CoreError
from weft.core.register_table import CONTROL_BITS, STATUS_FIELDS
from weft.core.reporter import Reporter
from weft.core.unit_counters import COUNTERS

# Words for `control`, by the name of the bit.
CONTROL = {name: 1 << bit for bit, name in enumerate(CONTROL_BITS)}


def ending_sentence(error: CoreError, reporter: Reporter) -> str:
    """Why a program ended; "" if HALT ended it."""
    return "" if error == CoreError.NONE else f"{reporter.name}: {SENTENCES[error]}"


def read_ending(access: Callable[..., int]) -> dict[str, Any]:
    """Return error, reporter, unit, word and counters of the latest program.

    Parameters
    ----------
    access : callable
        Called with the name of a register to read it, or with the name and a word to write it.
    """
    status = access("status")
    access("control", CONTROL["snapshot"])
    return {
        "error": CoreError(STATUS_FIELDS["error"].of(status)),
        "reporter": Reporter(STATUS_FIELDS["reporter"].of(status)),
        "unit": access("error_unit"),
        "word": access("error_word"),
        "counters": {
            name: access(f"count_{name}_high") << WORD_BITS | access(f"count_{name}")
            for name in COUNTERS
        },
    }
