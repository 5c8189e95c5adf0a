"""A simulated full disk, and devices of a test's own."""

import contextlib
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

# Minor numbers of the memory devices of Linux.
MINORS = {"null": 3, "full": 7}


@contextlib.contextmanager
def longest_file(size: int) -> Iterator[None]:
    """Limit every file to the given number of bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def make_device(name: str, folder: Path) -> Path:
    """Return a node of /dev/null or /dev/full.

    It is a new node in `folder`, which a faulty write may destroy, or else the node of the system,
    if this user cannot replace it.
    """
    path = folder / name
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, MINORS[name]))
        path.open("ab").close()
    except OSError:
        assert not os.access("/dev", os.W_OK), "a superuser must be able to make devices"
        return Path("/dev") / name
    return path
