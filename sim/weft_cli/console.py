"""Output of all commands: the console, and progress of long work."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


@contextlib.contextmanager
def progress_bar(
    what: str, build: str = "building a simulation"
) -> Iterator[tuple[Callable[[], None], Callable[[int, int], None]]]:
    """Show a progress bar on a terminal, or print one line elsewhere.

    Parameters
    ----------
    what : str
        The work.
    build : str
        The text that announces a build.

    Yields
    ------
    building, step : callables
        Call `building()` before a build, and `step(done, total)` to report progress.
    """
    if not console.is_terminal:
        print(what, flush=True)
        yield lambda: print(build, file=sys.stderr, flush=True), lambda done, total: None
        return
    name = TextColumn("{task.description}", markup=False)
    columns = name, BarColumn(), TextColumn("{task.percentage:3.0f} %")
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def building():
            bar.update(task, description=f"{what}: {build}", total=None)

        def step(done: int, total: int):
            bar.update(task, description=what, completed=done, total=total)

        yield building, step


@contextlib.contextmanager
def step_line() -> Iterator[Callable[[str], None]]:
    """Show the current step and its duration on a terminal, or print a line per step elsewhere.

    Yields
    ------
    step : callable
        Call `step(name)` when a step begins.
    """
    if not console.is_terminal:
        yield lambda step: print(step, flush=True)
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as line:
        task = line.add_task("")
        yield lambda step: line.reset(task, description=step)
