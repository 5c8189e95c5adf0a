"""The wheel contains all packages and their data, and works without the sources."""

import os
import subprocess
import sys

from benches.repository import ROOT
from weft import __version__


def test_wheel_installs_and_imports(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name == f"weft-{__version__}-py3-none-any.whl"
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--target", str(target), str(wheel)], check=True, capture_output=True)
    script = (
        "import weft, weft_sim; from weft_cli import digits; from weft_model import layers;"
        "from weft_sim import cxxrtl, library;"
        "print(weft.__file__, weft_sim.__file__, len(digits.load().layers),"
        " library.DRIVER.is_file(), cxxrtl.LOOP.is_file(),"
        " len(layers.read_layers(layers.WORKLOADS / 'resnet50.csv')))"
    )
    imported = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert imported == [
        str(target / "weft" / "__init__.py"),
        str(target / "weft_sim" / "__init__.py"),
        *("3", "True", "True", "54"),
    ]
    for package in ("weft", "weft_cli", "weft_model", "weft_sim"):
        assert (target / package / "py.typed").is_file(), (
            "type checkers ignore a package without this file"
        )


def test_changelog_and_licence_exist():
    assert "Keep a Changelog" in (ROOT / "CHANGELOG.md").read_text()
    assert "Apache License" in (ROOT / "LICENSE").read_text()
