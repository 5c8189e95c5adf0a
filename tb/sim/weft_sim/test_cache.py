"""The cache of builds: each is built once, verified when found, and rebuilt after damage."""

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from benches.disk import longest_file
from benches.runner import chosen_simulators
from weft import MatrixUnitConfig
from weft.emit.export import emit
from weft_sim import MatrixUnitSimulator, cache, library, toolchain, verilator
from weft_sim import simulator as simulators
from weft_sim.cache import cached, is_sound
from weft_sim.verilator import SimulationFailed, build_failed

ONE = MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1)


@pytest.fixture(autouse=True)
def shared_cache(tmp_path, monkeypatch) -> Path:
    """Give each test a cache of its own; return the cache of the other tests."""
    shared = toolchain.cache_root()
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path / "build"))
    return shared


@pytest.fixture
def with_runtime(shared_cache, monkeypatch):
    """Copy Verilator's headers and runtime, which take longer to build than a small unit."""
    own = cache.folder()
    with monkeypatch.context() as patch:
        patch.setenv("WEFT_CACHE", str(shared_cache))
        library.build(emit(ONE).design)
        for entry in [*cache.folder().glob("runtime-*/"), *cache.folder().glob("headers-*/")]:
            with cache.lock_of(entry):
                shutil.copytree(entry, own / entry.name)


def maker(calls: list, text: str = "made"):
    def make(scratch: Path):
        calls.append(scratch)
        (scratch / "file").write_text(text)
        return ["file"]

    return make


def test_an_entry_is_built_once():
    calls: list = []
    entries = {cached("kind", ["a", "b"], maker(calls)) for _ in range(3)}
    assert len(entries) == len(calls) == 1
    cached("kind", ["ab"], maker(calls))
    cached("other", ["a", "b"], maker(calls))
    assert len(calls) == 3


@pytest.mark.parametrize("damage", ["changed", "removed", "no sums", "bad sums", "empty sums"])
def test_a_damaged_entry_is_rebuilt(damage):
    calls: list = []
    entry = cached("kind", ["a"], maker(calls))
    sums = entry / "sha256.json"
    if damage == "changed":
        (entry / "file").write_text("mad")
    elif damage == "removed":
        (entry / "file").unlink()
    elif damage == "no sums":
        sums.unlink()
    else:
        sums.write_text("{" if damage == "bad sums" else "{}")
    assert not is_sound(entry)
    assert cached("kind", ["a"], maker(calls)) == entry
    assert len(calls) == 2
    assert (entry / "file").read_text() == "made"
    assert is_sound(entry)


def test_an_interrupted_build_leaves_no_entry():
    def interrupted(scratch: Path):
        (scratch / "file").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("kind", ["a"], interrupted)
    calls: list = []
    entry = cached("kind", ["a"], maker(calls))
    assert (entry / "file").read_text() == "made"
    assert len(calls) == 1


def test_a_build_is_announced_and_a_found_one_is_not():
    announced: list = []
    for _ in range(2):
        cached("kind", ["a"], maker([]), building=lambda: announced.append("building"))
    assert announced == ["building"]


def test_checkouts_share_the_cache(with_runtime, monkeypatch, tmp_path):
    """The folders of results differ, but the library is built once."""
    built = []
    for checkout in ("one", "two"):
        monkeypatch.setenv("WEFT_BUILD", str(tmp_path / checkout))
        library.build(emit(ONE).design, building=lambda: built.append(1))
    assert built == [1]
    assert not (tmp_path / "one").exists() and not (tmp_path / "two").exists()


def test_the_cache_is_in_the_folder_for_caches_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert toolchain.cache_root() == tmp_path / "cache"
    monkeypatch.delenv("WEFT_CACHE")
    assert toolchain.cache_root() == tmp_path / "xdg" / "weft"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert toolchain.cache_root() == tmp_path / ".cache" / "weft"


def entries_of(ages):
    """Make entries of 1,000 bytes each, last used the given number of seconds ago, by name."""
    made = {}
    for name, age in ages.items():
        entry = made[name] = cached("kind", [name], maker([], "x" * 1000))
        os.utime(entry, (time.time() - age,) * 2)
    return made


