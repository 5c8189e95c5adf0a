"""Write the measured parts of trust.md and its appendix from the reports: `make trust-docs`.

Each campaign leaves a report under build. Figures of a campaign without a report stay as they are.
"""

import json
from collections import defaultdict
from collections.abc import Callable

import measured
from markdown_table import table
from tables import DOCS
from verify.faults.command import shown
from weft_sim.toolchain import build_root

PAGES = (DOCS / "trust.md", DOCS / "trust_appendix.md")


def report(name: str) -> dict | None:
    """The report of a campaign, if it ran."""
    path = build_root() / name / "report.json"
    return json.loads(path.read_text()) if path.is_file() else None


def date_of(found: dict) -> str:
    return found.get("date") or found["machine"]["date"]


def when(found: dict) -> str:
    """Date, machine, seed and duration of a report, in one sentence."""
    machine = found["machine"]
    seed = f", seed {found['seed']}" if "seed" in found else ""
    seconds = f", {found['seconds']:,.0f} s" if "seconds" in found else ""
    return f"{date_of(found)}, {machine['processor']}, {machine['cores']} cores{seed}{seconds}."


def bounds_of(proof: dict) -> list[int]:
    """Cycles that each property proved for a bounded time is proved for."""
    return [p["cycles"] for p in proof["properties"] if p["cycles"] is not None]


def for_all_time(found: dict) -> str:
    """The proofs whose properties all hold for all time."""
    counts = [len(proof["properties"]) for proof in found["proofs"] if not bounds_of(proof)]
    return f"{sum(counts)} properties in {len(counts)} proofs, {date_of(found)}"


def bounded(found: dict) -> str:
    """The other proofs: how many properties for how long."""
    others = [proof for proof in found["proofs"] if bounds_of(proof)]
    bounds = [bound for proof in others for bound in bounds_of(proof)]
    for_ever = sum(len(proof["properties"]) for proof in others) - len(bounds)
    return (
        f"{len(bounds)} properties for {min(bounds)} to {max(bounds)} cycles, {for_ever} for all "
        f"time, in {len(others)} proofs, {date_of(found)}"
    )


def broken(found: dict) -> str:
    """Broken copies of the hardware, and what did not go as expected."""
    copies = sum(len(proof["broken_copies"]) for proof in found["proofs"])
    wrong = f"{len(found['wrong'])} exceptions" if found["wrong"] else "no exception"
    return f"{copies} broken copies, {wrong}"


def proofs(found: dict) -> str:
    """What is proved, and each proof with its method, broken copies and time."""
    statements = defaultdict(list)
    rows = []
    for proof in found["proofs"]:
        statements[proof["about"]].append(f"`{proof['name']}`")
        bounds = bounds_of(proof)
        rows.append(
            (
                proof["name"],
                len(proof["properties"]) - len(bounds),
                f"{len(bounds)} for at least {min(bounds)} cycles" if bounds else "",
                ", ".join(sorted({p["method"] for p in proof["properties"]})),
                len(proof["broken_copies"]),
                proof["seconds"],
            )
        )
    heads = ("Proof", "For all time", "Bounded", "Method", "Broken copies", "Seconds")
    said = "\n".join(f"- {', '.join(names)}: {about}." for about, names in statements.items())
    wrong = "".join(f"\n- Failed: {sentence}." for sentence in found["wrong"])
    return f"{when(found)}\n\n{said}\n\n{table(heads, rows)}{wrong}"


def mutation(found: dict) -> str:
    """The score of the mutants."""
    killed, equivalent, survived = (found[key] for key in ("killed", "equivalent", "survived"))
    return (
        f"{killed} of {found['mutants']} killed, {equivalent} proved equivalent, "
        f"{survived} survived, {date_of(found)}"
    )


def mutants(found: dict) -> str:
    """The score, and the mutants that survived."""
    keys = ("mutants", "killed", "equivalent", "survived")
    row = [*(found[key] for key in keys), f"{found['score']:.1%}"]
    text = table(("Mutants", "Killed", "Proved equivalent", "Survived", "Score"), [row])
    text += f"\n\nAll trials together took {found['trial_seconds']:,.0f} s on one worker."
    survivors = [
        (row["source"], row["module"], f"`{row['mutation']}`") for row in found["survivors"]
    ]
    if survivors:
        text += "\n\n" + table(("Survivor", "Module", "Mutation"), survivors)
    # A campaign resumes, so the duration of its last run says nothing.
    lasting = {name: value for name, value in found.items() if name != "seconds"}
    return f"{when(lasting)}\n\n{text}"


def coverage(found: dict) -> str:
    """Points reached, and how many others are waived, in one line."""
    kinds = ("line", "toggle", "functional")
    reached = ", ".join(
        f"{kind} {found[kind]['covered']:,} of {found[kind]['total']:,}" for kind in kinds
    )
    open_points = sum(
        found[kind]["total"] - found[kind]["covered"] - found[kind]["waived"] for kind in kinds
    )
    rest = f"{open_points:,} not waived" if open_points else "all others waived"
    return f"{reached}; {rest}, {date_of(found)}"


def points(found: dict) -> str:
    """Points reached and waived, by kind."""
    rows = [
        (kind, *(f"{found[kind][key]:,}" for key in ("total", "covered", "waived")))
        for kind in ("line", "toggle", "functional")
    ]
    return f"{when(found)}\n\n{table(('Kind', 'Points', 'Reached', 'Waived'), rows)}"


