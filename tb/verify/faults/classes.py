"""Classes of registers: the purpose of a stored bit, from the name of its register."""

import re

CONTROL = "control"

# Contents of each class.
CLASSES = {
    "weights": "weights in the shadow plane, in use, and on their way there",
    "activations": "activations in the skew, in the memory of waiting lanes and in the array; with "
    "checksums also their parities, up to the array",
    "partial-sums": "products and sums in the cells",
    "accumulators": "the memories of sums, and the adders behind them",
    "results": "the memories of finished sums and of checksums",
    "checksums": "the checksum column, what travels alongside the array for comparison, and the "
    "comparison of activations and results",
    CONTROL: "what is done, where and when: admission, loader, places, delay lines, flags",
    "cycle-counters": "the counters, and activities on their way to them",
}

# Classes that hold the numbers. A flip here can only make numbers wrong.
DATAPATH = ("weights", "activations", "partial-sums", "accumulators", "results")

# The datapath and its checks. All other bits are control or count cycles.
DATA = (*DATAPATH, "checksums")

# The first pattern that matches a name decides; a name without a match is control.
PATTERNS = (
    ("checksums", r"^checksum_column\.|^result_check\.|^array\.(check|\w+_delay)\."),
    ("cycle-counters", r"^cycle_counters\.|^admission\.activity_delay\."),
    (CONTROL, r"\.(loads|switches)_passed$|_control$|\.control_out$|\.source$|\.passing_\d+$"),
    (CONTROL, r"^array\.north_control\."),
    ("weights", r"^loader\.lanes|^weight_skew\.|^array\.north\."),
    ("weights", r"^array\..*\.(weight|weight_out|weight_in_use|\w+_weight|\w+_shadow)$"),
    ("activations", r"^(activation|parity)_skew\.|^admission\.(rows\[|(read|write)__data)"),
    ("activations", r"^array\..*\.(activation_in|activation_out|pair)$"),
    ("partial-sums", r"^array\.|^sum_delay\."),
    ("accumulators", r"^accumulators\."),
    ("results", r"^results\.columns\..*column_\d+\.(memory\[|o$)"),
)


def class_of(register: str) -> str:
    """Return the class of the register of a `netlist.Bit`."""
    return next((name for name, pattern in PATTERNS if re.search(pattern, register)), CONTROL)
