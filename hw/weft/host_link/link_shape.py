"""LinkShape: the sizes of a host link."""

from dataclasses import dataclass

from .ports import ADDRESS_WIDTH
from .protocol import check_payload_bytes


@dataclass(frozen=True, kw_only=True)
class LinkShape:
    """Sizes of a host link: payload, registers and beats of the streams.

    Parameters
    ----------
    payload_bytes : int, 16 to 32768
        Most bytes of a payload.
    registers, first_writable : int
        Number of registers, at most 256; those from `first_writable` on are writable.
    input_beats, output_beats : tuple of int
        Bytes of a beat of each stream; at least one stream in each direction.

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
                f"registers must be at most {1 << ADDRESS_WIDTH} and first_writable at most "
                f"registers, not {self.registers} and {self.first_writable}"
            )
        inputs, outputs, most = self.input_beats, self.output_beats, self.payload_bytes
        if not inputs or not outputs or not all(0 < size <= most for size in (*inputs, *outputs)):
            raise ValueError(
                f"each direction needs a stream, with beats of 1 to {most} bytes, "
                f"not {inputs} in and {outputs} out"
            )
