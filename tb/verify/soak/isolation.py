"""Check each case in its own process, so that a crash affects nothing else."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import connection

from weft_sim.toolchain import build_root, cache_root

from . import check as checking
from .cases import Case
from .check import CaseResult

# The server that forks the processes has imported everything and has no threads.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([checking.__name__])


class Isolated:
    """A case that is being checked in its own process and session."""

    def __init__(self, case: Case):
        self.case = case
        self._receiver, sender = _context.Pipe(duplex=False)
        folders = {"WEFT_BUILD": str(build_root()), "WEFT_CACHE": str(cache_root())}
        arguments = case, sender, folders
        self._process = _context.Process(target=_check_and_send, args=arguments, daemon=True)
        self._process.start()
        sender.close()

    def fileno(self) -> int:
        """Return a file descriptor that becomes readable when the result is available."""
        return self._receiver.fileno()

    def result(self) -> CaseResult:
        """Wait for the result; a crash of the process is also a result."""
        try:
            return self._receiver.recv()
        except EOFError:
            self._process.join()
            return CaseResult(f"the process ended with {_ending(self._process.exitcode)}")

    def kill(self) -> None:
        """Kill the process and its compilers if it is still running."""
        if self._process.is_alive():
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid or 0, signal.SIGKILL)
            self._process.kill()
        self._process.join()
        self._receiver.close()


def wait(running: Sequence[Isolated], seconds: float) -> list[Isolated]:
    """Wait for results for at most `seconds`; return the cases that have one."""
    ready = connection.wait([one.fileno() for one in running], seconds)
    return [one for one in running if one.fileno() in ready]


def check_alone(case: Case) -> CaseResult:
    """Run `check.check` in a separate process."""
    isolated = Isolated(case)
    try:
        return isolated.result()
    finally:
        isolated.kill()


def _check_and_send(case: Case, sender: connection.Connection, folders: dict[str, str]) -> None:
    os.setsid()
    os.environ.update(folders)
    sender.send(checking.check(case))


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
