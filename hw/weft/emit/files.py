"""Files that are written whole or not at all."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a file whole or not at all; write to devices and pipes in place.

    Parameters
    ----------
    mode : int, optional
        Permissions of the file; by default those of a new file.

    Raises
    ------
    OSError
        With the path, if the file cannot be written; the previous content remains.
    """
    write_together({path: text}, mode=mode)


def write_together(texts: Mapping[Path, str], *, mode: int | None = None) -> None:
    """Write several files as `write_whole` does: all of them, or none if one cannot be written."""
    unfinished: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            try:
                target = path.resolve()
                # A device or a pipe cannot be replaced by a file.
                if target.exists() and not target.is_file():
                    path.write_text(text, encoding="utf-8")
                    continue
                fresh = target.with_name(f".{target.name}.{os.getpid()}")
                unfinished[target] = fresh
                fresh.write_text(text, encoding="utf-8")
                if mode is not None:
                    fresh.chmod(mode)
            except OSError as error:
                error.filename = str(path)
                raise
        for target, fresh in unfinished.items():
            fresh.replace(target)
    finally:
        for fresh in unfinished.values():
            fresh.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the path to an OSError without one, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
