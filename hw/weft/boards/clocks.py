"""The clock of a board: the PLL of each family, and its factors.

The tests compare the factors with the choices of ecppll, icepll and gowin_pll. The ranges of AMD's
7 series are from its data sheets (DS181, DS187); Vivado checks them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.hdl import Const, Instance, Signal

# Largest relative difference between the requested clock and the clock of the PLL.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Pll:
    """Factors of a PLL, whose oscillator runs at `post_divide` times the output frequency.

    If the post divider is in the feedback loop (ECP5, Gowin), the output frequency is
    input * multiply / divide. Otherwise (iCE40, 7 series), the oscillator frequency is. `hz` is the
    output frequency, rounded.
    """

    divide: int
    multiply: int
    post_divide: int
    hz: int


@dataclass(frozen=True)
class _Ranges:
    """Legal factors of a PLL, and its legal internal frequencies in MHz.

    `compared` is the range of the phase comparator, `oscillator` that of the oscillator.
    """

    divide: range
    multiply: range
    post_divide: tuple[int, ...]
    compared: tuple[float, float]
    oscillator: tuple[float, float]
    # Whether the post divider is in the feedback loop; see Pll.
    post_divider_in_feedback: bool = True

    def off_middle(self, pll: Pll) -> float:
        """Return the distance in MHz between the oscillator and the middle of its range."""
        return abs(pll.hz * pll.post_divide / 1e6 - sum(self.oscillator) / 2)


_RANGES = {
    "ecp5": _Ranges(range(1, 129), range(1, 81), tuple(range(1, 129)), (10, 400), (400, 800)),
    "ice40": _Ranges(
        range(1, 17), range(1, 129), (2, 4, 8, 16, 32, 64), (10, 133), (533, 1066), False
    ),
    "gowin": _Ranges(
        range(1, 65), range(1, 65), (2, 4, 8, 16, 32, 48, 64, 80, 96), (3, 400), (400, 1200)
    ),
    "xc7": _Ranges(range(1, 57), range(2, 65), tuple(range(1, 129)), (19, 450), (800, 1600), False),
}


def pll_for(family: str, input_hz: int, wanted_hz: int) -> Pll:
    """Return the factors for the clock nearest to `wanted_hz`.

    Of equally near ones, the smallest `divide` is chosen, then the oscillator nearest to the middle
    of its range.

    Parameters
    ----------
    family : "ecp5", "ice40", "gowin" or "xc7"
    input_hz, wanted_hz : int

    Raises
    ------
    ValueError
        If the input is out of range, or the PLL cannot make a clock within one per cent of
        `wanted_hz`; the message has the nearest.
    """
    ranges = _RANGES[family]
    nearest = min(
        _candidates(ranges, input_hz),
        key=lambda pll: (abs(pll.hz - wanted_hz), pll.divide, ranges.off_middle(pll)),
        default=None,
    )
    if nearest is None:
        low, high = ranges.compared
        raise ValueError(
            f"the input of the PLL must be {low:g} to {high:g} MHz, divided by at most "
            f"{max(ranges.divide)}, not {input_hz / 1e6:g} MHz"
        )
    if abs(nearest.hz - wanted_hz) > TOLERANCE * wanted_hz:
        raise ValueError(
            f"the PLL cannot make {wanted_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz: "
            f"the nearest is {nearest.hz / 1e6:g} MHz"
        )
    return nearest


def _candidates(ranges: _Ranges, input_hz: int) -> Iterator[Pll]:
    for divide in ranges.divide:
        if not ranges.compared[0] <= input_hz / divide / 1e6 <= ranges.compared[1]:
            continue
        for multiply in ranges.multiply:
            fed_back = input_hz * multiply / divide
            for post_divide in ranges.post_divide:
                inside = ranges.post_divider_in_feedback
                oscillator = fed_back * post_divide if inside else fed_back
                if ranges.oscillator[0] <= oscillator / 1e6 <= ranges.oscillator[1]:
                    output = fed_back if inside else fed_back / post_divide
                    yield Pll(divide, multiply, post_divide, round(output))


def pll_instance(
    family: str, device: str, pll: Pll, input_hz: int, pin, output: Signal, locked: Signal
) -> Instance:
    """Return the PLL as a primitive of its family, driven by the oscillator at the port `pin`.

    `device` is the part name that the primitive of Gowin needs; the other families ignore it.
    """
    if family == "gowin":
        return _gowin(device, pll, input_hz, pin, output, locked)
    return _INSTANCES[family](pll, input_hz, pin, output, locked)


def _ecp5(pll: Pll, input_hz: int, pin, output: Signal, locked: Signal) -> Instance:
    return Instance(
        "EHXPLLL",
        a_FREQUENCY_PIN_CLKI=f"{input_hz / 1e6:g}",
        a_FREQUENCY_PIN_CLKOP=f"{pll.hz / 1e6:g}",
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_OUTDIVIDER_MUXA="DIVA",
        p_OUTDIVIDER_MUXB="DIVB",
        p_OUTDIVIDER_MUXC="DIVC",
        p_OUTDIVIDER_MUXD="DIVD",
        p_CLKI_DIV=pll.divide,
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=pll.post_divide,
        p_CLKOP_CPHASE=pll.post_divide // 2,
        p_CLKOP_FPHASE=0,
        p_FEEDBK_PATH="CLKOP",
        p_CLKFB_DIV=pll.multiply,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_CLKI=pin,
        o_CLKOP=output,
        i_CLKFB=output,
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1),
        i_PHASESTEP=Const(1),
        i_PHASELOADREG=Const(1),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        o_LOCK=locked,
    )


def _ice40(pll: Pll, input_hz: int, pin, output: Signal, locked: Signal) -> Instance:
    compared = input_hz / pll.divide / 1e6
    limits = (17, 26, 44, 66, 101)
    return Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(pll.divide - 1, 4),
        p_DIVF=Const(pll.multiply - 1, 7),
        p_DIVQ=Const(pll.post_divide.bit_length() - 1, 3),
        p_FILTER_RANGE=Const(1 + sum(compared >= limit for limit in limits), 3),
        i_PACKAGEPIN=pin,
        o_PLLOUTGLOBAL=output,
        o_LOCK=locked,
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
    )


def _gowin(device: str, pll: Pll, input_hz: int, pin, output: Signal, locked: Signal) -> Instance:
    return Instance(
        "rPLL",
        p_FCLKIN=f"{input_hz / 1e6:g}",
        p_DEVICE=device,
        p_IDIV_SEL=pll.divide - 1,
        p_FBDIV_SEL=pll.multiply - 1,
        p_ODIV_SEL=pll.post_divide,
        p_DYN_IDIV_SEL="false",
        p_DYN_FBDIV_SEL="false",
        p_DYN_ODIV_SEL="false",
        p_CLKFB_SEL="internal",
        p_CLKOUT_BYPASS="false",
        i_CLKIN=pin,
        i_CLKFB=Const(0),
        i_RESET=Const(0),
        i_RESET_P=Const(0),
        i_FBDSEL=Const(0, 6),
        i_IDSEL=Const(0, 6),
        i_ODSEL=Const(0, 6),
        i_PSDA=Const(0, 4),
        i_DUTYDA=Const(0, 4),
        i_FDLY=Const(0, 4),
        o_CLKOUT=output,
        o_LOCK=locked,
    )


def _xc7(pll: Pll, input_hz: int, pin, output: Signal, locked: Signal) -> Instance:
    feedback = Signal(name="pll_feedback")
    return Instance(
        "PLLE2_BASE",
        p_CLKIN1_PERIOD=1e9 / input_hz,
        p_DIVCLK_DIVIDE=pll.divide,
        p_CLKFBOUT_MULT=pll.multiply,
        p_CLKOUT0_DIVIDE=pll.post_divide,
        i_CLKIN1=pin,
        i_CLKFBIN=feedback,
        o_CLKFBOUT=feedback,
        i_RST=Const(0),
        i_PWRDWN=Const(0),
        o_CLKOUT0=output,
        o_LOCKED=locked,
    )


_INSTANCES = {"ecp5": _ecp5, "ice40": _ice40, "xc7": _xc7}
