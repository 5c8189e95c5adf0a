"""Facts about the parameters of a configuration, stated once for checks, help and registers."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from .formats import IntegerFormat

_KEY = "parameter"

Class = TypeVar("Class", bound=type)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What is known of one field of a configuration.

    Parameters
    ----------
    meaning : str
        One or two sentences.
    default : int, bool, str or IntegerFormat
    low : int
    high : int or str, optional
        Range of an integer, both included; `high` may be the name of another field.
    values : tuple of str
        What may be written, of a choice.
    """

    meaning: str
    default: Any
    low: int = 0
    high: int | str | None = None
    values: tuple[str, ...] = ()

    @property
    def legal(self) -> str:
        """Legal values in words; "" where their type says enough."""
        if self.values:
            return " or ".join(self.values)
        return "" if self.high is None else f"{self.low} to {self.high}"


class OperandFormat:
    """A field that takes an IntegerFormat, its name or its numpy dtype, and is an IntegerFormat."""

    def __init__(self, default: IntegerFormat):
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> IntegerFormat:
        return self.default if instance is None else vars(instance)[self.name]

    def __set__(self, instance: object, value: IntegerFormat | str | type[np.integer]) -> None:
        # A dataclass hands the descriptor itself over where a value is left out.
        given = self.default if value is self else value
        try:
            vars(instance)[self.name] = IntegerFormat.parse(given)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None


def parameter(default: Any, meaning: str, **facts: Any) -> Any:
    """A field of a configuration, with its Parameter in its metadata."""
    value = default.default if isinstance(default, OperandFormat) else default
    known = Parameter(meaning=meaning, default=value, **facts)
    return field(default=default, metadata={_KEY: known})


def parameters_of(config: type) -> dict[str, Parameter]:
    """What is known of the fields of a configuration, by name, in their order."""
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(config)}


def plain_parameters(config: Any) -> dict[str, int | str]:
    """The values of a configuration as JSON has them; the configuration is made of them again."""
    values = {name: getattr(config, name) for name in parameters_of(type(config))}
    return {
        name: value if isinstance(value, int | str) else str(value)
        for name, value in values.items()
    }


def check(condition: bool, sentence: str) -> None:
    """Raise ValueError with a sentence unless the condition holds."""
    if not condition:
        raise ValueError(sentence)


def check_parameters(config: Any) -> None:
    """Check every field of a configuration against its Parameter; numpy's numbers become Python's.

    Raises
    ------
    ValueError
        With one sentence that names the field, the value and the legal ones.
    """
    for name, known in parameters_of(type(config)).items():
        value = getattr(config, name)
        if isinstance(value, np.integer | np.bool_):
            value = value.item()
            object.__setattr__(config, name, value)
        if known.values:
            check(value in known.values, f"{name} must be {known.legal}, not {value!r}")
        elif isinstance(known.default, bool):
            check(isinstance(value, bool), f"{name} must be True or False, not {value!r}")
        elif known.high is not None:
            high = getattr(config, known.high) if isinstance(known.high, str) else known.high
            good = type(value) is int and known.low <= value <= high
            check(good, f"{name} must be an integer from {known.low} to {high}, not {value!r}")


def documented(config: Class) -> Class:
    """Put what is known of the parameters of a class into its docstring, for `{parameters}`."""
    lines = []
    for name, known in parameters_of(config).items():
        kind = type(known.default).__name__
        legal = f", {known.legal}" if known.legal else ""
        lines += [f"{name} : {kind}{legal}, default {known.default}", f"    {known.meaning}"]
    config.__doc__ = (config.__doc__ or "").replace("{parameters}", "\n    ".join(lines))
    return config
