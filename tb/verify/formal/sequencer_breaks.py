"""Broken copies for the proofs of the sequencer."""

from .breaks import Break

WAIT_BREAKS = (
    Break("sequencer/waits", " & ~number[-1]", "", "wait_is_exact"),
    Break("sequencer/waits", "dispatched - wait)", "dispatched - wait + 1)", "wait_is_exact"),
    Break("sequencer/waits", "[dispatched.eq(0), finished.eq(0)]", "finished.eq(0)", "idle_is"),
    Break("sequencer/waits", "[dispatched.eq(0), finished.eq(0)]", "[]", "wait_is_exact"),
    Break("sequencer/ports", "most.bit_length()", "(most >> 1).bit_length()", "wait_is_exact"),
)
QUEUE_ORDER_BREAKS = (
    Break("sequencer/unit_queue", "free.eq(held != self.slots)", "free.eq(1)", "free_is"),
    Break("sequencer/unit_queue", "held.eq(0)", "held.eq(held)", "free_is"),
    Break(
        "sequencer/unit_queue",
        "behind.any() & (~full | leaves)",
        "~full | leaves",
        "nothing_is_invented",
    ),
    Break(
        "sequencer/unit_queue",
        "slot == self.slots - 1, 0, slot + 1",
        "slot == self.slots - 1, 0, slot",
        "fields_are_its_own",
    ),
    Break("sequencer/unit_queue", "behind.any() & (~full | leaves)", "behind.any()", "offer_stays"),
    Break("sequencer/unit_queue", "fetch | (full & ~leaves)", "fetch", "offer_stays"),
    Break(
        "sequencer/unit_queue",
        "behind.any() & (~full | leaves)",
        "behind.any() & ~self.dispatches & (~full | leaves)",
        "nothing_is_lost",
    ),
)
QUEUE_WAIT_BREAKS = (
    Break(
        "sequencer/unit_queue",
        "known & ~Cat(*unmet).any()",
        "known",
        "no_start_before_its_waits",
    ),
    Break(
        "sequencer/unit_queue",
        "wait.number >= count",
        "wait.number > count",
        "no_start_before_its_waits",
    ),
    Break(
        "sequencer/unit_queue",
        " & ~port.starts & ~self.clear",
        " & ~self.clear",
        "no_permission_is_invented",
    ),
    Break(
        "sequencer/unit_queue",
        " & ~port.starts & ~self.clear",
        " & ~port.may_start",
        "permission_stays",
    ),
    Break("sequencer/unit_queue", "wait.waits & (wait", "(wait", "permission_comes"),
)
DISPATCHER_BREAKS = (
    Break("sequencer/dispatcher", "self.launch & ~self.running", "self.launch", "running_is"),
    Break(
        "sequencer/dispatcher",
        "dispatches.eq(order.unit)",
        "dispatches.eq(order.unit | 1)",
        "unit_is_its_own",
    ),
    Break(
        "sequencer/dispatcher",
        "(order.unit & self.free).any()",
        "self.free.any()",
        "never_into_a_full_queue",
    ),
    Break("sequencer/dispatcher", "count.eq(count + 1)", "count.eq(1)", "never_more_than_counts"),
    Break("sequencer/dispatcher", "(gives | halts) & ~self.stop", "gives", "nothing_after_the_end"),
    Break("sequencer/dispatcher", "order.halt & self.idle", "order.halt", "halt_waits_for_all"),
    Break(
        "sequencer/dispatcher",
        "count == self.most",
        "count == self.most - 1",
        "nothing_waits_in_vain",
    ),
    Break("sequencer/dispatcher", "self.running & self.stop", "self.stop", "ends_are_reported"),
    Break("sequencer/dispatcher", "(spent & self.idle)", "spent", "counts_end_with_everything"),
)
ISSUE_BREAKS = (
    Break(
        "sequencer/unit_queue",
        "known & ~Cat(*unmet).any()",
        "known",
        "no_start_before_its_waits",
    ),
    Break(
        "sequencer/waits",
        "dispatched - wait)",
        "dispatched - wait - 1)",
        "no_start_before_its_waits",
    ),
    Break("sequencer/dispatcher", "(spent & self.idle)", "spent", "no_start_before_its_waits"),
    Break("sequencer/waits", " & ~number[-1]", "", "something_goes_on"),
    Break("sequencer/dispatcher", " | (spent & self.idle)", "", "something_goes_on"),
)
DECODER_BREAKS = (
    Break(
        "sequencer/decoder",
        "unit.full & Cat(*last_part).any()",
        "Cat(*last_part).any()",
        "nothing_is_invented",
    ),
    Break("sequencer/decoder", "self.enable & ~ended", "~ended", "nothing_while_disabled"),
    Break(
        "sequencer/decoder", "unit.full & Cat(*last_part).any()", "unit.full", "all_of_it_has_come"
    ),
    Break("sequencer/decoder", "begins & (opcode", "(opcode", "kind_is_its_own"),
    Break(
        "sequencer/decoder", "part.number == place]", "part.number >= place]", "unit_0_is_its_own"
    ),
    Break(
        "sequencer/decoder", "part.number == place]", "part.number >= place]", "unit_1_is_its_own"
    ),
    Break(
        "sequencer/decoder", "[:UNIT_BITS].eq(unit.bits)", "[:UNIT_BITS].eq(0)", "unit_2_is_its_own"
    ),
    Break("sequencer/decoder", "taken | (unit.full & ~unit.advance)", "taken", "nothing_is_lost"),
    Break("sequencer/decoder", "(~complete | instruction.ready) & ~wrong", "~wrong", "offer_stays"),
    Break("sequencer/decoder", "complete & ~wrong)", "complete)", "nothing_after_a_fault"),
    Break("sequencer/decoder", "instruction.ready) & ~wrong", "instruction.ready)", "fault_stays"),
)
