"""HeaderCheck: compare the header of a program with a core and with the regions of the host."""

from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.regions import REGIONS, regions_layout
from ..isa.fields import WORD_BITS, Field, used_bits
from ..isa.requirements import HEADER_BY_NAME, HEADER_FIELDS, HEADER_WORDS, Requirements
from ..sequencer.unit_check import is_illegal
from .core_config import AT_LEAST, EQUAL, MULTIPLE
from .errors import CoreError

# Fields whose only legal value has an error of its own.
_FIXED = {"magic": CoreError.MAGIC, "version": CoreError.VERSION}
_PERMISSIONS = ("readable", "writable")


class HeaderCheck(wiring.Component):
    """Check a word of the header of a program. Latency 0 cycles.

    Of several errors in a word, the first of this list counts. MAGIC, VERSION: the field has
    another value. HEADER: bits that belong to no field are not zero, or a field is illegal.
    GEOMETRY: the core lacks what the program needs. REGION: the host provides a region with fewer
    bytes than the program needs, or without a permission that it needs.

    Parameters
    ----------
    capacity : Requirements
        What the core has; its regions do not matter.
    address_width : int

    Members
    -------
    word : 32 bits in
    number : number of the word, in
    regions : regions_layout(address_width) in
    error : CoreError, out
    """

    def __init__(self, *, capacity: Requirements, address_width: int):
        self.capacity = capacity
        self.address_width = address_width
        super().__init__(
            {
                "word": In(WORD_BITS),
                "number": In(range(HEADER_WORDS)),
                "regions": In(regions_layout(address_width)),
                "error": Out(CoreError),
            }
        )

    def elaborate(self, platform):
        m = Module()
        used = used_bits(HEADER_FIELDS, HEADER_WORDS)
        with m.Switch(self.number):
            for number in range(HEADER_WORDS):
                with m.Case(number):
                    spare = ~used[number] & ((1 << WORD_BITS) - 1)
                    self._check(
                        m,
                        [field for field in HEADER_FIELDS if field.word == number],
                        unused=(self.word & spare).any(),
                    )
        return m

    def _check(self, m: Module, fields: list[Field], *, unused: Value) -> None:
        """Check the fields of a word; the last assignment has the highest priority."""
        found = [(CoreError.REGION, self._lacks_region(field)) for field in fields]
        found += [(CoreError.GEOMETRY, self._lacks(field)) for field in fields]
        found += [(CoreError.HEADER, unused), (CoreError.HEADER, self._is_odd(fields))]
        found += [
            (_FIXED.get(field.name, CoreError.HEADER), is_illegal(field, self.word))
            for field in fields
        ]
        for error, condition in found:
            with m.If(condition):
                m.d.comb += self.error.eq(error)

    def _value(self, field: Field) -> Value:
        return self.word[field.bit : field.bit + field.width]

    def _is_odd(self, fields: list[Field]) -> Value:
        """Return whether the lanes are no multiple of 4."""
        lanes = HEADER_BY_NAME["lanes"]
        low = self._value(lanes)[: (MULTIPLE - 1).bit_length()]
        return low.any() if lanes in fields else Cat()

    def _lacks(self, field: Field) -> Value:
        """Return whether the core has another value, or less."""
        if field.name in EQUAL:
            return self._value(field) != getattr(self.capacity, field.name)
        if field.name in AT_LEAST:
            return self._value(field) > getattr(self.capacity, field.name)
        return Cat()

    def _lacks_region(self, field: Field) -> Value:
        """Return whether the host provides too small a region, or not its permissions."""
        if field.name in _PERMISSIONS:
            given = Cat(region[field.name] for region in self.regions)
            return (self._value(field) & ~given).any()
        for number in range(REGIONS):
            if field.name == f"region_{number}":
                return self._value(field) > self.regions[number].size
        return Cat()
