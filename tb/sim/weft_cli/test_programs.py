"""The commands for programs: files in, files out, and one sentence for a mistake."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

from benches.repository import DOCS
from weft.isa.assembly import assemble
from weft_cli import digits
from weft_cli.cli import app
from weft_cli.programs import read_program

TEXT = re.search(r"(?ms)^```\n(\.needs .*?)^```", (DOCS / "isa.md").read_text())[1]


@pytest.fixture
def weft(monkeypatch, tmp_path):
    """Return a function that runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "product.txt").write_text(TEXT)
    return lambda *arguments: CliRunner().invoke(app, arguments)


def refusal(result) -> str:
    assert result.exit_code != 0
    return str(result.exception)


def test_a_text_becomes_bytes_and_text_again(weft, tmp_path):
    done = weft("assemble", "product.txt", "product.program")
    assert done.output == "product.program: 6 instructions, 384 bytes\n"
    text = weft("disassemble", "product.program").output
    assert assemble(text) == assemble(TEXT) == read_program(tmp_path / "product.program")
    # A text is read as well.
    assert weft("disassemble", "product.txt").output == text


def test_an_accepted_program_says_which_cores_have_what_it_needs(weft):
    done = weft("check", "product.txt")
    assert done.exit_code == 0
    first, second = done.output.splitlines()
    assert first == "product.txt: 6 instructions, 384 bytes, accepted"
    assert re.fullmatch(r"checked in \d+\.\d\d s; fits tiny", second)


def test_a_refused_program_says_why(weft, tmp_path):
    (tmp_path / "racing.txt").write_text(TEXT.replace(" wait_load=1", ""))
    done = weft("check", "racing.txt")
    assert done.exit_code == 1
    assert done.output == (
        "instruction 2, MATMUL: row reads buffer row 0, which row of instruction 0, LOAD, writes, "
        "and the two may overlap; wait_load=1 would order them\n"
    )
    assert refusal(weft("execute", "racing.txt", ".")) == done.output.strip()


def test_a_program_is_executed_on_the_files_of_its_memory(weft, tmp_path):
    a, b = np.arange(-8, 8).reshape(4, 4), np.eye(4, k=1) * 4
    whole = np.concatenate([a, b]).astype(np.int8).tobytes().ljust(64, b"\0")
    (tmp_path / "region0.bin").write_bytes(whole)
    done = weft("execute", "product.txt", ".")
    assert done.output == "executing product.txt\nregion1.bin: 16 bytes\n"
    found = np.frombuffer((tmp_path / "region1.bin").read_bytes(), np.int8).reshape(4, 4)
    assert np.array_equal(found, a @ b / 4)
    assert (tmp_path / "region0.bin").read_bytes() == whole


def test_mistakes_are_one_sentence(weft, tmp_path):
    (tmp_path / "wrong.txt").write_text(TEXT + "JUMP\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "cut").write_bytes(assemble(TEXT).encode()[:-1])
    (tmp_path / "region0.bin").write_bytes(bytes(63))
    for arguments, sentence in (
        (("check", "wrong.txt"), "wrong.txt: line 10: an instruction must be one of HALT, LOAD"),
        (("check", "binary"), "binary is neither a program, which begins with WFTP, nor a text"),
        (("check", "cut"), "cut: the program must have 384 bytes, not 383"),
        (("check", "none"), "[Errno 2] No such file or directory: 'none'"),
        (("execute", "product.txt", "none"), "none is not a folder: name the one of region0.bin"),
        (("execute", "product.txt", "."), "region0.bin must have at least 64 bytes, not 63"),
        (("assemble", "product.txt", "."), ". is a folder, not a file"),
    ):
        assert refusal(weft(*arguments)).startswith(sentence)


def test_the_digits_are_a_program_that_can_be_executed_again(weft, tmp_path):
    done = weft("digits-program", "small", "digits")
    lines = done.output.splitlines()
    assert lines[0].startswith("digits/digits.program: 418 instructions, ")
    assert lines[-2:] == [
        "99.44% of 360 held-out digits classified correctly by the program in numpy",
        "all scores equal those of the integer network",
    ]
    scores = tmp_path / "digits" / "region2.bin"
    before = scores.read_bytes()
    scores.unlink()
    assert weft("execute", "digits/digits.program", "digits").exit_code == 0
    assert scores.read_bytes() == before
    images, labels = digits.held_out()
    found = np.frombuffer(before, np.int8).reshape(len(images), -1)
    assert digits.accuracy(found, labels) > 0.99


def test_a_program_is_traced_on_the_rtl(weft, tmp_path):
    """The times of all instructions, and a timeline with one slice for each."""
    (tmp_path / "region0.bin").write_bytes(bytes(range(64)))
    done = weft("trace", "product.txt", ".", "--core", "tiny", "--json", "timeline.json")
    assert done.exit_code == 0, done.output
    assert "the memory equals that of the machine in numpy" in done.output
    rows = [line.split() for line in done.output.splitlines() if " WEIGHTS " in line]
    start, finish = int(rows[0][0]), int(rows[0][1])
    assert 0 < start < finish
    slices = [
        event
        for event in json.loads((tmp_path / "timeline.json").read_text())["traceEvents"]
        if event["ph"] == "X"
    ]
    names = [event["name"] for event in slices]
    assert names == [f"{n}, tag 0" for n in ("LOAD", "WEIGHTS", "MATMUL", "VECTOR", "STORE")]
    assert slices[1]["ts"] == start and slices[1]["dur"] == finish - start
    assert (tmp_path / "region1.bin").stat().st_size == 16


def test_a_program_for_another_core_is_refused(weft):
    message = refusal(weft("trace", "product.txt", ".", "--core", "small"))
    assert message == (
        "the core small cannot run product.txt: the program needs a core with lanes = 4, not 16"
    )
