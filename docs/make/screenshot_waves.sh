#!/bin/sh
# Make docs/images/waves*.png from a fresh run of the demonstration.
# Needs GTKWave, Xvfb and ImageMagick: apt install gtkwave xvfb imagemagick
set -eu
cd "$(dirname "$0")/.."
folder="$(realpath -m "${WEFT_BUILD:-build}")/waves/screenshots"
mkdir -p "$folder"

# One save file a picture: the view of the run, cut down to some of its groups.
.venv/bin/python - "$folder" <<'PYTHON'
import re
import sys
from pathlib import Path

from weft_sim.waves import make_demo

PICTURES = {
    "waves": ("clock", "port", "admission", "weight loader"),
    "waves_weights": ("clock", "array: load", "array: next", "array: weights"),
    "waves_array": ("clock", "array: the switch", "array: activations", "array: partial"),
    "waves_results": ("clock", "accumulators", "result buffer", "port: results"),
}
TOP, ROW = 40, 23

folder = Path(sys.argv[1])
views = make_demo(directory=folder)
head, *groups = re.split("@[8c]00200\n-", views.gtkwave.read_text())
for picture, names in PICTURES.items():
    chosen = [group for name in names for group in groups if group.startswith(name)]
    rows = sum(line[0] in "+#-" or line[0].isalpha() for g in chosen for line in g.splitlines())
    (folder / f"{picture}.gtkw").write_text("@800200\n-".join([head, *chosen]))
    (folder / f"{picture}.height").write_text(str(TOP + ROW * rows))
PYTHON

Xvfb -displayfd 3 -screen 0 1600x2000x24 3>"$folder/display" 2>"$folder/xvfb.log" &
screen=$!
trap 'kill $screen' EXIT
sleep 2
DISPLAY=":$(cat "$folder/display")"
export DISPLAY
for picture in waves waves_weights waves_array waves_results; do
  sed -i 's/^\[size\].*/[size] 1600 2000/' "$folder/$picture.gtkw"
  gtkwave "$folder/$picture.gtkw" >"$folder/gtkwave.log" 2>&1 &
  viewer=$!
  sleep 4
  # Without the title, which names this machine's folders, and the closed list of scopes.
  import -window root -crop "1540x$(cat "$folder/$picture.height")+46+122" +repage \
    +dither -colors 24 -strip "png8:docs/images/$picture.png"
  kill $viewer
  wait $viewer 2>/dev/null || true
done
ls -l docs/images/waves*.png
