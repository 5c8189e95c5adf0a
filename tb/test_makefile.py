"""The Makefile: its variables reach the commands, and unknown variables are refused."""

import os
import re
import shlex
import shutil
import subprocess

import click
import pytest

from benches.repository import ROOT
from verify.commands import app as verify
from weft_cli.cli import app as weft

TEXT = (ROOT / "Makefile").read_text()
MAKE = shutil.which("make")
COMMANDS = {**weft.commands, **verify.commands}
# Options whose variable has another name.
RENAMED = {"simulator": "SIM"}
FOLDERS = {"WEFT_BUILD", "WEFT_CACHE"}


def make(*arguments, **environment):
    """Run make as a person does, not as the make that may run these tests."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        [MAKE, *arguments], cwd=ROOT, capture_output=True, text=True, env=inherited | environment
    )


def command_of(target, *arguments, **environment):
    """The command line that a target would run."""
    run = make("-n", "--no-print-directory", target, *arguments, **environment)
    assert run.returncode == 0, run.stderr
    return shlex.split(run.stdout.splitlines()[-1])


def options_of(command):
    """Long options of a command, without those that only print."""
    return {
        max(parameter.opts, key=len).removeprefix("--"): parameter
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }


def variables_of(target):
    lists = dict(re.findall(r"(?m)^(TAKES_[\w-]+|UNIT) := ((?:.*\\\n)*.*)$", TEXT))
    text = lists[f"TAKES_{target}"].replace("$(UNIT)", lists["UNIT"])
    return text.replace("$(TAKES_test)", lists["TAKES_test"]).replace("\\\n", " ").split()


TARGETS = re.findall(r"(?m)^TAKES_([\w-]+) :=", TEXT)


@pytest.mark.parametrize("target", sorted(TARGETS & COMMANDS.keys()))
def test_variables_are_the_options_of_the_command(target):
    options = options_of(COMMANDS[target])
    variables = [RENAMED.get(name, name.upper().replace("-", "_")) for name in options]
    assert sorted(variables) == sorted(variables_of(target))
    words = command_of(target, *(f"{name}=1" for name in variables))
    assert {word.removeprefix("--") for word in words if word.startswith("--")} == set(options)
    for name, option in options.items():
        follows = words[words.index(f"--{name}") + 1 :][:1]
        assert (follows == ["1"]) != option.is_flag, name


def test_commands_with_options_are_targets():
    with_options = {name for name, command in COMMANDS.items() if options_of(command)}
    # The option of the first is a target of its own; the second needs two files.
    with_options -= {"cache", "trace"}
    assert with_options <= set(TARGETS)


def test_help_lists_every_target_and_variable():
    run = make("help")
    assert run.returncode == 0
    targets, variables = run.stdout.split("Variables")
    phony = re.search(r"(?m)^\.PHONY: ((?:.*\\\n)*.*)$", TEXT)[1].replace("\\\n", " ").split()
    listed = {word for line in targets.splitlines() for word in line.split("  ")[1:2]}
    assert {name for names in listed for name in names.split()} == set(phony)
    known = {name for target in TARGETS for name in variables_of(target)}
    named = set(re.findall(r"\b[A-Z][A-Z_]*[A-Z]\b|\b[MKN]\b", variables))
    assert known - named == set()
    rows = re.findall(r"(?m)^  (\w[\w =]*?)(?:  |$)", variables)
    assert {
        re.sub(r"=\w+", "", word) for row in rows for word in row.split()
    } == known | FOLDERS | {"PYTHON"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sim", "m=10"], "m is not a variable of this Makefile; did you mean M?"),
        (["sim", "ROW=4"], "ROW is not a variable of this Makefile; did you mean ROWS?"),
        (["fpga", "boards=x"], "boards is not a variable of this Makefile; did you mean BOARD?"),
        (["sim", "XYZ=1"], "XYZ is not a variable of this Makefile; `make help` lists them"),
        (["fpga-table", "M=3"], "make fpga-table does not use M; it takes SCHEDULER"),
        (["clean", "ROWS=3"], "make clean does not use ROWS; it takes no variables"),
        (["sim", "X=1", "PYTHON=/no"], "no target of this call takes X; `make help` lists the"),
    ],
)
def test_a_variable_without_effect_is_refused_before_any_work(arguments, sentence):
    run = make(*arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert sentence in run.stderr.splitlines()[-1]


def test_make_s_own_variables_may_be_given():
    assert "python3.12 -m venv" in make("-n", "-B", "setup", "PYTHON=python3.12").stdout
    assert command_of("verilog", "CXX=clang++", "WEFT_BUILD=/tmp") == [".venv/bin/weft", "verilog"]


def test_variables_of_a_make_above_are_not_checked():
    assert command_of("verilog", "VERBOSE=1", MAKELEVEL="1")[:2] == [".venv/bin/weft", "verilog"]


def test_what_systems_export_is_no_variable_of_ours():
    """A terminal's width, and the name of a computer."""
    assert "--columns" not in command_of("verilog", COLUMNS="200", NAME="desktop")


def test_switches_are_on_or_off():
    assert "--stalls" in command_of("sim", "STALLS=1")
    assert "--stalls" not in command_of("sim", "STALLS=0")
    assert "--no-checksum" in command_of("fpga", "CHECKSUM=0")
    assert "--checksum" not in command_of("fpga", "CHECKSUM=")


def test_values_reach_the_command_as_they_are():
    words = command_of("sim", "JSON=my 'own' \"file\"")
    assert words[words.index("--json") + 1] == "my 'own' \"file\""
