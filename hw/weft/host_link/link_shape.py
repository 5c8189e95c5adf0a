"""LinkShape: what a host link is made for."""

from dataclasses import dataclass

from .ports import ADDRESS_WIDTH
from .protocol import check_payload_bytes


@dataclass(frozen=True, kw_only=True)
class LinkShape:
    """Sizes of a host link: its payloads, its registers and the beats of its streams.

    Parameters
    ----------
    payload_bytes : int, 16 to 32768
        Most bytes of a payload.
    registers, first_writable : int
        Registers are 0 .. registers - 1, 256 at most; from first_writable on they can be written.
    input_beats, output_beats : tuple of int
        Bytes of a beat of each stream; one stream at least each way.

    Raises
    ------
    ValueError
        With one sentence that names the parameter and what is wrong with it.
    """

    payload_bytes: int
    registers: int
    first_writable: int
    input_beats: tuple[int, ...]
    output_beats: tuple[int, ...]

    def __post_init__(self):
        check_payload_bytes(self.payload_bytes)
        if not 0 <= self.first_writable <= self.registers <= 1 << ADDRESS_WIDTH:
            raise ValueError(
                f"there are at most {1 << ADDRESS_WIDTH} registers, the writable ones last, "
                f"not {self.registers} with {self.first_writable} the first writable"
            )
        inputs, outputs, most = self.input_beats, self.output_beats, self.payload_bytes
        if not inputs or not outputs or not all(0 < size <= most for size in (*inputs, *outputs)):
            raise ValueError(
                f"each way needs a stream, with beats of 1 to {most} bytes, "
                f"not {inputs} in and {outputs} out"
            )
