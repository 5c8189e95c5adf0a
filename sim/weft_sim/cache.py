"""Builds cached by content: made once, found again by what they were made from, checked when found.

An entry is a folder `<kind>-<digest>`. It is made in a scratch folder and renamed when it is
whole, so that an interrupted build leaves nothing that is taken for one. Beside its files lies the
SHA-256 of those that matter; an entry whose files are not those is made anew.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import filelock

from . import toolchain

SUMS = "sha256.json"


def cached(kind: str, key: Iterable[str], make: Callable[[Path], Iterable[str]]) -> Path:
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
    """
    name = f"{kind}-{digest(key)}"
    root = toolchain.build_root() / "cache"
    entry = root / name
    if is_sound(entry):
        return entry
    root.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(root / f"{name}.lock"):
        if not is_sound(entry):
            scratch = root / f".{name}"
            for stale in (scratch, entry):
                shutil.rmtree(stale, ignore_errors=True)
            scratch.mkdir()
            seal(scratch, make(scratch))
            scratch.replace(entry)
    return entry


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
