"""Output of all commands: the console, and a progress bar for long work."""

import contextlib
import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 120)


@contextlib.contextmanager
def progress_bar(what: str):
    """Show a progress bar on a terminal, or print one line elsewhere.

    Yields
    ------
    building, step : callables
        Call `building()` when a simulator has to be built first, and `step(done, total)` to report
        progress.
    """
    if not console.is_terminal:
        print(what, flush=True)
        yield lambda: None, lambda done, total: None
        return
    name = TextColumn("{task.description}", markup=False)
    columns = name, BarColumn(), TextColumn("{task.percentage:3.0f} %")
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def building():
            bar.update(task, description=f"{what}: building the simulation", total=None)

        def step(done: int, total: int):
            bar.update(task, description=what, completed=done, total=total)

        yield building, step
