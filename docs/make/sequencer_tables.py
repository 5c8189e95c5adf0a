"""The tables of sequencer.md."""

from collections.abc import Callable

from markdown_table import table
from weft.sequencer.decoder import Decoder
from weft.sequencer.dispatcher import Dispatcher
from weft.sequencer.ports import FAULT_SENTENCES
from weft.sequencer.unit_queue import UnitQueue


def latencies() -> str:
    """From which event to which, and the number of cycles."""
    rows = [
        ("the last 32 bytes of an instruction are taken", "dispatch", Decoder, "latency"),
        ("dispatch of the instruction before it in the program", "dispatch", None, 1),
        ("finish of the one `slots` before it in its queue", "dispatch", UnitQueue, "release"),
        ("all have finished, after 32,767 instructions", "dispatch", Dispatcher, "drain"),
        ("dispatch", "offer", UnitQueue, "offer"),
        ("the one before it in its queue is taken", "offer", None, 1),
        ("dispatch", "permission", UnitQueue, "permit"),
        ("start of the one before it in its queue", "permission", UnitQueue, "next"),
        ("finish of one that it waits for", "permission", UnitQueue, "wait"),
        ("all have finished, or HALT is offered and all had", "`done`", Dispatcher, "done"),
    ]
    return table(
        ("At least so many cycles after", "is its", "Cycles", "Name"),
        [(after, what, *_latency(owner, name)) for after, what, owner, name in rows],
    )


def _latency(owner: type | None, name: str | int) -> tuple[int, str]:
    """Return a latency, and its name."""
    if owner is None:
        return int(name), ""
    attribute = name if name == "latency" else f"{name}_latency"
    return getattr(owner, str(attribute)), f"`{owner.__name__}.{attribute}`"


def faults() -> str:
    """The codes of faults."""
    rows = [
        (code.value, f"`{code.name}`", f"{sentence[0].upper()}{sentence[1:]}")
        for code, sentence in FAULT_SENTENCES.items()
    ]
    return table(("Code", "Name", "Meaning"), rows)


PARTS: dict[str, Callable[[], str]] = {"issue_latencies": latencies, "sequencer_faults": faults}
