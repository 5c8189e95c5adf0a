"""Write the measured parts of trust.md from the reports under build: `make trust-docs`.

A part stands between `<!-- measured: name -->` and `<!-- end -->`. Of what was not run on this
machine it says how to run it.
"""

import json
import re

from markdown_table import table
from tables import DOCS
from verify.faults.command import shown
from weft_sim.toolchain import build_root

PAGE = DOCS / "trust.md"
MEASURED = re.compile(r"(?s)(<!-- measured: (\w+) -->\n).*?(<!-- end -->)")


def report(name: str) -> dict | None:
    """What a command left in build, if it ran."""
    path = build_root() / name / "report.json"
    return json.loads(path.read_text()) if path.is_file() else None


def when(found: dict) -> str:
    """The date and the machine of a report, in a sentence."""
    machine = found["machine"]
    date = found.get("date") or machine["date"]
    seed = f", seed {found['seed']}" if "seed" in found else ""
    seconds = f", {found['seconds']:,.0f} s" if "seconds" in found else ""
    return f"{date}, {machine['processor']}, {machine['cores']} cores{seed}{seconds}."


def formal(found: dict) -> str:
    """Each proof: what, how far, and the broken copies that it was seen to fail on."""
    rows = []
    for proof in found["proofs"]:
        methods = sorted({p["method"] for p in proof["properties"]})
        bounds = [p["cycles"] for p in proof["properties"] if p["cycles"] is not None]
        for_ever = len(proof["properties"]) - len(bounds)
        reach = [f"{for_ever} for all time"] * bool(for_ever)
        if bounds:
            reach.append(f"{len(bounds)} for {min(bounds)} cycles or more")
        rows.append(
            (
                proof["name"],
                proof["about"],
                ", ".join(reach),
                ", ".join(methods),
                len(proof["broken_copies"]) or "",
                proof["seconds"],
            )
        )
    heads = ("Proof", "What is proved", "Properties", "Method", "Broken copies", "Seconds")
    wrong = "".join(f"\n- Not as it should be: {sentence}" for sentence in found["wrong"])
    return f"{when(found)}\n\n{table(heads, rows)}{wrong}"


def mutation(found: dict) -> str:
    """The score, and what survived."""
    rows = [
        (
            found["mutants"],
            found["killed"],
            found["equivalent"],
            found["survived"],
            f"{found['score']:.1%}",
        )
    ]
    text = table(("Mutants", "Killed", "Proved equivalent", "Survived", "Score"), rows)
    text += f"\n\nAll trials together took {found['trial_seconds']:,.0f} s of one worker."
    survivors = [
        (row["source"], row["module"], f"`{row['mutation']}`") for row in found["survivors"]
    ]
    if survivors:
        text += "\n\n" + table(("Survivor", "Module", "Mutation"), survivors)
    # The run itself may have gone on where another stopped.
    shown = {name: value for name, value in found.items() if name != "seconds"}
    return f"{when(shown)}\n\n{text}"


def coverage(found: dict) -> str:
    """Points reached and waived, by kind."""
    rows = [
        (kind, *(f"{found[kind][key]:,}" for key in ("total", "covered", "waived")))
        for kind in ("line", "toggle", "functional")
    ]
    return f"{when(found)}\n\n{table(('Kind', 'Points', 'Reached', 'Waived'), rows)}"


def soak(found: dict) -> str:
    columns = {
        "Configurations": "distinct",
        "Products": "products",
        "MACs": "macs",
        "Cycles": "cycles",
        "Resets": "resets",
        "Numbers before resets": "numbers_before_resets",
        "Mismatches": "mismatches",
    }
    row = [f"{found[key]:,}" for key in columns.values()]
    return f"{when(found)}\n\n{table(tuple(columns), [row])}"


def equivalence(found: dict) -> str:
    simulators = found["simulators"]
    same = "no difference" if simulators["equal"] else "differences"
    verilog = found["verilog"]
    pythons = ", ".join(p["python"] for p in verilog["pythons"] if not p["not_run"])
    written = "the same bytes" if verilog["equal"] else "different bytes"
    return (
        f"{when(found)}\n\n{', '.join(simulators['compared'])}: {len(simulators['units'])} units, "
        f"{simulators['cycles']:,} cycles, {simulators['transfers']:,} transfers, {same}.\n\n"
        f"Python {pythons}, {len(verilog['hash_seeds'])} hash seeds each: {written} of "
        f"{len(verilog['units'])} units."
    )


def faults(found: dict) -> str:
    """What flipped bits did, class by class, and how many of those that mattered were detected."""
    rows = []
    for unit in found["units"]:
        parts = [(row["class"], row) for row in unit["classes"]]
        parts += [(f"**{name}**", unit[name]) for name in ("datapath", "all") if unit[name]]
        rows += [(unit["name"], name, *fault_counts(part)) for name, part in parts]
    heads = (
        *("Unit", "Class", "Bits", "Injected", "Masked %", "Seen %", "Silent %"),
        *("Changed results", "Of these detected %"),
    )
    holds = "\n".join(f"- {name}: {what}" for name, what in found["classes"].items())
    goal = "\n".join(judged(unit, found["detection_goal"]) for unit in checked(found))
    blocks = (when(found), table(heads, rows), goal, "What the classes hold:", holds)
    return "\n\n".join(block for block in blocks if block)


def fault_counts(row: dict) -> tuple:
    """The cells of a class, or of several together."""
    shares = [shown(row["fractions"][kind]) for kind in ("masked", "seen", "silent")]
    counts = [f"{row[key]:,}" for key in ("bits", "injected")]
    return (*counts, *shares, f"{row['changed']:,}", shown(row["detection"]))


def checked(found: dict) -> list[dict]:
    """The units with checksums, of whose datapath flips changed results."""
    units = [unit for unit in found["units"] if unit["parameters"]["checksum"]]
    return [unit for unit in units if unit["datapath"] and unit["datapath"]["detection"]]


def judged(unit: dict, goal: float) -> str:
    """Whether a unit with checksums reaches the goal."""
    datapath = unit["datapath"]
    rate = datapath["detection"]
    return (
        f"- Goal for {unit['name']}: {goal:.1%} or more of the flips in the datapath that change "
        f"results. {datapath['detected']:,} of {datapath['changed']:,} were detected, "
        f"{rate['value']:.2%} ({rate['low']:.2%} to {rate['high']:.2%}): "
        f"{'reached' if rate['value'] >= goal else 'missed'}."
    )


PARTS = {
    "formal": formal,
    "mutation": mutation,
    "coverage": coverage,
    "soak": soak,
    "equivalence": equivalence,
    "faults": faults,
}


def part(name: str) -> str:
    found = report(name)
    return PARTS[name](found) if found else f"Not measured yet: `make {name}`."


def main() -> None:
    """Write the page."""
    text = PAGE.read_text()
    PAGE.write_text(MEASURED.sub(lambda m: f"{m[1]}{part(m[2])}\n{m[3]}", text))
    print(PAGE)


if __name__ == "__main__":
    main()
