"""Emissions in the cache: equal to a new emission, and renewed when anything changes"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft import MatrixUnitConfig
from weft.emit.export import emit
from weft_sim import emissions
from weft_sim.emissions import emitted

CONFIG = MatrixUnitConfig(rows=3, columns=2, checksum=True)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def calls(monkeypatch):
    """Return the calls of `emit` by `emitted`."""
    made = []
    monkeypatch.setattr(emissions, "emit", lambda *given: made.append(given) or emit(*given))
    return made


def test_a_kept_emission_equals_a_new_one(calls):
    """Verilog, hierarchy and description."""
    for _ in range(2):
        assert emitted(CONFIG, "npu") == emit(CONFIG, "npu")
    assert calls == [(CONFIG, "npu")]


@pytest.mark.parametrize("change", ["config", "name", "hardware", "format", "version", "python"])
def test_another_input_is_another_emission(change, calls, monkeypatch):
    emitted(CONFIG)
    config, name = CONFIG, None
    if change == "config":
        config = MatrixUnitConfig(rows=3, columns=2)
    elif change == "name":
        name = "npu"
    elif change == "hardware":
        monkeypatch.setattr(emissions, "HARDWARE", "other")
    elif change == "format":
        monkeypatch.setattr(emissions, "SOURCE", "other")
    elif change == "version":
        monkeypatch.setattr(emissions, "version", lambda tool: f"{tool} 99")
    else:
        monkeypatch.setattr(emissions.platform, "python_version", lambda: "3.99")
    emitted(config, name)
    assert len(calls) == 2


def test_the_digest_covers_every_source_of_the_hardware(tmp_path):
    """A copy has the same digest until one byte of one file changes."""
    root = tmp_path / "weft"
    shutil.copytree(Path(weft.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__"))
    script = "from weft_sim import emissions; print(emissions.HARDWARE)"

    def digest() -> str:
        command = [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {script}",
        ]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert digest() == emissions.HARDWARE
    changed = root / "array" / "cell.py"
    changed.write_text(changed.read_text() + "#\n")
    assert digest() != emissions.HARDWARE


@pytest.mark.parametrize("damaged", [emissions.VERILOG, emissions.FACTS])
def test_a_damaged_emission_is_made_again(damaged, calls, tmp_path):
    emitted(CONFIG)
    (entry,) = tmp_path.glob("cache/builds/verilog-*/")
    (entry / damaged).write_text(json.dumps({}))
    assert emitted(CONFIG) == emit(CONFIG)
    assert len(calls) == 2


def test_illegal_arguments_are_refused():
    with pytest.raises(TypeError, match="config"):
        emitted("4x4")
    with pytest.raises(ValueError, match="module name"):
        emitted(CONFIG, "4x4")
