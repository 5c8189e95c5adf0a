"""Registers in a row, named by stage."""

from amaranth.hdl import Module, Signal, Value


def registered(m: Module, number: Value, *, stages: range, name: str) -> Value:
    """A number behind registers without reset, which are called `<name>_<stage>`."""
    for stage in stages:
        behind = Signal.like(number, name=f"{name}_{stage}", reset_less=True)
        m.d.sync += behind.eq(number)
        number = behind
    return number
