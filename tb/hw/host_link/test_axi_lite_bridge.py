"""AxiLiteBridge: whole words behind the bytes of a link."""

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from weft.bus.axi4 import Response
from weft.bus.axi_lite import WORD_BITS, WORD_BYTES, axi_lite_port
from weft.host_link.axi_lite_bridge import AxiLiteBridge

# Cycles from the last byte of a word to the first of the next one in a link.
BETWEEN_WORDS = 8
# Cycles in which an address or data of a write waits at most.
MOST_WAITED = 7


@on_simulators("address_width", {"": 12})
def test_axi_lite_bridge(simulate, address_width):
    simulate([reads_and_writes_words, counts_refusals], AxiLiteBridge, address_width=address_width)


class Subordinate:
    """Words at the port, whose channels answer at random times."""

    def __init__(self, dut, source):
        self.dut, self.source = dut, source
        members = axi_lite_port(address_width=parameters().address_width).members
        self.layouts = {
            name: member.signature.members["payload"].shape for name, member in members.items()
        }
        self.words: dict[int, int] = {}
        self.refuses = False
        self.accesses = 0

    async def serve(self):
        held: dict[str, dict[str, int]] = {}
        due = {"b": 0, "r": 0}
        waited = {"aw": 0, "w": 0}
        dut, source = self.dut, self.source
        while True:
            # Writes wait longer than reads, but a core takes them before the next one.
            ready = {"ar": "ar" not in held and source.random() < 0.8}
            for name in ("aw", "w"):
                waited[name] += bool(read(dut, f"port__{name}__valid"))
                comes = source.random() < 0.1 or waited[name] > MOST_WAITED
                ready[name] = name not in held and comes
            for name, value in ready.items():
                getattr(dut, f"port__{name}__ready").value = int(value)
            answers = self._answers(held)
            for name, layout in (("b", self.layouts["b"]), ("r", self.layouts["r"])):
                due[name] = due[name] + 1 if name in answers else 0
                sent = due[name] > 2
                getattr(dut, f"port__{name}__valid").value = int(sent)
                if sent:
                    payload = pack(layout, **answers[name])
                    getattr(dut, f"port__{name}__payload").value = payload
            await tick(dut)
            for name, value in ready.items():
                if value and read(dut, f"port__{name}__valid"):
                    payload = read(dut, f"port__{name}__payload")
                    held[name] = unpack(self.layouts[name], payload)
                    waited[name] = 0
            # The bridge takes every answer at once.
            for name, cycles in due.items():
                assert cycles <= 2 or read(dut, f"port__{name}__ready")
            if due["b"] > 2:
                address = held.pop("aw")["addr"]
                self.words[address] = held.pop("w")["data"]
                self.accesses += 1
                due["b"] = 0
            if due["r"] > 2:
                held.pop("ar")
                self.accesses += 1
                due["r"] = 0

    def _answers(self, held) -> dict[str, dict[str, int]]:
        response = Response.SLVERR.value if self.refuses else Response.OKAY.value
        answers = {}
        if "aw" in held and "w" in held:
            assert held["w"]["strb"] == (1 << WORD_BYTES) - 1
            answers["b"] = {"resp": response}
        if "ar" in held:
            answers["r"] = {"data": self.words.get(held["ar"]["addr"], 0), "resp": response}
        return answers


async def write_word(dut, number: int, word: int):
    """Write a word as a link does, which spaces the bytes by 4 cycles."""
    for place in range(WORD_BYTES):
        dut.bus__address.value = WORD_BYTES * number + place
        dut.bus__write_data.value = word >> 8 * place & 0xFF
        for cycle in range(4):
            dut.bus__write.value = int(cycle == 2)
            await tick(dut)
    for _ in range(BETWEEN_WORDS - 4):
        await tick(dut)


async def read_word(dut, number: int) -> int:
    word = 0
    for place in range(WORD_BYTES):
        dut.bus__address.value = WORD_BYTES * number + place
        await tick(dut)
        dut.bus__read.value = 1
        for _ in range(1000):
            await tick(dut)
            if read(dut, "bus__done"):
                break
        else:
            raise AssertionError("a byte never came")
        word |= read(dut, "bus__read_data") << 8 * place
        dut.bus__read.value = 0
        await tick(dut)
    return word


@cocotb.test(**TIMEOUT)
async def reads_and_writes_words(dut):
    """A word has the value of its last write, also directly after that; each is accessed once."""
    source = randomness()
    await start(dut)
    port = Subordinate(dut, source)
    cocotb.start_soon(port.serve())
    expected: dict[int, int] = {}
    number = 0
    for turn in range(200):
        # Often the word of the last access.
        number = source.choice([number, source.randrange(8) * 31])
        if source.random() < 0.5:
            expected[number] = source.getrandbits(WORD_BITS)
            await write_word(dut, number, expected[number])
        else:
            assert await read_word(dut, number) == expected.get(number, 0)
            assert port.accesses == turn + 1
    assert not read(dut, "refused")


@cocotb.test(**TIMEOUT)
async def counts_refusals(dut):
    """`refused` is high for one cycle for each access that is answered with an error."""
    await start(dut)
    port = Subordinate(dut, randomness())
    cocotb.start_soon(port.serve())
    seen = [0]

    async def watch():
        while True:
            await tick(dut)
            seen[0] += read(dut, "refused")

    cocotb.start_soon(watch())
    for turn in range(12):
        port.refuses = turn % 3 == 0
        await (write_word(dut, 5, turn) if turn % 2 else read_word(dut, 5))
        for _ in range(20):
            await tick(dut)
    assert seen[0] == 4
