"""The tables of host_interface.md, from the tables that define the hardware and the driver."""

from collections.abc import Callable, Iterable

from markdown_table import table
from weft.core.core_control import STATE_SENTENCES, CoreControl
from weft.core.errors import SENTENCES
from weft.core.register_table import ADDRESSES, GROUPS, REGISTERS, Register
from weft.core.reporter import REPORTER_SENTENCES
from weft.core.unit_counters import CAUSE_SENTENCES, Cause, causes_of, counter_name
from weft.isa.codes import Unit

# The first registers of the groups that have tables of their own.
_FIRST_REGION, _FIRST_COUNTER = "region_0_base_low", "count_cycles"


def registers() -> str:
    """Every register but those of regions and counters."""
    return _registers(
        register
        for group in GROUPS.values()
        for register in group
        if group[0].name not in (_FIRST_REGION, _FIRST_COUNTER)
    )


def regions() -> str:
    """The registers of region 0."""
    return _registers(r for r in REGISTERS.values() if r.name.startswith("region_0_"))


def counters() -> str:
    """The address of the counter of each cause, for each unit."""
    rows = []
    for cause in Cause:
        names = {unit: f"count_{counter_name(unit, cause)}" for unit in Unit}
        known = {unit: cause in (Cause.WORKING, *causes_of(unit)) for unit in Unit}
        cells = [f"`{ADDRESSES[names[u]]:#05x}`" if known[u] else "" for u in Unit]
        rows.append((CAUSE_SENTENCES[cause], *cells))
    return table(("In this cycle,", *(unit.name for unit in Unit)), rows)


def states() -> str:
    """The states of a core."""
    return _codes(STATE_SENTENCES)


def errors() -> str:
    """The errors that end a program."""
    return _codes(SENTENCES)


def reporters() -> str:
    """The parts of a core that report errors."""
    return _codes(REPORTER_SENTENCES)


def ending() -> str:
    """The cycles at the end of a program."""
    flush = CoreControl.flush_cycles
    rows = [
        (0, "an error is reported"),
        (1, "the status has the error; the sequencer is stopped"),
        (2, "the sequencer has ended the program; all units are reset from now on"),
        (2 + flush, "last cycle of the reset"),
        (3 + flush, "or later: no write is owed to the memory, and no response to one by it"),
        (4 + flush, "or later: the core is idle; the interrupt follows in the next cycle"),
    ]
    return table(("Cycle", ""), rows)


def _codes(sentences: dict) -> str:
    rows = [
        (code.value, f"`{code.name}`", f"{sentence[0].upper()}{sentence[1:]}")
        for code, sentence in sentences.items()
    ]
    return table(("Code", "Name", "Meaning"), rows)


def _registers(chosen: Iterable[Register]) -> str:
    rows = [
        (f"`{ADDRESSES[register.name]:#05x}`", f"`{register.name}`", register.access, meaning)
        for register in chosen
        for meaning in [f"{register.meaning[0].upper()}{register.meaning[1:]}"]
    ]
    return table(("Address", "Register", "Access", "Meaning"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "core_registers": registers,
    "core_regions": regions,
    "core_counters": counters,
    "core_states": states,
    "core_errors": errors,
    "core_reporters": reporters,
    "core_ending": ending,
}
