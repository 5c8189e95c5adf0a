"""The tables of isa.md, from the table of instructions."""

from collections.abc import Callable, Iterable
from functools import partial

from markdown_table import table
from weft.core.core_config import CORES
from weft.isa.codes import Format
from weft.isa.fields import Field
from weft.isa.instructions import HALT, KINDS
from weft.isa.kind import Kind
from weft.isa.requirements import HEADER_FIELDS

HEADS = ("Word", "Bits", "Field", "Values", "Default", "Meaning")


def kinds() -> str:
    """Every instruction: its code, length, unit and meaning."""
    rows = [
        (
            f"[`{kind.name}`](#{kind.name.lower()})",
            f"`{kind.opcode:#04x}`",
            kind.bytes,
            "" if kind.unit is None else kind.unit.name,
            kind.meaning,
        )
        for kind in KINDS.values()
    ]
    return table(("Instruction", "Opcode", "Bytes", "Unit", ""), rows)


def common() -> str:
    """The fields that all instructions have."""
    return _fields(HALT.fields)


def own(kind: Kind) -> str:
    """The fields of one instruction that not all have."""
    return _fields(field for field in kind.fields if field.name not in HALT.by_name)


def header() -> str:
    """The header of a program."""
    return _fields(HEADER_FIELDS)


def formats() -> str:
    """Codes of number formats."""
    rows = [(int(number), f"`{number.name.lower()}`", number.width) for number in Format]
    return table(("Code", "Format", "Bits"), rows)


def cores() -> str:
    """The named cores, and what a program may need of them."""
    needs = {name: core.capacity for name, core in CORES.items()}
    names = ("lanes", "queue_slots", "fifo_tiles", "result_rows", "buffer_rows", "accumulators")
    names += ("parameter_rows", "tables", "row_scalars")
    rows = [(f"`{name}`", *(f"{getattr(n, name):,}" for n in needs.values())) for name in names]
    rows.append(("V", *(core.vector.lanes for core in CORES.values())))
    return table(("", *(f"`{name.upper()}`" for name in needs)), rows)


def _fields(fields: Iterable[Field]) -> str:
    return table(HEADS, map(_row, fields))


def _row(field: Field) -> tuple:
    top = field.bit + field.width - 1
    bits = f"[{top}:{field.bit}]" if field.width > 1 else f"[{field.bit}]"
    if field.codes is Format:
        values, default = "a [format](#number-formats)", f"`{field.text(field.default)}`"
    elif field.codes is not None:
        values = ", ".join(f"{int(code)} `{code.name.lower()}`" for code in field.codes)
        default = f"`{field.text(field.default)}`"
    elif field.name == "opcode":
        values, default = "the code above", ""
    elif field.minimum == field.maximum:
        values, default = f"`{field.minimum:#010x}`" if field.width == 32 else field.minimum, ""
    else:
        values, default = f"{field.minimum:,} to {field.maximum:,}", f"{field.default:,}"
    return field.word, bits, f"`{field.name}`", values, default, field.meaning.rstrip(".")


PARTS: dict[str, Callable[[], str]] = {
    "isa_kinds": kinds,
    "isa_common": common,
    "isa_header": header,
    "isa_formats": formats,
    "isa_cores": cores,
    **{
        f"isa_{kind.name.lower()}": partial(own, kind)
        for kind in KINDS.values()
        if kind is not HALT
    },
}