def test_the_least_recently_used_entries_are_removed():
    size = 1000 + len('{"file": ""}') + 64
    made = entries_of({"b": 5000, "a": 9000, "c": 4000, "new": 10})
    assert cache.evict(limit=4 * size) == 0
    assert cache.evict(limit=3 * size) == size
    assert [name for name, entry in made.items() if entry.exists()] == ["b", "c", "new"]
    assert cache.evict(limit=0) == 2 * size
    assert [name for name, entry in made.items() if entry.exists()] == ["new"]
    assert cache.evict(limit=0, unused_seconds=0) == size


def test_an_entry_is_kept_while_it_is_used():
    """Entries looked up recently or held by a process stay; others go, also unfinished ones."""
    made = entries_of({"held": 9000, "found": 9000, "old": 9000})
    stale = cache.folder() / ".kind-stale"
    stale.mkdir()
    os.utime(stale, (0, 0))
    cached("kind", ["found"], maker([]))
    with cache.lock_of(made["held"]):
        cache.evict(limit=0)
    assert [name for name, entry in made.items() if entry.exists()] == ["held", "found"]
    assert not stale.exists()


def test_builds_remove_old_entries_from_time_to_time(monkeypatch):
    monkeypatch.setattr(cache, "EVICTION_SECONDS", 0)
    monkeypatch.setattr(cache.evict, "__kwdefaults__", {"limit": 0, "unused_seconds": 3600})
    old = entries_of({"old": 9000})["old"]

    def make_both(scratch):
        """Build like CXXRTL, whose runtime is also an entry."""
        entries_of({"inner": 0})
        return maker([])(scratch)

    assert cached("kind", ["outer"], make_both).exists()
    assert not old.exists()


