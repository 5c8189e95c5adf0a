"""`weft sim-full`: networks by name and by file, with layers of any name."""

import re

import pytest

from benches.commands import weft

SMALL = ("--rows", 2, "--columns", 2, "--accumulator-depth", 8)


@pytest.fixture
def layers(tmp_path):
    """Write a file with layer names that look like markup or cannot be printed."""
    path = tmp_path / "[odd].csv"
    text = "N, Layer, K, M, Batch\n2, [/x], 4, 3, 2\n1, [red]é[/red], 1, 1, 1\n2, same, 4, 6, 1\n"
    path.write_text(text, encoding="utf-8")
    return path


def test_resnet50_is_run_if_nothing_is_named():
    text = " ".join(weft("sim-full", "--help").stdout.split())
    assert re.search(r"--layers FILE [^-]*\[default: resnet50\]", text)


@pytest.mark.parametrize("terminal", ["", "1"], ids=["file", "terminal"])
def test_layers_of_a_file_are_run(terminal, layers):
    run = weft("sim-full", "--layers", layers, *SMALL, FORCE_COLOR=terminal)
    assert run.returncode == 0, run.stderr
    assert "[odd] on 2 x 2: 2 of 3 layers, each shape once" in run.stdout
    assert "2 of 2 products equal numpy bit for bit" in run.stdout
    assert re.search(r"(?m)^\[/x\] +6 x 4 x 2 ", run.stdout)
    assert re.search(r"(?m)^\[red\]é\[/red\] +1 x 1 x 1 ", run.stdout)


def test_a_console_without_the_letters_shows_escapes(layers):
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = weft("sim-full", "--layers", layers, *SMALL, **locale)
    assert run.returncode == 0, run.stderr
    assert r"[red]\xe9[/red]" in run.stdout
