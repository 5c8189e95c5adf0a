"""The proofs about the sequencer and the data path of a core."""

from weft.matrix.config import MatrixUnitConfig

from .buffer import BufferIsAMemory
from .buffer_breaks import BUFFER_BREAKS, FIFO_BREAKS, QUEUE_BREAKS, WALK_BREAKS
from .bus_breaks import (
    BURST_BREAKS,
    CONTROL_BREAKS,
    LITE_BREAKS,
    UNIT_COUNTER_BREAKS,
    WRITE_BREAKS,
)
from .control import CausesPartitionTime, ProgramsEnd
from .decoder import InstructionsAreWhole
from .host_bus import AccessesAreAnswered
from .memory_writes import BurstsAreWhole, BurstsAreWritten
from .proof import Proof
from .queues import QueueKeepsOrder, QueueObeysWaits
from .scale import NumbersAreScaled
from .sequencer import InstructionsWaitAndStart, OrdersAreGiven, WaitsAreExact
from .sequencer_breaks import (
    DECODER_BREAKS,
    DISPATCHER_BREAKS,
    ISSUE_BREAKS,
    QUEUE_ORDER_BREAKS,
    QUEUE_WAIT_BREAKS,
    WAIT_BREAKS,
)
from .streams import WordsComeInOrder
from .vector_breaks import SCALE_BREAKS
from .walk import WalksAreNestedLoops
from .weight_fifo import TilesComeBackwards

CORE_PROOFS = (
    Proof(
        "walk",
        "the rows of a walk are those of six nested loops with multiplications, one per cycle, "
        "also from one walk to the next",
        lambda: WalksAreNestedLoops(row_width=2, count_width=2, kernel_width=2),
        WALK_BREAKS,
        method="bmc 9",
        methods=(("wrong_valid_stays", "pdr"), ("wrong_payload_stays", "pdr")),
    ),
    Proof(
        "buffer",
        "a read returns the last write of an earlier cycle, a fixed number of cycles later; a "
        "request waits if and only if an earlier port asks for its bank",
        lambda: BufferIsAMemory(rows=4, banks=2),
        BUFFER_BREAKS,
    ),
    Proof(
        "queue",
        "words leave once and in order, and each place is released once",
        lambda: WordsComeInOrder(width=1, depth=3),
        QUEUE_BREAKS,
    ),
    Proof(
        "weight FIFO",
        "tiles leave once, whole and in order, from their last row to their first; a place is free "
        "as soon as a tile has left",
        lambda: TilesComeBackwards(
            MatrixUnitConfig(rows=2, columns=1, weight="int1,uint1", zero_points=True), tiles=2
        ),
        FIFO_BREAKS,
    ),
    Proof(
        "decoder",
        "instructions leave once, in order, with their own bits, when all of their bytes have "
        "come; none leaves after a fault",
        InstructionsAreWhole,
        DECODER_BREAKS,
    ),
    Proof(
        "waits",
        "a stored wait holds exactly if few enough of the instructions in front are unfinished, "
        "however many finish while it is stored",
        lambda: WaitsAreExact(wait_width=3, most=3),
        WAIT_BREAKS,
    ),
    Proof(
        "queue order",
        "instructions are offered once, in order, with their own fields, and no slot is lost",
        lambda: QueueKeepsOrder(slots=3, most=3),
        QUEUE_ORDER_BREAKS,
    ),
    Proof(
        "queue waits",
        "instructions start in order, never before their waits hold, and at once when they do",
        lambda: QueueObeysWaits(slots=2, most=3),
        QUEUE_WAIT_BREAKS,
    ),
    Proof(
        "dispatcher",
        "each order goes to its unit in the cycle in which it is taken, no more of them than the "
        "counts allow; HALT waits for everything, and nothing follows the end of a program",
        lambda: OrdersAreGiven(most=3),
        DISPATCHER_BREAKS,
    ),
    Proof(
        "issue",
        "in two queues with their dispatcher, no instruction starts before its waits hold, and "
        "something always goes on while units do what they can",
        lambda: InstructionsWaitAndStart(slots=2, wait_width=2, most=3),
        ISSUE_BREAKS,
    ),
    Proof(
        "scale",
        "a number is multiplied, divided by any power of two and rounded as its mode defines, with "
        "significands of few bits in place of those of float32",
        lambda: NumbersAreScaled(width=6, digits=3),
        SCALE_BREAKS,
        method="induction 14",
    ),
    Proof(
        "bursts of writes",
        "a burst is offered when all of its beats are there, in order, and stays between two "
        "multiples of its limit; so it never crosses 4 KiB",
        lambda: BurstsAreWhole(burst_beats=2, places=2),
        BURST_BREAKS,
        methods=tuple(
            (f"wrong_{name}", "bmc 11")
            for name in ("burst_has_its_words", "word_is_there", "burst_is_right")
        ),
    ),
    Proof(
        "writes",
        "addresses and beats wait unchanged; each burst has the beats that were announced, the "
        "last one marked; each is answered once, and an instruction finishes with its last answer; "
        "after a flush, the beats that are owed write nothing, and nothing else is sent",
        lambda: BurstsAreWritten(burst_beats=2, outstanding=2),
        WRITE_BREAKS,
    ),
    Proof(
        "host bus",
        "each access of AXI4-Lite reaches the registers once, with its own address and data, and "
        "is answered once with their answer; responses wait unchanged",
        lambda: AccessesAreAnswered(address_width=4),
        LITE_BREAKS,
    ),
    Proof(
        "control of a core",
        "a program ends once, for its first error or with HALT, after the sequencer has ended, all "
        "units were flushed, and nothing is owed to the memory",
        lambda: ProgramsEnd(standstill_bits=2),
        CONTROL_BREAKS,
    ),
    Proof(
        "counters of units",
        "the counters of each unit add up to the cycles of the program, whatever the causes are",
        lambda: CausesPartitionTime(width=3),
        UNIT_COUNTER_BREAKS,
        method="induction 4",
    ),
)
