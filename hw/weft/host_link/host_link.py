"""HostLink: access to the registers and streams of a core over byte streams of a host."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..hierarchy import instantiate
from .executor import Executor
from .frame_receiver import FrameReceiver
from .frame_transmitter import FrameTransmitter
from .link_shape import LinkShape
from .ports import byte_sink, byte_source, register_bus
from .request_buffer import BROKEN_FRAMES_WIDTH, RequestBuffer
from .response_buffer import ResponseBuffer


class HostLink(wiring.Component):
    """Answer requests, one at a time; see protocol.py. Independent of the core.

    Incomplete and broken frames are counted and otherwise ignored. After any bytes, the link is
    ready for a request at the next flag. Bytes must come at least 10 cycles apart.

    Parameters
    ----------
    shape : LinkShape

    Members
    -------
    received : stream of bytes, always ready
    line_error : 1 bit in. A byte was lost here.
    transmitted : stream of bytes, out
    registers : register_bus(), out
    inputs, outputs : byte_sink() and byte_source(), out, one per stream
    busy : 1 bit out. A request is being executed or answered.
    broken_frames : 16 bits out. Number of dropped frames, modulo 2**16.
    """

    def __init__(self, *, shape: LinkShape):
        self.shape = shape
        super().__init__(
            {
                "received": In(stream.Signature(8, always_ready=True)),
                "line_error": In(1),
                "transmitted": Out(stream.Signature(8)),
                "registers": Out(register_bus()),
                "inputs": Out(byte_sink()).array(len(shape.input_beats)),
                "outputs": Out(byte_source()).array(len(shape.output_beats)),
                "busy": Out(1),
                "broken_frames": Out(BROKEN_FRAMES_WIDTH),
            }
        )

    def elaborate(self, platform):
        m = Module()
        size = self.shape.payload_bytes
        receiver = instantiate(m, "receiver", platform, FrameReceiver)
        request = instantiate(m, "request", platform, RequestBuffer, payload_bytes=size)
        executor = instantiate(m, "executor", platform, Executor, shape=self.shape)
        response = instantiate(m, "response", platform, ResponseBuffer, payload_bytes=size)
        transmitter = instantiate(m, "transmitter", platform, FrameTransmitter)

        connect(m, flipped(self.received), receiver.i)
        connect(m, receiver.o, request.content)
        connect(m, response.items, transmitter.i)
        connect(m, transmitter.o, flipped(self.transmitted))
        connect(m, executor.registers, flipped(self.registers))
        for outer, inner in zip(self.inputs, executor.inputs, strict=True):
            connect(m, inner, flipped(outer))
        for outer, inner in zip(self.outputs, executor.outputs, strict=True):
            connect(m, inner, flipped(outer))
        m.d.comb += [
            receiver.line_error.eq(self.line_error),
            *[
                getattr(request, name).eq(getattr(receiver, name))
                for name in ("flag", "begun", "good")
            ],
            *[
                getattr(executor, name).eq(getattr(request, name))
                for name in (
                    *("received", "sequence_number", "command", "target"),
                    *("length", "requested", "data"),
                )
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
