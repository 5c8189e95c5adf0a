"""Amaranth layouts of instructions, from the table of their fields."""

from amaranth.hdl import Shape, signed, unsigned
from amaranth.lib import data

from .fields import WORD_BITS, Field
from .kind import Kind
from .requirements import HEADER_FIELDS, HEADER_WORDS


def shape_of(field: Field) -> Shape:
    """Return the shape of the value of a field."""
    return signed(field.width) if field.signed else unsigned(field.width)


def instruction_layout(kind: Kind) -> data.FlexibleLayout:
    """Return the layout of an instruction; bits that belong to no field have no name."""
    return _layout(kind.fields, kind.words)


def header_layout() -> data.FlexibleLayout:
    """Return the layout of the header of a program."""
    return _layout(HEADER_FIELDS, HEADER_WORDS)


def _layout(fields: tuple[Field, ...], words: int) -> data.FlexibleLayout:
    places = {field.name: data.Field(shape_of(field), field.offset) for field in fields}
    return data.FlexibleLayout(words * WORD_BITS, places)
