"""Parameters: each is checked, documented and exported from one description."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest

from weft.formats import INT8, IntegerFormat, OperandFormats
from weft.parameters import (
    OperandField,
    check_parameters,
    documented,
    parameter,
    parameters_of,
    plain_parameters,
)


@documented
@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine.

    Parameters
    ----------
    {parameters}
    """

    size: int = parameter(4, "Lanes of the machine.", low=1, high=16)
    used: int = parameter(0, "Lanes in use.", low=0, high="size")
    mode: str = parameter("slow", "How it runs.", values=("slow", "fast"))
    checked: bool = parameter(False, "Whether it checks itself.")
    operand: OperandField = parameter(
        OperandField(OperandFormats((INT8,))), "Format of its operands."
    )

    def __post_init__(self):
        check_parameters(self)


@pytest.mark.parametrize(
    "given, sentence",
    [
        ({"size": 0}, "size must be an integer from 1 to 16, not 0"),
        ({"size": 17}, "size must be an integer from 1 to 16, not 17"),
        ({"size": 4.0}, "size must be an integer from 1 to 16, not 4.0"),
        ({"size": True}, "size must be an integer from 1 to 16, not True"),
        ({"used": 5}, "used must be an integer from 0 to 4, not 5"),
        ({"mode": "quick"}, "mode must be slow or fast, not 'quick'"),
        ({"checked": 1}, "checked must be True or False, not 1"),
    ],
)
def test_wrong_values_are_rejected_in_one_sentence(given, sentence):
    with pytest.raises(ValueError) as refusal:
        Machine(**given)
    assert str(refusal.value) == sentence


def test_a_wrong_format_names_its_parameter():
    with pytest.raises(ValueError, match=r"^operand: "):
        Machine(operand="int")


@pytest.mark.parametrize("given", ["uint5", IntegerFormat(5, signed=False)])
def test_a_format_may_be_its_name(given):
    assert Machine(operand=given).operand.default == IntegerFormat(5, signed=False)


@pytest.mark.parametrize("given", [np.uint16, np.dtype("uint16"), "uint16"])
def test_a_format_may_be_a_numpy_type(given):
    assert Machine(operand=given).operand.default == IntegerFormat(16, signed=False)


@pytest.mark.parametrize("given", ["int8,uint5", ("int8", "uint5"), ["int8", "uint5"]])
def test_there_may_be_several_formats(given):
    machine = Machine(operand=given)
    assert machine.operand.formats == (INT8, IntegerFormat(5, signed=False))
    assert plain_parameters(machine)["operand"] == "int8,uint5"


def test_numpy_scalars_become_python_numbers():
    machine = Machine(size=np.int64(7), checked=np.bool_(True))
    assert (type(machine.size), machine.size) == (int, 7)
    assert machine.checked is True
    assert machine == Machine(size=7, checked=True)


def test_the_docstring_has_every_parameter():
    lines = [line.strip() for line in (Machine.__doc__ or "").splitlines()]
    assert "{parameters}" not in lines
    assert lines[lines.index("size : int, 1 to 16, default 4") + 1] == "Lanes of the machine."
    assert "mode : str, slow or fast, default slow" in lines
    assert "operand : OperandFormats, default int8" in lines


def test_plain_values_make_an_equal_configuration():
    machine = Machine(size=9, used=3, mode="fast", checked=True, operand="uint5")
    plain = plain_parameters(machine)
    assert plain == {"size": 9, "used": 3, "mode": "fast", "checked": True, "operand": "uint5"}
    assert Machine(**plain) == machine
    assert list(plain) == list(parameters_of(Machine))
    assert dataclasses.replace(machine, size=10).size == 10
