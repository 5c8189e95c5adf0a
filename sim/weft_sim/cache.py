"""Builds cached by content: made once, found again by what they were made from, checked when found.

An entry is a folder `<kind>-<digest>`. It is made in a scratch folder and renamed when it is
whole, so that an interrupted build leaves nothing that is taken for one. Beside its files lies the
SHA-256 of those that matter; an entry whose files are not those is made anew.

All checkouts and processes of a user share the cache: whoever uses an entry holds its lock. Entries
beyond LIMIT_BYTES are removed, those first that have not been used for the longest time.
"""

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import filelock

from . import toolchain

SUMS = "sha256.json"
LIMIT_BYTES = 5 * 1000**3
# A process has loaded or started what it looked up within this time: older entries may go.
IN_USE_SECONDS = 3600
# Between two searches for entries to remove.
EVICTION_SECONDS = 600


def cached(
    kind: str,
    key: Iterable[str],
    make: Callable[[Path], Iterable[str]],
    *,
    building: Callable[[], None] = lambda: None,
) -> Path:
    """The folder of an entry, made by `make` unless a sound one is there.

    Safe under concurrent use: one process builds, the others wait for it.

    Parameters
    ----------
    kind : str
        First part of the folder's name.
    key : texts
        All that the entry depends on.
    make : callable
        Fills the scratch folder that it is given; returns the names of the files that matter.
    building : callable
        Called before `make`, if it is.

    Raises
    ------
    RuntimeError
        If the cache cannot be written.
    """
    entry = folder() / f"{kind}-{digest(key)}"
    with lock_of(entry):
        if not is_sound(entry):
            building()
            scratch = entry.with_name(f".{entry.name}")
            for stale in (scratch, entry):
                shutil.rmtree(stale, ignore_errors=True)
            scratch.mkdir()
            seal(scratch, make(scratch))
            scratch.replace(entry)
        mark_used(entry)
    _evict_now_and_then()
    return entry


def folder() -> Path:
    """The folder of the entries; RuntimeError if it cannot be written."""
    return toolchain.cache_folder("builds")


def lock_of(entry: Path, timeout: float = -1) -> filelock.BaseFileLock:
    """The lock that whoever uses an entry holds; a scratch folder has that of its entry."""
    return filelock.FileLock(entry.with_name(f"{entry.name.removeprefix('.')}.lock"), timeout)


def mark_used(entry: Path) -> None:
    """Note that an entry is used now."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(entry)


def contents() -> list[tuple[float, int, Path]]:
    """When each entry was used last, its bytes and its folder; the oldest first."""
    entries = []
    for entry in folder().iterdir():
        with contextlib.suppress(FileNotFoundError):
            if entry.is_dir():
                entries.append((entry.stat().st_mtime, _size_of(entry), entry))
    return sorted(entries)


def evict(*, limit: int = LIMIT_BYTES, unused_seconds: float = IN_USE_SECONDS) -> int:
    """Remove the entries that were used least recently until the rest is within `limit` bytes.

    Entries that were used in the last `unused_seconds`, or that a process holds the lock of, stay.
    Returns the bytes removed.
    """
    known = contents()
    excess = sum(size for _, size, _ in known) - limit
    removed = 0
    for _, size, entry in known:
        if removed >= excess:
            break
        with contextlib.suppress(filelock.Timeout, FileNotFoundError), lock_of(entry, timeout=0):
            if time.time() - entry.stat().st_mtime >= unused_seconds:
                shutil.rmtree(entry)
                removed += size
    return removed


def _evict_now_and_then() -> None:
    note = folder() / "evicted"
    with contextlib.suppress(FileNotFoundError):
        if time.time() - note.stat().st_mtime < EVICTION_SECONDS:
            return
    note.touch()
    evict()


def _size_of(entry: Path) -> int:
    return sum(path.lstat().st_size for path in entry.rglob("*") if not path.is_dir())


def digest(key: Iterable[str]) -> str:
    """A short name for texts."""
    return hashlib.sha256("\0".join(key).encode()).hexdigest()[:24]


def seal(folder: Path, files: Iterable[str]) -> None:
    """Write down what files of a folder are now."""
    sums = {file: _sum_of(folder / file) for file in files}
    (folder / SUMS).write_text(json.dumps(sums))


def is_sound(entry: Path) -> bool:
    """Whether a sealed folder is there and its files are what they were."""
    try:
        sums = json.loads((entry / SUMS).read_text())
        return bool(sums) and all(_sum_of(entry / file) == known for file, known in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
