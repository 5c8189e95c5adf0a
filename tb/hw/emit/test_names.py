"""Names of units: illegal names are refused, and no two units share a module name"""

import itertools
import re

import pytest

from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft.emit.export import emit, hierarchy_of
from weft.emit.keywords import KEYWORDS
from weft.emit.names import MAX_LENGTH, check_name
from weft.emit.verilog import make_design
from weft.hierarchy import SEPARATOR, ModuleLibrary
from weft.matrix.config import TINY, MatrixUnitConfig

ONE_SENTENCE = {
    "": "letters, digits and underscores and not begin with a digit, unlike ''",
    "4x4": "and not begin with a digit, unlike '4x4'",
    "a b": "unlike 'a b'",
    "x-y": "unlike 'x-y'",
    "x$y": "unlike 'x$y'",
    "naïve": "unlike 'naïve'",
    "line\n": r"unlike 'line\n'",
    "cell": "a module name must not be a word of SystemVerilog, such as 'cell'",
    "always_ff": "such as 'always_ff'",
    "std": "such as 'std'",
    "a" * (MAX_LENGTH + 1): "at most 200 characters, not 201",
    "npu__cell": "no consecutive or trailing underscores, unlike 'npu__cell'",
    "npu_": "trailing underscores, unlike 'npu_'",
    "_": "trailing underscores, unlike '_'",
    "npu_tb": "must not end with _tb, as npu_tb does",
}
LEGAL = ["x", "_x", "X9", "npu_cell", "Cell", "tb", "tb_npu", "a_1_b", "a" * MAX_LENGTH]


@pytest.mark.parametrize("name, sentence", ONE_SENTENCE.items(), ids=range(len(ONE_SENTENCE)))
def test_a_bad_name_is_refused_in_one_sentence(name, sentence):
    with pytest.raises(ValueError) as refused:
        emit(TINY, name)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", sorted(KEYWORDS))
def test_keywords_are_refused(name):
    with pytest.raises(ValueError, match=f"must not be a word of SystemVerilog, such as '{name}'"):
        check_name(name)


@pytest.mark.parametrize("name", LEGAL)
def test_other_names_are_accepted(name):
    check_name(name)


def is_legal(name: str) -> bool:
    try:
        check_name(name)
    except ValueError:
        return False
    return True


def module_names(name: str) -> set[str]:
    """Return the module names of a unit, derived from those of another unit."""
    hierarchy = hierarchy_of(MatrixUnitConfig(rows=2, columns=2, checksum=True))
    assert all(part.startswith("unit__") for part in hierarchy.components if part != "unit")
    return {name + part.removeprefix("unit") for part in hierarchy.components}


def test_units_of_any_two_names_share_no_module():
    """Names of up to five of these letters, and names made from module names of another unit."""
    letters = [
        "".join(word) for size in range(1, 6) for word in itertools.product("_ac", repeat=size)
    ]
    extended = {
        f"{name}{glue}{part.removeprefix('unit')}".strip("_")
        for name in ("npu", "unit", "a_c")
        for glue in ("", "_", "__", "_2_")
        for part in module_names("unit")
    }
    legal = sorted(name for name in {*letters, *extended} if is_legal(name))
    assert len(legal) > 150
    owner = {}
    for name in legal:
        for module in module_names(name):
            assert owner.setdefault(module, name) == name, f"{module} of {name} and {owner[module]}"


def test_the_name_of_a_module_identifies_its_unit():
    """The first two consecutive underscores end the name of the unit."""
    for name in LEGAL:
        for module in module_names(name):
            assert module.partition(SEPARATOR)[0] == name


def test_emitted_modules_have_these_names():
    library = ModuleLibrary("npu")
    library.add(AxiMatrixUnit, "npu", config=TINY)
    text = make_design("npu", AxiMatrixUnit, config=TINY).verilog
    emitted = re.findall(r"(?m)^module (\w+) \($", text)
    assert set(emitted) == set(library.modules)
    assert {"npu", "npu__cell", "npu__systolic_row_4"} < set(emitted)
    assert all(re.fullmatch(r"npu(__[a-z][a-z0-9]*(_[a-z0-9]+)*)?", module) for module in emitted)
