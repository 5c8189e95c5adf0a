"""Decoder: join the units of a program to instructions, and check them."""

from typing import NamedTuple

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hierarchy import instantiate
from ..isa.codes import Opcode
from ..isa.fields import UNIT_WORDS
from ..isa.instructions import HALT, KINDS
from .ports import (
    MOST_UNITS,
    NUMBER_BITS,
    UNIT_BITS,
    FaultCode,
    decoded_layout,
    fault_layout,
    program_unit_layout,
)
from .unit_check import PARTS, UnitCheck

_OPCODE = HALT.by_name["opcode"]
_LAST_PARTS = [number for number, part in enumerate(PARTS) if part.is_last]


class _Unit(NamedTuple):
    """The unit that is being checked: `full` if there is one, and which part it is of which kind.

    `part` is zero if its opcode is unknown. `advance`: it leaves in this cycle.
    """

    full: Signal
    bits: Signal
    last: Signal
    part: Signal
    advance: Signal


class Decoder(wiring.Component):
    """Join units of 32 bytes to instructions, and stop at the first one that is illegal.

    The fault is that of the first wrong unit, and of its first wrong word; in a word, an unknown
    opcode comes before unused bits, these before fields, and a wrong end comes last. When it
    appears, all instructions before the wrong one have been taken, and no other will be offered.

    One unit per cycle. Latency 2 cycles from the last unit of an instruction to the instruction,
    and from a wrong unit to `fault`, if no instruction has to wait.

    Members
    -------
    enable : 1 bit in. If it is low, everything is discarded, and no unit is taken.
    units : stream of program_unit_layout()
    instructions : stream of decoded_layout()
    fault : fault_layout(), out. While an instruction is offered, its place is that of the last unit
        of the instruction.
    """

    latency = 2

    def __init__(self):
        super().__init__(
            {
                "enable": In(1),
                "units": In(stream.Signature(program_unit_layout())),
                "instructions": Out(stream.Signature(decoded_layout())),
                "fault": Out(fault_layout()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        unit = self._take_units(m)
        wrong = self._judge(m, platform, unit)
        self._join(m, unit, wrong)
        return m

    def _take_units(self, m: Module) -> _Unit:
        """Accept units up to the last one of the program; return the one that is being checked."""
        offered = self.units.payload
        unit = _Unit(
            full=Signal(name="unit_full"),
            bits=Signal(UNIT_BITS, name="unit"),
            last=Signal(name="unit_last"),
            part=Signal(len(PARTS)),
            advance=Signal(),
        )
        # The next unit is the first one of an instruction.
        begins = Signal(init=1)
        ended = Signal()
        opcode = offered.bits[_OPCODE.offset :][: _OPCODE.width]
        part = Signal.like(unit.part, name="next_part")
        for number, known in enumerate(PARTS):
            if known.number == 0:
                m.d.comb += part[number].eq(begins & (opcode == known.kind.opcode))
            else:
                m.d.comb += part[number].eq(~begins & unit.part[number - 1])
        taken = Signal()
        m.d.comb += [
            self.units.ready.eq(self.enable & ~ended & (~unit.full | unit.advance)),
            taken.eq(self.units.valid & self.units.ready),
        ]
        m.d.sync += unit.full.eq(taken | (unit.full & ~unit.advance))
        with m.If(taken):
            m.d.sync += [
                unit.bits.eq(offered.bits),
                unit.last.eq(offered.last),
                unit.part.eq(part),
                begins.eq(Cat(*[part[number] for number in _LAST_PARTS]).any()),
                ended.eq(offered.last),
            ]
        with m.If(~self.enable):
            m.d.sync += [unit.full.eq(0), begins.eq(1), ended.eq(0)]
        return unit

    def _judge(self, m: Module, platform, unit: _Unit) -> Value:
        """Check the unit; return whether the one that left last is wrong."""
        check = instantiate(m, "unit_check", platform, UnitCheck)
        m.d.comb += [check.bits.eq(unit.bits), check.part.eq(unit.part)]
        unused, illegal = Signal(UNIT_WORDS), Signal(UNIT_WORDS)
        unknown, wrong_end = Signal(), Signal()
        number = Signal(NUMBER_BITS, init=-1)
        found = [unused, illegal, unknown, wrong_end]
        halts = unit.part[[part.kind.opcode for part in PARTS].index(Opcode.HALT)]
        with m.If(unit.advance & unit.full):
            m.d.sync += [
                unused.eq(check.unused),
                illegal.eq(check.illegal),
                unknown.eq(~unit.part.any()),
                wrong_end.eq(halts != unit.last),
                number.eq(number + 1),
            ]
        with m.If(~self.enable):
            m.d.sync += [*[mark.eq(0) for mark in found], number.eq(number.init)]
        fault = self.fault
        m.d.comb += fault.unit.eq(number)
        with m.If(wrong_end):
            m.d.comb += fault.code.eq(FaultCode.WRONG_END)
        for word in reversed(range(UNIT_WORDS)):
            with m.If(unused[word] | illegal[word]):
                m.d.comb += [
                    fault.word.eq(word),
                    fault.code.eq(
                        Mux(unused[word], FaultCode.UNUSED_BITS, FaultCode.ILLEGAL_FIELD)
                    ),
                ]
        with m.If(unknown):
            m.d.comb += [fault.word.eq(0), fault.code.eq(FaultCode.UNKNOWN_OPCODE)]
        return Cat(*found).any()

    def _join(self, m: Module, unit: _Unit, wrong: Value) -> None:
        """Collect the units of an instruction, and offer it when it is complete and not wrong."""
        instruction = self.instructions
        complete = Signal()
        bits = Signal(MOST_UNITS * UNIT_BITS, reset_less=True)
        kind = Signal(len(KINDS))
        m.d.comb += [
            unit.advance.eq((~complete | instruction.ready) & ~wrong),
            instruction.valid.eq(complete & ~wrong),
            instruction.payload.bits.eq(bits),
            instruction.payload.kind.eq(kind),
        ]
        last_part = [unit.part[number] for number in _LAST_PARTS]
        with m.If(unit.advance):
            m.d.sync += [complete.eq(unit.full & Cat(*last_part).any()), kind.eq(Cat(*last_part))]
            for place in range(MOST_UNITS):
                here = [unit.part[n] for n, part in enumerate(PARTS) if part.number == place]
                with m.If(Cat(*here).any()):
                    m.d.sync += bits[place * UNIT_BITS :][:UNIT_BITS].eq(unit.bits)
        with m.If(~self.enable):
            m.d.sync += complete.eq(0)
