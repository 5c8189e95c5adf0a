"""The tables of host_link.md, from the tables that define the hardware and the driver."""

from markdown_table import table
from weft.host_link.protocol import COMMANDS, STATUSES
from weft.host_link.registers import REGISTERS


def commands() -> str:
    """Every command: its target, and the payloads of request and response."""
    heads = ("Command", "Code", "Target", "Payload of the request", "Payload of the response", "")
    rows = [(f"`{c.name}`", c.value, *described) for c, described in COMMANDS.items()]
    return table(heads, rows)


def statuses() -> str:
    """Every status of a response."""
    rows = [(f"`{status.name}`", status.value, text) for status, text in STATUSES.items()]
    return table(("Status", "Code", "Meaning"), rows)


def registers() -> str:
    """Every register of a matrix unit behind the link."""
    rows = [
        (address, f"`{register.name}`", "write" if register.writable else "read", register.meaning)
        for address, register in enumerate(REGISTERS)
    ]
    return table(("Address", "Register", "Access", "Meaning"), rows)
