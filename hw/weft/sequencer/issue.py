"""Issue: the queues of all units, and the dispatcher that fills them."""

from amaranth.hdl import Cat, Module, ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..hierarchy import instantiate
from .dispatcher import Dispatcher
from .ports import unit_port
from .unit_queue import UnitQueue
from .waits import Waits


def issued_layout(*, shapes: tuple[ShapeLike, ...], wait_width: int) -> data.StructLayout:
    """Return the layout of an instruction to issue.

    `halt`: it ends the program. `unit`: otherwise, one bit says which unit executes it. `waits`:
    its wait for each unit. `fields`: what it is for each of the units; only one of these counts.
    """
    units = len(shapes)
    return data.StructLayout(
        {
            "halt": 1,
            "unit": units,
            "waits": data.ArrayLayout(wait_width, units),
            "fields": data.StructLayout({f"of_{n}": shape for n, shape in enumerate(shapes)}),
        }
    )


class Issue(wiring.Component):
    """Dispatch instructions in program order, and start each when its waits hold.

    The latencies are those of UnitQueue and Dispatcher.

    Parameters
    ----------
    shapes : tuple of ShapeLike
        Fields of an instruction of each unit.
    slots : int
        Unfinished instructions of a unit.
    wait_width : int
        Bits of a wait.
    most : int
        Instructions after which the dispatcher waits until all have finished.

    Members
    -------
    launch, stop, running, done, flush : see Dispatcher
    instructions : stream of issued_layout(shapes, wait_width)
    waiting : a bit per unit for each unit, out. Its next instruction waits for these units.
    ports : unit_port(shape) per unit, out; named port_0 and so on
    """

    def __init__(self, *, shapes: tuple[ShapeLike, ...], slots: int, wait_width: int, most: int):
        self.shapes = shapes
        self.slots = slots
        self.wait_width = wait_width
        self.most = most
        layout = issued_layout(shapes=shapes, wait_width=wait_width)
        super().__init__(
            {
                "launch": In(1),
                "stop": In(1),
                "instructions": In(stream.Signature(layout)),
                "running": Out(1),
                "done": Out(1),
                "flush": Out(1),
                "waiting": Out(data.ArrayLayout(len(shapes), len(shapes))),
                **{f"port_{n}": Out(unit_port(shape)) for n, shape in enumerate(shapes)},
            }
        )

    @property
    def ports(self) -> list[wiring.PureInterface]:
        """The ports of the units, in their order."""
        return [getattr(self, f"port_{unit}") for unit in range(len(self.shapes))]

    def elaborate(self, platform):
        m = Module()
        units, most = len(self.shapes), self.most
        waits = instantiate(
            m, "counts", platform, Waits, units=units, wait_width=self.wait_width, most=most
        )
        dispatcher = instantiate(m, "dispatcher", platform, Dispatcher, units=units, most=most)
        offered = self.instructions.payload
        queues = []
        for unit, (shape, port) in enumerate(zip(self.shapes, self.ports, strict=True)):
            queue = instantiate(
                m,
                f"queue_{unit}",
                platform,
                UnitQueue,
                shape=shape,
                slots=self.slots,
                units=units,
                most=most,
            )
            connect(m, queue.port, flipped(port))
            m.d.comb += [
                queue.dispatches.eq(dispatcher.dispatches[unit]),
                queue.fields.eq(offered.fields[f"of_{unit}"]),
                queue.waits.eq(waits.waited),
                queue.finished.eq(waits.finished),
                queue.clear.eq(dispatcher.flush),
                self.waiting[unit].eq(queue.waiting),
            ]
            queues.append(queue)
        m.d.comb += [
            waits.waits.eq(offered.waits),
            waits.dispatches.eq(dispatcher.dispatches),
            waits.finishes.eq(Cat(port.finishes for port in self.ports)),
            waits.clear.eq(dispatcher.clear),
            dispatcher.launch.eq(self.launch),
            dispatcher.stop.eq(self.stop),
            dispatcher.orders.valid.eq(self.instructions.valid),
            dispatcher.orders.payload.halt.eq(offered.halt),
            dispatcher.orders.payload.unit.eq(offered.unit),
            dispatcher.free.eq(Cat(queue.free for queue in queues)),
            dispatcher.idle.eq(waits.idle),
            self.instructions.ready.eq(dispatcher.orders.ready),
            self.running.eq(dispatcher.running),
            self.done.eq(dispatcher.done),
            self.flush.eq(dispatcher.flush),
        ]
        return m
