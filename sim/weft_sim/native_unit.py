"""Instances of the unit of a built library: their owners and their lifetimes."""

import ctypes
import os
import weakref
from collections import deque
from pathlib import Path

from .native_driver import Progress, Stimulus


class NativeUnit:
    """One instance of the unit of a library, freed with its last reference, in any thread.

    Only one thread may call an instance at a time.

    Parameters
    ----------
    library : ctypes.CDLL
        As `native_driver.load` returns.

    Members
    -------
    idle : bool
        Whether a run can start without a reset: nothing of an earlier run is left.

    Raises
    ------
    MemoryError
        If memory is insufficient for the instance.
    """

    def __init__(self, library: ctypes.CDLL):
        self.idle = False
        self._library = library
        self._driver = ctypes.c_void_p()
        # Ctrl-C can come at any time, so the finalizer must exist before the driver that it frees.
        finalizer = weakref.finalize(self, library.weft_close, self._driver)
        # At exit, daemon threads may still be in a run.
        finalizer.atexit = False
        if not library.weft_open(ctypes.byref(self._driver)):
            raise MemoryError("memory is insufficient to simulate this unit")

    def reset(self) -> None:
        """Reset the unit to its initial state."""
        self._library.weft_reset(self._driver)
        self.idle = True

    def start(self, stimulus: Stimulus, progress: Progress) -> None:
        """Begin a run, after a reset unless the unit is idle."""
        if not self.idle:
            self.reset()
        self.idle = False
        self._library.weft_start(self._driver, ctypes.byref(stimulus), ctypes.byref(progress))

    def run(self, progress: Progress, cycles: int) -> None:
        """Continue a run for at most the given number of cycles."""
        self._library.weft_run(self._driver, ctypes.byref(progress), cycles)

    def open_trace(self, path: Path) -> bool:
        """Begin a trace; return whether the file can be written."""
        return bool(self._library.weft_open_trace(self._driver, os.fsencode(path)))

    def close_trace(self) -> bool:
        """End the trace; return whether it was written completely."""
        return bool(self._library.weft_close_trace(self._driver))


class NativeUnits:
    """The instances of the unit of one library; each is lent to one run at a time.

    There is no lock that an interrupted run could leave locked. Taking an idle instance is one
    atomic step; a run that finds none opens another. A run returns its instance only if it ends
    normally, so an interrupted run never leaves a half-finished instance to the next.

    Parameters
    ----------
    library : ctypes.CDLL
        As `native_driver.load` returns.
    """

    def __init__(self, library: ctypes.CDLL):
        self._library = library
        self._idle: deque[NativeUnit] | None = deque([NativeUnit(library)])

    @property
    def closed(self) -> bool:
        return self._idle is None

    def close(self) -> None:
        """Free the idle instances now, and those of current runs when these runs end."""
        self._idle = None

    def lend(self) -> "Loan":
        """Return a context that holds an instance for one run.

        Raises
        ------
        RuntimeError
            After `close`.
        """
        idle = self._idle
        if idle is None:
            raise RuntimeError("this simulator is closed: make another")
        try:
            unit = idle.pop()
        except IndexError:
            unit = NativeUnit(self._library)
        return Loan(unit, idle)


class Loan:
    """A context that returns its instance to the idle ones, unless an exception ends it."""

    def __init__(self, unit: NativeUnit, idle: deque[NativeUnit]):
        self._unit = unit
        self._idle = idle

    def __enter__(self) -> NativeUnit:
        return self._unit

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        if kind is None:
            self._idle.append(self._unit)
