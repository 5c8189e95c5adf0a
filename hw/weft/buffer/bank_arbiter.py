"""BankArbiter: give each bank to the first of the ports that ask for it."""

from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


class BankArbiter(wiring.Component):
    """Grant each bank to the first port that asks for it, in each cycle anew.

    Latency 0. A port waits for as long as ports before it ask for the same bank.

    Parameters
    ----------
    ports, banks : int

    Members
    -------
    asks : 1 bit in per port
    bank : the number of a bank in, per port; meaningless unless the port asks
    waits : 1 bit out per port. The port asks for a bank that is granted to a port before it.
    grants : 1 bit out per port, for each bank. The bank belongs to this port in this cycle: at most
        one bit of a bank is high, and its port asks.
    """

    def __init__(self, *, ports: int, banks: int):
        self.ports = ports
        self.banks = banks
        super().__init__(
            {
                "asks": In(ports),
                "bank": In(data.ArrayLayout(range(max(2, banks)), ports)),
                "waits": Out(ports),
                "grants": Out(data.ArrayLayout(ports, banks)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for port in range(self.ports):
            before = [
                self.asks[other] & (self.bank[other] == self.bank[port]) for other in range(port)
            ]
            m.d.comb += self.waits[port].eq(self.asks[port] & Cat(*before).any())
            for bank in range(self.banks):
                chosen = self.asks[port] & ~self.waits[port] & (self.bank[port] == bank)
                m.d.comb += self.grants[bank][port].eq(chosen)
        return m
