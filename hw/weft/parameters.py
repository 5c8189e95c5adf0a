"""Facts about the parameters of a configuration: one source for checks, help and registers."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .checks import check, checked_bool, checked_integer, described
from .formats import GivenFormat, OperandFormats

_KEY = "parameter"

Class = TypeVar("Class", bound=type)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """Facts about one field of a configuration.

    Parameters
    ----------
    meaning : str
        One or two sentences.
    default : int, bool, str or OperandFormats
    low : int
    high : int or str, optional
        Range of an integer, bounds included; `high` may be the name of another field.
    values : tuple of str
        Legal values of a choice; empty for other fields.
    """

    meaning: str
    default: Any
    low: int = 0
    high: int | str | None = None
    values: tuple[str, ...] = ()

    @property
    def legal(self) -> str:
        """Legal values in words; "" if every value of the type is legal."""
        if self.values:
            return " or ".join(self.values)
        return "" if self.high is None else f"{self.low} to {self.high}"


class OperandField:
    """A field that accepts one or several formats, as OperandFormats.parse does, and holds them."""

    def __init__(self, default: OperandFormats):
        self.default = default

    def __repr__(self) -> str:
        return str(self.default)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> OperandFormats:
        return self.default if instance is None else vars(instance)[self.name]

    def __set__(self, instance: object, value: OperandFormats | GivenFormat | list | tuple) -> None:
        # A dataclass passes the descriptor itself if no value is given.
        given = self.default if value is self else value
        try:
            vars(instance)[self.name] = OperandFormats.parse(given)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None


def parameter(default: Any, meaning: str, **facts: Any) -> Any:
    """Return a field of a configuration, with its Parameter in the metadata."""
    value = default.default if isinstance(default, OperandField) else default
    known = Parameter(meaning=meaning, default=value, **facts)
    return field(default=default, metadata={_KEY: known})


def parameters_of(config: type) -> dict[str, Parameter]:
    """Return the Parameter of every field of a configuration, by name, in order."""
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(config)}


def plain_parameters(config: Any) -> dict[str, int | str]:
    """Return a configuration as JSON values; its class accepts them as keyword arguments."""
    values = {name: getattr(config, name) for name in parameters_of(type(config))}
    return {
        name: value if isinstance(value, int | str) else str(value)
        for name, value in values.items()
    }


def check_parameters(config: Any) -> None:
    """Check every field of a configuration against its Parameter; turn numpy scalars into Python's.

    Raises
    ------
    ValueError
        With one sentence that names the field, its value and the legal values.
    """
    for name, known in parameters_of(type(config)).items():
        value = getattr(config, name)
        if known.values:
            good = isinstance(value, str) and value in known.values
            check(good, f"{name} must be {known.legal}, not {described(value)}")
        elif isinstance(known.default, bool):
            object.__setattr__(config, name, checked_bool(name, value))
        elif known.high is not None:
            high = getattr(config, known.high) if isinstance(known.high, str) else known.high
            number = checked_integer(name, value, low=known.low, high=high)
            object.__setattr__(config, name, number)


def documented(config: Class) -> Class:
    """Replace `{parameters}` in the docstring of a class by the facts about its parameters."""
    lines = []
    for name, known in parameters_of(config).items():
        kind = type(known.default).__name__
        legal = f", {known.legal}" if known.legal else ""
        lines += [f"{name} : {kind}{legal}, default {known.default}", f"    {known.meaning}"]
    config.__doc__ = (config.__doc__ or "").replace("{parameters}", "\n    ".join(lines))
    return config
