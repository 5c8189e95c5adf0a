"""BoardTop: a matrix unit or a core with the pins, clock and reset of a board."""

from amaranth.build import Attrs, Platform
from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from ..core.core_config import CoreConfig
from ..emit.verilog import Design, make_design
from ..host_link import cycles_per_bit_of
from ..host_link.hosts import host_part
from ..matrix.config import MatrixUnitConfig
from .board import Board
from .clocks import pll_for, pll_instance

HOST_MODULE = "weft_host"
TOP_MODULE = "weft_board"


class BoardTop(Elaboratable):
    """The top design of a board.

    The matrix unit or core and its host link are a separate Verilog design, in which every module
    exists once. This component adds the PLL, a reset until the PLL has locked, the pins of the
    serial line, and two LEDs for `busy` and `error`.

    Parameters
    ----------
    board : Board
    config : MatrixUnitConfig or CoreConfig
    clock_hz : int
        Requested clock; the attribute `clock_hz` is the nearest one that the PLL can make.
    baud : int

    Raises
    ------
    ValueError
        If the PLL cannot make the clock, the clock cannot make the baud rate, or the host link
        cannot carry the beats.
    """

    def __init__(
        self, board: Board, config: MatrixUnitConfig | CoreConfig, clock_hz: int, baud: int
    ):
        self.board = board
        self.config = config
        self.pll = pll_for(board.family, board.oscillator_hz, clock_hz)
        self.clock_hz = self.pll.hz
        self.baud = baud
        self.cycles_per_bit = cycles_per_bit_of(self.clock_hz, baud)

    def host_design(self) -> Design:
        """Return the Verilog of the host part, with the hard blocks of the FPGA family."""
        host = host_part(
            self.config,
            cycles_per_bit=self.cycles_per_bit,
            clock_hz=self.clock_hz,
            payload_bytes=self.board.payload_bytes,
            memory_bytes=self.board.memory_bytes,
        )
        return make_design(HOST_MODULE, host.component, family=self.board.family, **host.parameters)

    def elaborate(self, platform: Platform) -> Module:
        m = Module()
        oscillator = platform.request(platform.default_clk, dir="-")
        serial = self._serial(platform)
        locked = Signal()
        m.domains.sync = ClockDomain()
        m.submodules.pll = pll_instance(
            self.board.family,
            platform.family,
            self.pll,
            self.board.oscillator_hz,
            oscillator.io,
            ClockSignal(),
            locked,
        )
        m.submodules.reset = ResetSynchronizer(~locked, stages=4)

        m.submodules.receive = receive = io.Buffer("i", serial.rx)
        m.submodules.send = send = io.Buffer("o", serial.tx)
        busy = Signal()
        error = Signal()
        m.submodules.host = Instance(
            HOST_MODULE,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_rx=receive.i,
            o_tx=send.o,
            o_busy=busy,
            o_error=error,
        )
        for number, light in enumerate((busy, error)):
            pin = platform.request("led", number, dir="-")
            m.submodules[f"light_{number}"] = buffer = io.Buffer("o", pin)
            m.d.comb += buffer.o.eq(light)
        return m

    def _serial(self, platform: Platform):
        """Request the pins of the serial line."""
        if self.board.serial_pins is not None:
            from amaranth_boards.resources import UARTResource

            receive, send = self.board.serial_pins
            pins = UARTResource(
                "pmod", 0, rx=receive, tx=send, conn=("pmod", 0), attrs=Attrs(IOSTANDARD="LVCMOS33")
            )
            platform.add_resources([pins])
        name = "uart" if self.board.serial_pins is None else "pmod"
        pins = platform.lookup(name, 0).ios
        return platform.request(name, 0, dir={pin.name: "-" for pin in pins})
