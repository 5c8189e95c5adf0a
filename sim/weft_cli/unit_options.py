"""The options of a matrix unit, generated from the parameters of MatrixUnitConfig."""

import functools
from collections.abc import Callable
from typing import Any

import click

from weft.matrix.config import MatrixUnitConfig
from weft.parameters import Parameter, parameters_of

PARAMETERS = parameters_of(MatrixUnitConfig)


def takes_configuration(**defaults: Any) -> Callable:
    """Give a command an option for each parameter of a unit; their values become `config`.

    Parameters
    ----------
    **defaults
        Defaults that differ from those of MatrixUnitConfig.
    """
    values = {name: known.default for name, known in PARAMETERS.items()} | defaults

    def decorate(command: Callable) -> Callable:
        @functools.wraps(command)
        def with_config(**arguments):
            fields = {name: arguments.pop(name) for name in PARAMETERS}
            return command(config=MatrixUnitConfig(**fields), **arguments)

        for name, known in reversed(PARAMETERS.items()):
            default = values[name] if isinstance(values[name], int) else str(values[name])
            with_config = _option(name, known, shown=_shown(default), default=default)(with_config)
        return with_config

    return decorate


def takes_parts_of_configuration(source: str) -> Callable:
    """Give a command the same options; the dict `given` contains the values that are set.

    Parameters
    ----------
    source : str
        The origin of the other values, for the help.
    """

    def decorate(command: Callable) -> Callable:
        @functools.wraps(command)
        def with_given(**arguments):
            fields = {name: arguments.pop(name) for name in PARAMETERS}
            given = {name: value for name, value in fields.items() if value is not None}
            return command(given=given, **arguments)

        for name, known in reversed(PARAMETERS.items()):
            with_given = _option(name, known, shown=source, default=None)(with_given)
        return with_given

    return decorate


def _option(name: str, known: Parameter, *, shown: str, default: Any) -> Callable:
    """Return the option of one parameter; MatrixUnitConfig checks ranges and formats."""
    flag = f"--{name.replace('_', '-')}"
    facts = [f"default: {shown}"]
    kind: Any = str
    if isinstance(known.default, bool):
        flag, kind = f"{flag}/--no-{flag.removeprefix('--')}", bool
    elif known.values:
        kind = click.Choice(known.values)
    elif isinstance(known.default, int):
        kind = int
        facts.insert(0, known.legal)
    text = f"{known.meaning}  [{'; '.join(facts)}]"
    return click.option(flag, type=kind, default=default, help=text)


def _shown(default: Any) -> str:
    return {True: "on", False: "off"}[default] if isinstance(default, bool) else str(default)