def soak(found: dict) -> str:
    """What random cases covered, in one line."""
    return (
        f"{found['mismatches']:,} mismatches in {found['distinct']:,} configurations, "
        f"{found['products']:,} products, {found['macs'] / 1e9:,.0f} billion MACs, "
        f"{date_of(found)}"
    )


def cases(found: dict) -> str:
    """Everything that the soak counted."""
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


def simulators(found: dict) -> str:
    """The comparison of simulators, in one line."""
    compared = found["simulators"]
    same = "no difference" if compared["equal"] else "differences"
    return (
        f"{same} in {compared['cycles']:,} cycles and {compared['transfers']:,} transfers of "
        f"{len(compared['units'])} units, {date_of(found)}"
    )


def pythons(found: dict) -> str:
    """The comparison of Pythons, in one line."""
    verilog = found["verilog"]
    same = "the same bytes" if verilog["equal"] else "different bytes"
    return f"{same} of {len(verilog['units'])} units, {date_of(found)}"


def equivalence(found: dict) -> str:
    """Both comparisons, and what took part."""
    verilog = found["verilog"]
    versions = ", ".join(p["python"] for p in verilog["pythons"] if not p["not_run"])
    return (
        f"{when(found)}\n\n"
        f"- Simulators {', '.join(found['simulators']['compared'])}: {simulators(found)}.\n"
        f"- Python {versions}, {len(verilog['hash_seeds'])} hash seeds each: {pythons(found)}."
    )


def datapaths(found: dict, *, checksum: bool) -> list[dict]:
    """The datapaths of the units with or without checksums, where flips changed results."""
    units = [u for u in found["units"] if bool(u["parameters"]["checksum"]) == checksum]
    return [u["datapath"] for u in units if u["datapath"] and u["datapath"]["detection"]]


def detected(found: dict) -> str:
    """Of the flips that changed results in units with checksums, how many were detected."""
    paths = datapaths(found, checksum=True)
    seen, changed = (sum(path[key] for path in paths) for key in ("detected", "changed"))
    return f"{seen:,} of {changed:,} detected in {len(paths)} units, {date_of(found)}"


def undetected(found: dict) -> str:
    """Of the flips that changed results in units without checksums, the share detected at most."""
    paths = datapaths(found, checksum=False)
    most = max(path["detection"]["value"] for path in paths)
    return f"at most {most:.1%} of those that changed results were detected, {date_of(found)}"


def flips(found: dict) -> str:
    """The effects of flipped bits by class, and how many that changed results were detected."""
    rows = []
    for unit in found["units"]:
        parts = [(row["class"], row) for row in unit["classes"]]
        parts += [(f"**{name}**", unit[name]) for name in ("datapath", "all") if unit[name]]
        rows += [(unit["name"], name, *fault_counts(part)) for name, part in parts]
    heads = (
        *("Unit", "Class", "Bits", "Injected", "Masked %", "Seen %", "Silent %"),
        *("Changed results", "Of these detected %"),
    )
    goals = [
        goal_line(unit["name"], unit["datapath"], found["detection_goal"])
        for unit in found["units"]
        if unit["datapath"] in datapaths(found, checksum=True)
    ]
    holds = "\n".join(f"- {name}: {what}" for name, what in found["classes"].items())
    blocks = (when(found), table(heads, rows), "\n".join(goals), "What the classes hold:", holds)
    return "\n\n".join(block for block in blocks if block)


def fault_counts(row: dict) -> tuple:
    """The cells of a class, or of several classes together."""
    shares = [shown(row["fractions"][kind]) for kind in ("masked", "seen", "silent")]
    counts = [f"{row[key]:,}" for key in ("bits", "injected")]
    return (*counts, *shares, f"{row['changed']:,}", shown(row["detection"]))


def goal_line(name: str, datapath: dict, goal: float) -> str:
    """Whether a unit with checksums reaches the goal."""
    rate = datapath["detection"]
    return (
        f"- {name}: {datapath['detected']:,} of {datapath['changed']:,} flips in the datapath that "
        f"changed results were detected, {rate['value']:.2%} ({rate['low']:.2%} to "
        f"{rate['high']:.2%}). The goal of at least {goal:.1%} is "
        f"{'reached' if rate['value'] >= goal else 'missed'}."
    )


# Part to the campaign and what is written of its report.
PARTS: dict[str, tuple[str, Callable[[dict], str]]] = {
    "for_all_time": ("formal", for_all_time),
    "bounded": ("formal", bounded),
    "broken": ("formal", broken),
    "proofs": ("formal", proofs),
    "mutation": ("mutation", mutation),
    "mutants": ("mutation", mutants),
    "coverage": ("coverage", coverage),
    "points": ("coverage", points),
    "soak": ("soak", soak),
    "cases": ("soak", cases),
    "simulators": ("equivalence", simulators),
    "pythons": ("equivalence", pythons),
    "equivalence": ("equivalence", equivalence),
    "detected": ("faults", detected),
    "undetected": ("faults", undetected),
    "flips": ("faults", flips),
}


def part(name: str) -> str | None:
    """The text of a part; None if its campaign has left no report."""
    campaign, write = PARTS[name]
    found = report(campaign)
    return write(found) if found else None


def main() -> None:
    """Write both pages."""
    for page in PAGES:
        measured.rewrite(page, part)
        print(page)
    for campaign in dict.fromkeys(campaign for campaign, _ in PARTS.values()):
        if report(campaign) is None:
            print(f"{campaign}: no report, so its figures stay as they are; run `make {campaign}`")


if __name__ == "__main__":
    main()
