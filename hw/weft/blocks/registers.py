"""Pipeline registers, named by stage."""

from amaranth.hdl import Module, Signal, Value


def registered(m: Module, number: Value, *, stages: range, name: str) -> Value:
    """Return a number delayed by one register per stage, without reset, named `<name>_<stage>`."""
    for stage in stages:
        behind = Signal.like(number, name=f"{name}_{stage}", reset_less=True)
        m.d.sync += behind.eq(number)
        number = behind
    return number
