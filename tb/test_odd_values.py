"""Odd values of every option: one sentence that names the option or the value, before any work."""

import re
import sys

import click
import pytest

from benches.disk import make_device
from verify.commands import app as verify
from weft_cli.cli import app as weft
from weft_cli.running import run
from weft_cli.unit_options import PARAMETERS

# Where each kind of work starts, after the options have been checked.
WORK = [
    "weft_cli.format_runs.run_formats",
    "weft_cli.full_run.run_network",
    "weft_cli.fpga.command.BoardDesign.of",
    "distributed.Client",
    "distributed.LocalCluster",
    "weft_sim.toolchain.prepare_environment",
    "weft_cli.programs.check_program",
    "verify.soak.command.soak",
    "verify.soak.command.replay",
    "verify.core_soak.command.core_soak",
    "verify.core_soak.command.replay",
    "verify.faults.command.Campaign",
    "verify.coverage.command.measure",
    "verify.equivalence.command.run_equivalence",
    "verify.mutation.campaign.run_campaign",
]
SMALL = ["--rows", "2", "--columns", "2"]
# Arguments that make the checks of the other options take place.
USUAL = {
    "sim": ["-m", "1", "-k", "1", "-n", "1", *SMALL],
    "verilog": SMALL,
    "waves": SMALL,
    "cycles": ["--layers", "resnet50"],
    "trace": ["a.program", "."],
}
PROGRAM = """
.needs lanes=4 queue_slots=1 fifo_tiles=1 result_rows=1 buffer_rows=1 accumulators=1
HALT
"""
HUGE = str(10**30)
NUMBERS = ["-1", "x", "", "nan", HUGE]
TEXTS = ["", "x", "-1", "a b", "a/b", "é", "module", "x" * 300]
PATHS = ["", ".", "null", "/proc/x", "null/x", "file/below", "x" * 300]
COMMANDS = {**weft.commands, **verify.commands}


def options():
    """Return every option with a value; those of a unit only once, because they are the same."""
    for name, command in COMMANDS.items():
        for option in command.params:
            has_value = isinstance(option, click.Option) and not option.is_flag
            if has_value and (option.name not in PARAMETERS or name == "verilog"):
                yield pytest.param(name, option, id=f"{name} {option.opts[-1]}")


class WorkBegins(BaseException):
    """The command accepts its options."""


@pytest.fixture
def refused(monkeypatch, tmp_path, capsys):
    """Return the output of a command that refuses its arguments, or None if it accepts them."""

    def begin(*arguments, **options):
        raise WorkBegins

    (tmp_path / "file").write_text("")
    (tmp_path / "a.program").write_text(PROGRAM)
    null = make_device("null", tmp_path)
    if not null.is_relative_to(tmp_path):
        (tmp_path / "null").symlink_to(null)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEFT_BUILD", str(tmp_path / "build"))
    monkeypatch.setenv("WEFT_CACHE", str(tmp_path / "cache"))
    for function in WORK:
        monkeypatch.setattr(function, begin)

    def call(command, *arguments):
        group = weft if command in weft.commands else verify
        monkeypatch.setattr(sys, "argv", ["weft", command, *arguments])
        try:
            run(group)
        except WorkBegins:
            return None
        except SystemExit as exit:
            assert exit.code in (2, 3)
            return capsys.readouterr().err
        return None

    return call


@pytest.mark.parametrize(("command", "option"), list(options()))
def test_an_odd_value_is_refused_in_one_sentence(command, option, refused):
    is_number = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
    is_path = isinstance(option.type, click.types.FuncParamType)
    for value in NUMBERS if is_number else PATHS if is_path else TEXTS:
        said = refused(command, *USUAL.get(command, []), option.opts[-1], value)
        if said is None:
            assert not is_number or value == HUGE, f"{value!r} is accepted"
            continue
        assert said.startswith("weft: ") and said.count("\n") == 1, said
        assert names(said, option.opts[-1].strip("-"), value), said


def names(sentence, option, value):
    """Whether a sentence names an option or its value; that memory is too small names the size."""
    words = [option, option.replace("-", " "), option.replace("-", "_")]
    words += [value] if value else ["''", ". is a folder"]
    words += ["use a smaller product"] if value == HUGE else []
    return any(re.search(rf"(?i)(?<!\w){re.escape(word)}(?!\w)", sentence) for word in words)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_odd_argument_is_refused_in_one_sentence(command, refused):
    if any(isinstance(parameter, click.Argument) for parameter in COMMANDS[command].params):
        arguments = [["x"], [""]]
    else:
        arguments = [["--x"], ["é"]]
    for given in arguments:
        said = refused(command, *given)
        assert said and said.startswith("weft: ") and said.count("\n") == 1
