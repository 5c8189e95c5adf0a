"""BankArbiter: each bank goes to the first port that asks for it."""

import cocotb

from benches.bits import join, split
from benches.coroutines import TIMEOUT, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.buffer.bank_arbiter import BankArbiter

SIZES = {"5-4": (5, 4), "2-1": (2, 1), "2-2": (2, 2), "3-3": (3, 3)}


@on_simulators("ports, banks", SIZES)
def test_bank_arbiter(simulate, ports, banks):
    simulate([grants_a_bank_to_the_first_port], BankArbiter, ports=ports, banks=banks)


@cocotb.test(**TIMEOUT)
async def grants_a_bank_to_the_first_port(dut):
    """Random requests, compared with a loop over the ports."""
    ports, banks, source = parameters().ports, parameters().banks, randomness()
    width = max(1, (banks - 1).bit_length())
    await start(dut)
    stimuli = []
    for _ in range(500):
        asked = [source.randrange(banks) for _ in range(ports)]
        asks = source.getrandbits(ports) | source.getrandbits(ports)
        stimuli.append({"asks": asks, "bank": join(asked, width)})
    trace = await play(dut, stimuli, ["waits", "grants"])
    for number, inputs in enumerate(stimuli):
        owners: dict[int, int] = {}
        waits = 0
        for port, bank in enumerate(split(inputs["bank"], width, ports)):
            if inputs["asks"] >> port & 1 and owners.setdefault(bank, port) != port:
                waits |= 1 << port
        grants = [1 << owners[bank] if bank in owners else 0 for bank in range(banks)]
        assert trace["waits"][number] == waits, inputs
        assert split(trace["grants"][number], ports, banks) == grants, inputs
