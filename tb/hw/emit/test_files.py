"""File output: whole or not at all on a full disk, several files together, devices and pipes."""

import os
import stat
from pathlib import Path

import pytest

from benches.disk import longest_file, make_device
from weft.emit.export import emit, write
from weft.emit.files import naming, write_together, write_whole
from weft.matrix.config import MatrixUnitConfig


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_full_disk_keeps_the_previous_content(tmp_path):
    path = tmp_path / "report.json"
    write_whole(path, "before")
    with longest_file(100), pytest.raises(OSError) as error:
        write_whole(path, "x" * 1000)
    assert error.value.filename == str(path)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["report.json"]


def test_files_are_written_together_or_not_at_all(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    write_together({one: "1", two: "2"})
    with longest_file(100), pytest.raises(OSError, match="two"):
        write_together({one: "new", two: "x" * 1000})
    assert (one.read_text(), two.read_text()) == ("1", "2")
    assert names(tmp_path) == ["one", "two"]


def test_verilog_and_its_description_are_written_together(tmp_path):
    emission = emit(MatrixUnitConfig(rows=1, columns=1), "one")
    size = len(emission.verilog)
    with longest_file(size - 1), pytest.raises(OSError, match=r"one\.v"):
        write(emission, tmp_path)
    assert names(tmp_path) == []
    assert write(emission, str(tmp_path)).stat().st_size == size  # pyright: ignore
    assert names(tmp_path) == ["one.json", "one.v"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        write_whole(tmp_path / "no" / "file", "text")
    assert error.value.filename == str(tmp_path / "no" / "file")
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "text")


def test_a_device_stays_a_device(tmp_path):
    full, null = make_device("full", tmp_path), make_device("null", tmp_path)
    with pytest.raises(OSError, match=f"No space left on device: '{full}'"):
        write_whole(full, "text")
    write_whole(null, "text")
    assert full.is_char_device() and null.is_char_device()
    assert names(tmp_path) == ["full", "null"]


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_whole(pipe, "text")
    assert os.read(reading, 100) == b"text"
    os.close(reading)


def test_a_link_stays_and_its_target_is_written(tmp_path):
    link, target = tmp_path / "link", tmp_path / "target"
    target.write_text("before")
    link.symlink_to(target)
    write_whole(link, "after")
    assert link.is_symlink() and target.read_text() == "after"


def test_permissions_are_set(tmp_path):
    write_whole(tmp_path / "program", "#!/bin/sh\n", mode=0o755)
    assert stat.S_IMODE((tmp_path / "program").stat().st_mode) == 0o755


def test_an_error_without_a_path_gets_one(tmp_path):
    with pytest.raises(OSError) as error, naming(tmp_path):
        raise OSError(28, "No space left on device")
    assert error.value.filename == str(tmp_path)
    with pytest.raises(OSError) as error, naming(tmp_path):
        raise FileNotFoundError(2, "No such file or directory", "c++")
    assert error.value.filename == "c++"
