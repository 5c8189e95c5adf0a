"""The tables of host_link.md, from the tables that define the hardware and the driver."""

from collections.abc import Sequence

from markdown_table import table
from weft.host_link.core_host_registers import FIRST, HOST_REGISTERS
from weft.host_link.protocol import COMMANDS, STATUSES
from weft.host_link.registers import REGISTERS, Register


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
    return _registers(REGISTERS, first=0)


def core_host_registers() -> str:
    """Every register of the link of a core."""
    return _registers(HOST_REGISTERS, first=FIRST)


def _registers(registers: Sequence[Register], *, first: int) -> str:
    rows = [
        (address, f"`{register.name}`", "write" if register.writable else "read", register.meaning)
        for address, register in enumerate(registers, first)
    ]
    return table(("Address", "Register", "Access", "Meaning"), rows)
