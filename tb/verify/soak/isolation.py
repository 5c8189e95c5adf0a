"""Cases in processes of their own: one that crashes takes nothing else with it."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import connection

from weft_sim.toolchain import build_root

from . import check as checking
from .cases import Case
from .check import CaseResult

# Processes come from a server that has imported everything already, and that has no threads.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([checking.__name__])


class Isolated:
    """A case that is being checked in a process of its own, in a session of its own."""

    def __init__(self, case: Case):
        self.case = case
        self._receiver, sender = _context.Pipe(duplex=False)
        arguments = case, sender, str(build_root())
        self._process = _context.Process(target=_check_and_tell, args=arguments, daemon=True)
        self._process.start()
        sender.close()

    def fileno(self) -> int:
        """Readable as soon as there is an result."""
        return self._receiver.fileno()

    def result(self) -> CaseResult:
        """Wait for the end; a crash is an result too."""
        try:
            return self._receiver.recv()
        except EOFError:
            self._process.join()
            return CaseResult(f"the process ended with {_ending(self._process.exitcode)}")

    def kill(self) -> None:
        """End the process, with the compilers that it may have started, if it runs still."""
        if self._process.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid or 0, signal.SIGKILL)
            self._process.kill()
        self._process.join()
        self._receiver.close()


def wait(running: Sequence[Isolated], seconds: float) -> list[Isolated]:
    """Those whose result is there, after so many seconds at most."""
    ready = connection.wait([one.fileno() for one in running], seconds)
    return [one for one in running if one.fileno() in ready]


def check_alone(case: Case) -> CaseResult:
    """As `check.check`, in a process of its own."""
    isolated = Isolated(case)
    try:
        return isolated.result()
    finally:
        isolated.kill()


def _check_and_tell(case: Case, sender: connection.Connection, build: str) -> None:
    os.setsid()
    os.environ["WEFT_BUILD"] = build
    sender.send(checking.check(case))


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
