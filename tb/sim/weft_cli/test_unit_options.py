"""Options of a unit: one for every parameter, with its facts and its checks."""

import click
import pytest

from benches.commands import weft
from weft import MatrixUnitConfig
from weft.parameters import parameters_of
from weft_cli.cli import app
from weft_cli.unit_options import takes_configuration, takes_parts_of_configuration

PARAMETERS = parameters_of(MatrixUnitConfig)
INTEGERS = [name for name, known in PARAMETERS.items() if known.high is not None]
SWITCHES = [name for name, known in PARAMETERS.items() if isinstance(known.default, bool)]
# A value of each parameter that is not its default.
OTHER = {
    **dict.fromkeys(INTEGERS, "3"),
    "rows": "8",
    "activation": "uint5",
    "weight": "int11",
    "accumulator_width": "40",
    "inner_product": "fast",
    "result": "bfloat16",
}


@click.command()
@takes_configuration(rows=4)
def whole(config):
    return config


@click.command()
@takes_parts_of_configuration("the board's")
def parts(given):
    return given


def parse(command, *arguments):
    return command.main(list(arguments), standalone_mode=False)


def option(name):
    return f"--{name.replace('_', '-')}"


def text_of(command):
    return " ".join(command.get_help(click.Context(command)).split())


def every_option():
    arguments = [word for name in OTHER for word in (option(name), OTHER[name])]
    return [*arguments, *map(option, SWITCHES)]


def test_every_parameter_has_an_option():
    fields = {name: int(value) if name in INTEGERS else value for name, value in OTHER.items()}
    fields |= dict.fromkeys(SWITCHES, True)
    assert fields.keys() == PARAMETERS.keys()
    assert parse(whole, *every_option()) == MatrixUnitConfig(**fields)
    assert parse(parts, *every_option()) == fields


def test_defaults_are_the_command_s_then_the_unit_s():
    assert parse(whole) == MatrixUnitConfig(rows=4)
    assert parse(parts) == {}
    assert parse(parts, "--no-checksum") == {"checksum": False}


@pytest.mark.parametrize("name", PARAMETERS)
def test_help_states_meaning_range_and_default(name):
    known = PARAMETERS[name]
    for command in (whole, parts):
        text = text_of(command)
        assert known.meaning in text
        assert f"[{known.legal}; default: " in text or name not in INTEGERS
    assert "default: 4]" in text_of(whole)
    assert text_of(parts).count("default: the board's]") == len(PARAMETERS)


@pytest.mark.parametrize("name", INTEGERS)
def test_a_number_out_of_range_gets_the_sentence_of_the_configuration(name):
    known = PARAMETERS[name]
    for value in (known.low - 1, 1 << 20):
        with pytest.raises(ValueError, match=rf"{name} must be an integer from .*, not {value}$"):
            parse(whole, option(name), str(value))


@pytest.mark.parametrize("name", ["sim", "sim-full", "verilog", "waves", "cycles", "fpga"])
def test_commands_that_take_a_unit_take_all_of_it(name):
    taken = {parameter.name for parameter in app.commands[name].params}
    assert taken >= PARAMETERS.keys()


def test_a_choice_lists_its_values():
    run = weft("verilog", "--inner-product", "quick")
    assert run.returncode == 2
    assert run.stderr == (
        "weft: Invalid value for '--inner-product': 'quick' is not one of 'plain', 'fast', "
        "'packed'.\n"
    )