@pytest.mark.parametrize("place", ["a file", "/proc/weft"])
def test_a_cache_that_cannot_be_written_is_refused(place, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" if place == "a file" else Path(place)
    monkeypatch.setenv("WEFT_CACHE", str(root))
    sentence = rf"the cache of builds, {root}, cannot be written: .*; set WEFT_CACHE to another"
    for use in (lambda: cached("kind", ["a"], maker([])), lambda: toolchain.require("icarus")):
        with pytest.raises(RuntimeError, match=sentence):
            use()


def test_a_full_disk_leaves_no_entry(tmp_path):
    """The error names the folder, nothing of the entry remains, and the next build succeeds."""

    def large(scratch: Path):
        (scratch / "file").write_text("x" * 10_000)
        return ["file"]

    with longest_file(1000), pytest.raises(OSError, match=r"'.*/cache/builds/\.kind-\w+'"):
        cached("kind", ["a"], large)
    assert [path.suffix for path in cache.folder().iterdir()] == [".lock"]
    assert (cached("kind", ["a"], large) / "file").stat().st_size == 10_000


def test_sums_that_cannot_be_written_leave_no_entry(tmp_path):
    calls: list = []
    with longest_file(20), pytest.raises(OSError, match="cache"):
        cached("kind", ["a"], maker(calls))
    assert [path.suffix for path in cache.folder().iterdir()] == [".lock"]
    cached("kind", ["a"], maker(calls))
    assert len(calls) == 2


@pytest.mark.parametrize("size", [2_000, 60_000])
def test_a_full_disk_while_building_is_reported_in_one_sentence(size, tmp_path):
    """Both for the Verilog and for the output of Verilator."""
    emission = emit(ONE)
    with longest_file(size), pytest.raises((OSError, SimulationFailed)) as error:
        library.build(emission.design)
    assert "\n" not in str(error.value)
    assert "the disk is full" in str(error.value) or "cache" in str(error.value)
    assert not [path for path in cache.folder().iterdir() if path.is_dir()]


def test_concurrent_users_build_once():
    calls: list = []
    threads = [
        threading.Thread(target=lambda: cached("kind", ["a"], maker(calls))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_a_damaged_library_is_rebuilt(with_runtime):
    """A truncated library is not loaded but rebuilt, and so are the runtime objects."""
    built = library.build(emit(ONE).design)
    whole = built.read_bytes()
    built.write_bytes(whole[:1000])
    for made in cache.folder().glob("runtime-*/*.o"):
        made.write_bytes(b"")
    one = np.ones((1, 1), np.int8)
    assert MatrixUnitSimulator(ONE).matmul(one, one) == 1
    assert len(built.read_bytes()) > 10_000


def test_a_build_killed_half_way_leaves_the_cache_sound(with_runtime):
    """After SIGKILL while Verilator or the compiler runs, the next build is complete."""
    script = "from weft import *; from weft_sim import MatrixUnitSimulator as S; S(SMALL)"
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    builds = cache.folder()
    while not list(builds.glob(".library-*/model/Vtop.json")):
        assert process.poll() is None
    os.killpg(process.pid, 9)
    process.wait()
    assert not list(builds.glob("library-*/unit.so"))
    one = np.ones((1, 1), np.int8)
    assert MatrixUnitSimulator(ONE).matmul(one, one) == 1


LOGS = {
    "g++: fatal error: Killed signal terminated program cc1plus": "ran out of memory",
    "virtual memory exhausted: Cannot allocate memory": "ran out of memory",
    "exit code -9\nterminated by signal 9": "ran out of memory",
    "fatal error: error writing to a.o: No space left on device": "the disk is full",
    "as: out.o: File too large": "the disk is full",
    "make: *** [Unit.o] File size limit exceeded": "the disk is full",
    "exit code -25\nterminated by signal 25": "the disk is full",
    "unit.v:3: syntax error": r"could not build; see",
}


@pytest.mark.parametrize("text", LOGS)
def test_a_failed_build_reports_the_reason(text, tmp_path):
    log = tmp_path / "build.log"
    log.write_text(f"g++ -c Unit.cpp\n{text}\nmake: *** [Unit.o] Error 1\n")
    error = build_failed("verilator", log, "unit")
    assert isinstance(error, SimulationFailed)
    assert "\n" not in str(error)
    with pytest.raises(SimulationFailed, match=LOGS[text]):
        raise error
    assert (tmp_path / "build" / "failed-unit.log").read_text() == log.read_text()


def test_a_full_disk_is_detected_without_a_message_of_the_tool(tmp_path, monkeypatch):
    """Verilator's files end in the middle of a line."""
    log = tmp_path / "build.log"
    log.write_text("Unit.cpp:3: error: expected '}' at end of input\n")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=4096))
    error = build_failed("verilator", log, "unit")
    assert str(error).startswith("verilator could not build: the disk is full; see ")


def test_a_compiler_without_memory_is_named(tmp_path, monkeypatch):
    """A real build, with too little memory for its compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shim = folder / "c++"
    shim.write_text("#!/bin/sh\necho 'cc1plus: out of memory allocating 65536 bytes' >&2\nexit 1\n")
    shim.chmod(0o755)
    monkeypatch.setenv("CXX", str(shim))
    with pytest.raises(SimulationFailed, match="ran out of memory"):
        library.build(emit(ONE).design)
    assert not list(cache.folder().glob("library-*/"))


def test_a_folder_that_cannot_be_in_path_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "my:cache"))
    with pytest.raises(RuntimeError, match=r"must not have colons, as in .*my:cache;"):
        library.build(emit(ONE).design)


@pytest.mark.parametrize("builder", ["library", *chosen_simulators()])
def test_a_cache_with_a_space_in_its_path_works(builder, tmp_path, monkeypatch):
    """A build without cocotb, and one for each simulator."""
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "my cache"))
    design = emit(ONE).design
    if builder == "library":
        assert library.build(design).is_file()
    else:
        assert simulators.build(design, builder).directory.is_dir()


def test_structure_keeps_blocks_apart():
    text = verilator.structure(emit(MatrixUnitConfig(rows=17, columns=9)).design)
    blocks = [line for line in text.splitlines() if line.startswith("no_inline")]
    assert [line.split("_systolic_array_")[1].rstrip('"') for line in blocks] == ["8x9", "1x9"]
    assert 'public_flat_rd -module "weft_17x9__systolic_array_8x9" -var "sums_in"' in text
    assert "clk" not in text
