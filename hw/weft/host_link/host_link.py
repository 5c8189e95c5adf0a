"""HostLink: registers and streams of a core, behind a string of bytes from and to a host."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..hierarchy import instantiate
from .executor import Executor
from .frame_receiver import FrameReceiver
from .frame_transmitter import FrameTransmitter
from .ports import ADDRESS_WIDTH, byte_sink, byte_source, register_bus
from .protocol import check_payload_bytes
from .request_buffer import BROKEN_FRAMES_WIDTH, RequestBuffer
from .response_buffer import ResponseBuffer


def check_link(
    payload_bytes: int,
    registers: int,
    first_writable: int,
    input_beats: tuple[int, ...],
    output_beats: tuple[int, ...],
) -> None:
    """Refuse what no link can be, as HostLink does."""
    check_payload_bytes(payload_bytes)
    if not 0 <= first_writable <= registers <= 1 << ADDRESS_WIDTH:
        raise ValueError(
            f"there are at most {1 << ADDRESS_WIDTH} registers, the writable ones last, "
            f"not {registers} with {first_writable} the first writable"
        )
    beats = (*input_beats, *output_beats)
    if not input_beats or not output_beats or min(beats) < 1 or max(beats) > payload_bytes:
        raise ValueError(
            f"each way needs a stream, with beats of 1 to {payload_bytes} bytes, "
            f"not {input_beats} in and {output_beats} out"
        )


class HostLink(wiring.Component):
    """Answer requests, one at a time; see protocol.py. It knows nothing of the core behind it.

    A frame that is not whole has no effect but to be counted. Whatever bytes come, the link is
    ready for a request after the next flag. Bytes come at least 9 cycles apart.

    Parameters
    ----------
    payload_bytes : int, 16 to 32768
        Most bytes of a payload.
    registers, first_writable : int
        Registers are 0 .. registers - 1, 256 at most; from first_writable on they can be written.
    input_beats, output_beats : tuple of int
        Bytes of a beat of each stream; one stream at least each way.

    Members
    -------
    received : stream of bytes, always ready
    line_error : 1 bit in. A byte was lost here.
    transmitted : stream of bytes, out
    registers : register_bus(), out
    inputs, outputs : byte_sink() and byte_source(), out, one for each stream
    busy : 1 bit out. A request is worked on or answered.
    broken_frames : 16 bits out. Frames dropped, modulo 2**16.

    Raises
    ------
    ValueError
        With one sentence that names the parameter and what is wrong with it.
    """

    def __init__(
        self,
        payload_bytes: int,
        registers: int,
        first_writable: int,
        input_beats: tuple[int, ...],
        output_beats: tuple[int, ...],
    ):
        self.arguments = payload_bytes, registers, first_writable, input_beats, output_beats
        check_link(*self.arguments)
        super().__init__(
            {
                "received": In(stream.Signature(8, always_ready=True)),
                "line_error": In(1),
                "transmitted": Out(stream.Signature(8)),
                "registers": Out(register_bus()),
                "inputs": Out(byte_sink()).array(len(input_beats)),
                "outputs": Out(byte_source()).array(len(output_beats)),
                "busy": Out(1),
                "broken_frames": Out(BROKEN_FRAMES_WIDTH),
            }
        )

    def elaborate(self, platform):
        m = Module()
        payload_bytes, *_ = self.arguments
        receiver = instantiate(m, "receiver", platform, FrameReceiver)
        request = instantiate(m, "request", platform, RequestBuffer, payload_bytes)
        executor = instantiate(m, "executor", platform, Executor, *self.arguments)
        response = instantiate(m, "response", platform, ResponseBuffer, payload_bytes)
        transmitter = instantiate(m, "transmitter", platform, FrameTransmitter)

        connect(m, flipped(self.received), receiver.i)
        connect(m, receiver.o, request.content)
        connect(m, response.items, transmitter.i)
        connect(m, transmitter.o, flipped(self.transmitted))
        connect(m, executor.registers, flipped(self.registers))
        for ours, theirs in zip(self.inputs, executor.inputs, strict=True):
            connect(m, theirs, flipped(ours))
        for ours, theirs in zip(self.outputs, executor.outputs, strict=True):
            connect(m, theirs, flipped(ours))
        m.d.comb += [
            receiver.line_error.eq(self.line_error),
            *[
                getattr(request, name).eq(getattr(receiver, name))
                for name in ("flag", "begun", "good")
            ],
            *[
                getattr(executor, name).eq(getattr(request, name))
                for name in ("received", "sequence_number", "command", "target", "length", "data")
            ],
            request.address.eq(executor.address),
            request.busy.eq(executor.busy),
            response.write.eq(executor.write),
            response.address.eq(executor.response_address),
            response.data.eq(executor.response_data),
            response.send.eq(executor.send),
            response.sequence_number.eq(request.sequence_number),
            response.status.eq(executor.status),
            response.length.eq(executor.response_length),
            executor.sent.eq(response.sent),
            self.busy.eq(executor.busy),
            self.broken_frames.eq(request.broken_frames),
        ]
        return m
