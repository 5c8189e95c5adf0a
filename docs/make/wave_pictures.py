"""Retake the pictures of docs/waves.md if their contents have changed.

They are screenshots of GTKWave with the demonstration of `weft waves`, each with some of its
groups of signals. `docs/images/waves.sha256` holds a digest of the views and values that they show.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from canvas import IMAGES
from weft import TINY
from weft_sim.toolchain import build_root
from weft_sim.trace import Trace
from weft_sim.wave_groups import groups
from weft_sim.waves import Views, make_demo

# Picture: beginnings of the names of its groups.
PICTURES = {
    "waves": ("clock", "port", "admission", "weight loader"),
    "waves_weights": ("clock", "array: load", "array: next", "array: weights"),
    "waves_array": ("clock", "array: switch", "array: activations", "array: partial"),
    "waves_results": ("clock", "accumulators", "result buffer", "port: results"),
}
DIGEST = IMAGES / "waves.sha256"
TOOLS = {"gtkwave": "gtkwave", "Xvfb": "xvfb", "import": "imagemagick"}
GROUP = "@[8c]00200\n-"
# In pixels: the screen, its borders on the left and at the top, the width kept, row heights.
SCREEN = 1600, 2000
LEFT, ABOVE, WIDTH = 46, 122, 1540
HEADING, ROW = 40, 23
# Waits until a program has started and drawn its window.
START_SECONDS, DRAW_SECONDS = 2, 4


def main() -> None:
    """The command line."""
    if not stale():
        return
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool)}
    if missing:
        packages = " ".join(sorted(missing))
        sys.exit(f"the pictures of waves need more tools: `apt install {packages}`")
    views = demonstration()
    with screen() as display:
        for picture in PICTURES:
            print(take(picture, views, display))
    DIGEST.write_text(digest(views) + "\n")


def stale() -> bool:
    """Whether the pictures differ from the demonstration."""
    return not DIGEST.is_file() or DIGEST.read_text().strip() != digest(demonstration())


def demonstration() -> Views:
    """Make the trace and views of `weft waves`."""
    return make_demo(directory=build_root() / "docs" / "waves")


def digest(views: Views) -> str:
    """Return the SHA-256 of the save files of all pictures and of the values of their signals.

    The format of the trace, FST or VCD, does not matter.
    """
    shown = hashlib.sha256()
    for picture in PICTURES:
        shown.update(save_file(picture, views).replace(views.trace.name, views.trace.stem).encode())
    for path in sorted(views.translations):
        shown.update(path.read_bytes())
    trace = Trace(views.trace)
    for row in (row for group in groups(TINY) for row in group.rows):
        values = [trace.value(row.path, moment) for moment in trace.cycles]
        shown.update(f"{row.path} {values}\n".encode())
    return shown.hexdigest()


def save_file(picture: str, views: Views) -> str:
    """Return the save file of the demonstration, reduced to the groups of a picture."""
    head, *parts = re.split(GROUP, views.gtkwave.read_text())
    chosen = [part for name in PICTURES[picture] for part in parts if part.startswith(name)]
    head = re.sub(r"(?m)^\[size\].*", f"[size] {SCREEN[0]} {SCREEN[1]}", head)
    return "@800200\n-".join([head, *chosen])


def height(text: str) -> int:
    """Return the height of the rows of a save file in pixels."""
    _, *parts = re.split(GROUP, text)
    rows = sum(line[0] in "+#-" or line[0].isalpha() for p in parts for line in p.splitlines())
    return HEADING + ROW * rows


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """Start a virtual screen; yield the name of its display."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as reader:
            number = reader.readline().strip()
        time.sleep(START_SECONDS)
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


def take(picture: str, views: Views, display: str) -> Path:
    """Take a picture, without the title bar, which shows folder names, and without the scopes."""
    text = save_file(picture, views)
    save = views.gtkwave.with_name(f"picture_{picture}.gtkw")
    save.write_text(text)
    environment = os.environ | {"DISPLAY": display}
    quiet = subprocess.DEVNULL
    viewer = subprocess.Popen(
        ["gtkwave", save.name], cwd=save.parent, env=environment, stdout=quiet, stderr=quiet
    )
    try:
        time.sleep(DRAW_SECONDS)
        path = IMAGES / f"{picture}.png"
        crop = f"{WIDTH}x{height(text)}+{LEFT}+{ABOVE}"
        command = ["import", "-window", "root", "-crop", crop, "+repage", "+dither"]
        command += ["-colors", "24", "-strip", f"png8:{path}"]
        subprocess.run(command, env=environment, check=True)
    finally:
        viewer.terminate()
        viewer.wait()
    return path


if __name__ == "__main__":
    main()
