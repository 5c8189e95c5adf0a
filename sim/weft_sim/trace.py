"""Read traces: the signals of an emitted unit, by name and time."""

from functools import cached_property
from pathlib import Path

import pywellen


class Trace:
    """A trace of an emitted unit, from any simulator.

    Raises
    ------
    FileNotFoundError, RuntimeError, ValueError
        If there is no such file, it is not a trace, or it is a trace of something else.
    """

    def __init__(self, path: Path):
        if not path.is_file():
            raise FileNotFoundError(f"there is no trace {path}")
        self.path = path
        self.waveform = pywellen.Waveform(str(path))
        variables = {var.full_name: var for var in self.waveform.all_vars()}
        tops = [name.split(".")[0] for name in variables if name.endswith(".unit.admission.take")]
        if len(tops) != 1:
            raise ValueError(
                f"{path} must be the trace of one emitted matrix unit, not of {len(tops)}"
            )
        self.top = tops[0]
        cut = len(self.top) + 1
        self.variables = {
            name[cut:]: var for name, var in variables.items() if name.startswith(f"{self.top}.")
        }

    def width(self, path: str) -> int:
        """Return the width of a signal in bits; raise ValueError if it does not exist."""
        if path not in self.variables:
            raise ValueError(
                f"{self.path} has no signal {self.top}.{path}: is it the trace of another unit?"
            )
        return self.variables[path].bitwidth or 1

    def value(self, path: str, time: int, *, signed: bool = False) -> int | str:
        """Return the value at a time; a string if some bits are unknown."""
        value = self.variables[path].signal.value_at(time)
        if signed and isinstance(value, int) and value >> (self.width(path) - 1):
            value -= 1 << self.width(path)
        return value

    @cached_property
    def cycles(self) -> list[int]:
        """Start time of each cycle: the rising edges of the clock."""
        edges: list[int] = []
        # A waveform can be streamed only once.
        self.waveform.stream_changes(
            lambda time, _, value: edges.append(time) if value == 1 else None,
            [self.variables["aclk"]],
        )
        return edges

    def switches(self) -> list[int]:
        """Return the times at which rows that switch tiles enter the array at its west edge."""
        return [time for time in self.cycles if self.value("unit.admission.switch", time) == 1]
