"""Builds cached by content: each is built once, found by a digest of its inputs, and verified.

An entry is a folder `<kind>-<digest>`. It is built in a scratch folder and renamed when it is
complete, so that an interrupted build leaves no entry. Each entry has the SHA-256 of its important
files; an entry whose files do not match is built again.

All checkouts and processes of a user share the cache; a process holds the lock of an entry while it
uses it. When the entries exceed LIMIT_BYTES, the least recently used are removed.
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

from weft.emit.files import naming

from . import toolchain

SUMS = "sha256.json"
LIMIT_BYTES = 5 * 1000**3
# A process loads or starts an entry within this time after its lookup.
IN_USE_SECONDS = 3600
# Time between two searches for entries to remove.
EVICTION_SECONDS = 600


def cached(
    kind: str,
    key: Iterable[str],
    make: Callable[[Path], Iterable[str]],
    *,
    building: Callable[[], None] | None = None,
) -> Path:
    """Return the folder of an entry; `make` builds it if it is missing or damaged.

    Safe under concurrent use: one process builds, the others wait for it.

    Parameters
    ----------
    kind : str
        First part of the name of the folder.
    key : texts
        Everything that the entry depends on.
    make : callable
        Fills a scratch folder; returns the names of the important files in it.
    building : callable, optional
        Called before a call of `make`.

    Raises
    ------
    RuntimeError
        If the cache cannot be written.
    OSError
        If the disk is full; the error has a path. After this and after any error of `make`, nothing
        is left of the entry.
    """
    entry = folder() / f"{kind}-{digest(key)}"
    with lock_of(entry):
        if not is_sound(entry):
            if building is not None:
                building()
            renew(entry, make)
        mark_used(entry)
    _evict_now_and_then()
    return entry


def folder() -> Path:
    """Return the folder of the entries; raise RuntimeError if it cannot be written."""
    return toolchain.cache_folder("builds")


def lock_of(entry: Path, timeout: float = -1) -> filelock.BaseFileLock:
    """Return the lock of an entry, which is also the lock of its scratch folder."""
    return filelock.FileLock(entry.with_name(f"{entry.name.removeprefix('.')}.lock"), timeout)


def mark_used(entry: Path) -> None:
    """Set the time of the last use of an entry."""
    with contextlib.suppress(FileNotFoundError):
        os.utime(entry)


def contents() -> list[tuple[float, int, Path]]:
    """Return the time of the last use, the bytes and the folder of each entry, oldest first."""
    entries = []
    for entry in folder().iterdir():
        with contextlib.suppress(FileNotFoundError):
            if entry.is_dir():
                entries.append((entry.stat().st_mtime, _size_of(entry), entry))
    return sorted(entries)


def evict(*, limit: int = LIMIT_BYTES, unused_seconds: float = IN_USE_SECONDS) -> int:
    """Remove the least recently used entries until the rest is within `limit` bytes.

    Entries that were used in the last `unused_seconds`, or whose lock a process holds, are kept.
    Return the number of bytes removed.
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


def renew(entry: Path, make: Callable[[Path], Iterable[str]]) -> None:
    """Build an entry anew with `make`; the caller must hold the lock of the entry."""
    scratch = entry.with_name(f".{entry.name}")
    for stale in (scratch, entry):
        shutil.rmtree(stale, ignore_errors=True)
    try:
        with naming(scratch):
            scratch.mkdir()
            _seal(scratch, make(scratch))
            scratch.replace(entry)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def digest(key: Iterable[str]) -> str:
    """Return a short digest of texts."""
    return hashlib.sha256("\0".join(key).encode()).hexdigest()[:24]


def _seal(folder: Path, files: Iterable[str]) -> None:
    """Record the checksums of files of a folder."""
    sums = {file: _sum_of(folder / file) for file in files}
    (folder / SUMS).write_text(json.dumps(sums))


def is_sound(entry: Path) -> bool:
    """Whether a sealed folder exists and its files are unchanged."""
    try:
        sums = json.loads((entry / SUMS).read_text())
        return bool(sums) and all(_sum_of(entry / file) == known for file, known in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
