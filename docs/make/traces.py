"""Signals of a simulation with waves, read back by cycle."""

from pathlib import Path

from weft_sim import trace


class Trace:
    """Cycle 0 is the one in which the first weight row is offered.

    Parameters
    ----------
    path : Path
        A trace that `weft_sim.checked_run.run` wrote.
    top : str
        Name of the top module.

    Raises
    ------
    ValueError
        If the trace is of another top module.
    """

    def __init__(self, path: Path, top: str):
        self._trace = trace.Trace(path)
        if self._trace.top != top:
            raise ValueError(f"{path} is a trace of {self._trace.top}, not of {top}")
        edges = self._trace.cycles
        first = next(i for i, t in enumerate(edges) if self._value("s_axis_weights_tvalid", t))
        self._cycles = edges[first:]

    def __call__(self, name: str, cycle: int) -> int:
        """The value of a signal, named from the top on, in a cycle."""
        return self._value(name, self._cycles[cycle])

    def _value(self, name: str, time: int) -> int:
        return int(self._trace.value(name, time))
