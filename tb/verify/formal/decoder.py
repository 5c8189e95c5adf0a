"""The decoder: whole instructions leave once, in order, with their own bits."""

from amaranth.hdl import Cat, Module, Mux, Signal

from weft.isa.instructions import HALT, KINDS
from weft.sequencer.decoder import Decoder
from weft.sequencer.ports import MOST_UNITS, UNIT_BITS, FaultCode, program_unit_layout

from .harness import Harness, delayed, follow

_OPCODE = HALT.by_name["opcode"]


class InstructionsAreWhole(Harness):
    """Instructions leave once, in order, each when all of its units have come, or not at all.

    Units are arbitrary. The specification reads opcodes and lengths; it follows one arbitrary
    instruction, and the first and last bit of each of its units.
    """

    def describe(self, m: Module) -> None:
        m.submodules.decoder = it = Decoder()
        offered = self.anything(program_unit_layout(), "unit")
        valid, ready = self.anything(1, "valid"), self.anything(1, "ready")
        enable = self.anything(1, "enable")
        m.d.comb += [
            it.units.payload.eq(offered),
            it.units.valid.eq(valid),
            it.instructions.ready.eq(ready),
            it.enable.eq(enable),
        ]
        taken, leaves = valid & it.units.ready, it.instructions.valid & ready
        opcode = offered.bits[_OPCODE.offset :][: _OPCODE.width]
        kind = Cat(opcode == known for known in KINDS)
        length = Signal(range(MOST_UNITS + 1))
        for bit, known in zip(kind, KINDS.values(), strict=True):
            with m.If(bit):
                m.d.comb += length.eq(known.units)

        # Units of the instruction that is arriving which have not come; zero in front of the next.
        missing = Signal(range(MOST_UNITS))
        begins = taken & ~missing.any()
        with m.If(~enable):
            m.d.sync += missing.eq(0)
        with m.Elif(begins):
            m.d.sync += missing.eq(Mux(length.any(), length - 1, 0))
        with m.Elif(taken):
            m.d.sync += missing.eq(missing - 1)
        inside = Signal(range(8))
        m.d.sync += inside.eq(Mux(enable, inside + begins - leaves, 0))
        followed = follow(self, m, begins, leaves, inside)
        entered = Signal()
        m.d.sync += entered.eq(entered | followed.enters)
        self.assume(enable | ~(entered | followed.enters))
        self.prove("nothing_is_invented", ~it.instructions.valid | inside.any())
        self.prove("nothing_while_disabled", enable | ~it.units.ready)
        self._prove_own(m, it, offered.bits, taken, followed, kind, length)

        wrong = it.fault.code != FaultCode.NONE
        waits = delayed(m, it.instructions.valid & ~ready & enable, 1, "waits")
        self.prove("offer_stays", ~waits | it.instructions.valid)
        self.prove("nothing_after_a_fault", ~wrong | ~it.instructions.valid)
        self.prove("fault_stays", ~delayed(m, wrong & enable, 1, "wrong") | wrong)
        self.reach("follows_others", followed.leaves & (inside > 1))
        self.reach("a_fault", wrong & entered)

    def _prove_own(self, m: Module, it, bits, taken, followed, kind, length) -> None:
        """Prove that the followed instruction leaves whole, with its own kind and bits, in time."""
        own_kind, left = Signal.like(kind, name="own_kind"), Signal(range(MOST_UNITS))
        own_length = Signal.like(length, name="own_length")
        ends = [Signal(2, name=f"ends_{place}") for place in range(MOST_UNITS)]
        now = Cat(bits[0], bits[-1])
        with m.If(followed.enters):
            m.d.sync += [own_kind.eq(kind), own_length.eq(length), left.eq(length - 1)]
            m.d.sync += ends[0].eq(now)
        with m.Elif(taken & left.any()):
            m.d.sync += left.eq(left - 1)
            for place in range(1, MOST_UNITS):
                with m.If(own_length - left == place):
                    m.d.sync += ends[place].eq(now)
        payload = it.instructions.payload
        whole = followed.leaves & ~left.any()
        self.prove("all_of_it_has_come", ~followed.leaves | (own_kind.any() & ~left.any()))
        self.prove("kind_is_its_own", ~followed.leaves | (payload.kind == own_kind))
        for place, own in enumerate(ends):
            part = payload.bits[place * UNIT_BITS :][:UNIT_BITS]
            same = Cat(part[0], part[-1]) == own
            self.prove(f"unit_{place}_is_its_own", ~whole | (own_length <= place) | same)
        late = Signal(range(Decoder.latency + 2))
        wrong = it.fault.code != FaultCode.NONE
        here = followed.inside & ~left.any() & ~it.instructions.valid & ~wrong
        m.d.sync += late.eq(Mux(here, late + 1, 0))
        self.prove("nothing_is_lost", late < Decoder.latency)
        self.reach("longest", whole & (own_length == MOST_UNITS))
