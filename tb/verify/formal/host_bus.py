"""Host bus: every access of AXI4-Lite reaches the registers once, and is answered once."""

from amaranth.hdl import Module, Mux, Signal, Value

from weft.bus.axi4 import Response
from weft.bus.axi_lite import AxiLite

from .harness import Harness, delayed
from .streams import prove_stable


class AccessesAreAnswered(Harness):
    """Writes and reads reach the registers with their own address and data, and get their answer.

    The manager offers addresses and data in any order, and takes responses at any time; the answers
    of the registers are arbitrary.
    """

    def __init__(self, *, address_width: int):
        super().__init__()
        self.address_width = address_width

    def describe(self, m: Module) -> None:
        m.submodules.lite = lite = AxiLite(address_width=self.address_width)
        port, words = lite.port, lite.words
        for name in ("aw", "w", "ar"):
            stream = getattr(port, name)
            m.d.comb += [
                stream.valid.eq(self.anything(1, f"{name}_valid")),
                Value.cast(stream.payload).eq(self.anything(len(Value.cast(stream.payload)), name)),
            ]
        m.d.comb += [
            port.b.ready.eq(self.anything(1, "b_ready")),
            port.r.ready.eq(self.anything(1, "r_ready")),
            words.write_refused.eq(self.anything(1, "write_refused")),
            words.read_refused.eq(self.anything(1, "read_refused")),
            words.read_data.eq(self.anything(32, "read_data")),
        ]
        prove_stable(self, m, port.b, "b_")
        prove_stable(self, m, port.r, "r_")
        write = self._prove_access(m, "write", (port.aw, port.w), port.b, words.write)
        read = self._prove_access(m, "read", (port.ar,), port.r, words.read)
        self._prove_answer(m, "write", port.b, write, words.write_refused)
        self._prove_answer(m, "read", port.r, read, words.read_refused)
        value = delayed(m, words.read_data, 1, "value")
        came = delayed(m, words.read, 2, "came")
        self.prove("read_data_is_right", ~came | (port.r.payload.data == value))
        same = words.write_number == self._kept(m, port.aw, "aw").addr[2:]
        data = self._kept(m, port.w, "w")
        same = same & (words.write_data == data.data) & (words.strobes == data.strb)
        self.prove("write_is_its_own", ~words.write | same)
        own = words.read_number == self._kept(m, port.ar, "ar").addr[2:]
        self.prove("read_is_its_own", ~words.read | own)

    def _kept(self, m: Module, stream, name: str):
        """Return the payload that was transferred last."""
        kept = Signal(stream.payload.shape(), name=f"{name}_kept")
        with m.If(stream.valid & stream.ready):
            m.d.sync += kept.eq(stream.payload)
        return kept

    def _prove_access(self, m: Module, name: str, requests: tuple, response, acts) -> Value:
        """Prove that each request acts at most once, and is answered once; return what acts.

        An access acts or is misaligned, in the cycle in which all of its requests are there.
        """
        counts = []
        answered = response.valid & response.ready
        for number, stream in enumerate(requests):
            count = Signal(range(4), name=f"{name}_requests_{number}")
            m.d.sync += count.eq(count + (stream.valid & stream.ready) - answered)
            counts.append(count)
        complete = Signal(name=f"{name}_complete")
        m.d.comb += complete.eq(counts[0].any() & (counts[-1].any()))
        # Accesses that were made and not answered.
        made = Signal(range(4), name=f"{name}_made")
        aligned = ~self._kept(m, requests[0], f"{name}_request").addr[:2].any()
        begins = Signal(name=f"{name}_begins")
        left = Signal(range(4), name=f"{name}_left")
        m.d.comb += left.eq(Mux(counts[0] < counts[-1], counts[0], counts[-1]))
        # A response that waits holds back the next access.
        m.d.comb += begins.eq((left > made) & ~response.valid)
        m.d.sync += made.eq(made + begins - answered)
        self.prove(f"{name}_is_made", acts == (begins & aligned))
        self.prove(
            f"{name}_is_answered",
            response.valid == delayed(m, made.any() & ~answered, 1, f"{name}_due"),
        )
        self.reach(f"{name}_follows", begins & delayed(m, answered, 1, f"{name}_before"))
        return begins & aligned

    def _prove_answer(self, m: Module, name: str, response, acts: Value, refused: Value) -> None:
        """Prove that the response says what the registers say, and SLVERR without them."""
        acted = delayed(m, acts, 2, f"{name}_acted")
        new = response.valid & ~delayed(m, response.valid, 1, f"{name}_offered")
        okay = acted & ~delayed(m, refused, 1, f"{name}_refused")
        expected = Mux(okay, Response.OKAY.value, Response.SLVERR.value)
        self.prove(
            f"{name}_response_is_right", ~new | (Value.cast(response.payload.resp) == expected)
        )
        self.reach(f"{name}_is_refused", new & acted & ~okay)
