"""The text form of programs: one instruction per line, fields by name."""

import re

from ..checks import check
from .codes import Opcode
from .instruction import Instruction
from .instructions import KINDS
from .kind import REGIONS
from .program import Program
from .requirements import HEADER_BY_NAME, NUMBERS, Requirements

_REGION = ".region"
_NEEDS = ".needs"
_ACCESS = ("read", "write")


def disassemble(program: Program) -> str:
    """Return the text of a program, from which `assemble` returns an equal program.

    Fields that have their defaults are left out.
    """
    needs = program.requirements
    lines = [f"{_NEEDS} " + " ".join(f"{name}={getattr(needs, name)}" for name in NUMBERS)]
    for number, size in enumerate(needs.regions):
        named = zip(_ACCESS, (needs.readable, needs.writable), strict=True)
        access = [word for word, regions in named if number in regions]
        if size or access:
            lines.append(" ".join([f"{_REGION} {number} bytes={size}", *access]))
    lines += [instruction_text(instruction) for instruction in program.instructions]
    return "".join(f"{line}\n" for line in lines)


def instruction_text(instruction: Instruction) -> str:
    """Return the line of one instruction."""
    kind = instruction.kind
    words = [
        f"{field.name}={field.text(instruction[field.name])}"
        for field in kind.fields
        if instruction[field.name] != kind.defaults[field.name]
    ]
    return " ".join([f"{kind.name:7}" if words else kind.name, *words])


def assemble(text: str) -> Program:
    """Return the program of a text.

    A `#` begins a comment. A line is an instruction, `LOAD region=1 bytes=64`; the sizes that the
    program needs, `.needs lanes=16 ...`; or a region, `.region 1 bytes=64 read write`.

    Raises
    ------
    ValueError
        With one sentence that names the line and what would be right.
    """
    needs: dict[str, int] = {}
    regions: dict[int, tuple[int, list[str]]] = {}
    instructions: list[Instruction] = []
    for number, line in enumerate(text.splitlines(), 1):
        head, *words = line.partition("#")[0].split() or [""]
        try:
            if head == _NEEDS:
                needs |= _needs(words)
            elif head == _REGION:
                region, size, access = _region(words)
                check(region not in regions, f"region {region} is listed twice")
                regions[region] = size, access
            elif head:
                instructions.append(_instruction(head, words))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return Program(_requirements(needs, regions), tuple(instructions))


def _requirements(needs: dict[str, int], regions: dict[int, tuple[int, list[str]]]) -> Requirements:
    missing = [name for name in NUMBERS if name not in needs and name in _REQUIRED]
    check(not missing, f"{_NEEDS} must state {', '.join(missing)}")
    sizes = tuple(regions.get(number, (0, []))[0] for number in range(REGIONS))
    readable, writable = (
        tuple(number for number, (_, access) in regions.items() if word in access)
        for word in _ACCESS
    )
    return Requirements(**needs, regions=sizes, readable=readable, writable=writable)  # pyright: ignore[reportArgumentType]


_REQUIRED = (*("lanes", "queue_slots", "fifo_tiles", "result_rows", "buffer_rows", "accumulators"),)


def _pairs(words: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        check(bool(name and equals and value), f"write name=value, not {word!r}")
        check(name not in pairs, f"{name} is given twice")
        pairs[name] = value
    return pairs


def _needs(words: list[str]) -> dict[str, int]:
    pairs = _pairs(words)
    for name in pairs:
        check(name in NUMBERS, f"{_NEEDS} has no {name}: it takes {', '.join(NUMBERS)}")
    return {name: HEADER_BY_NAME[name].parse(value) for name, value in pairs.items()}


def _region(words: list[str]) -> tuple[int, int, list[str]]:
    match = re.fullmatch(r"(\d) bytes=(\w+)((?: read| write)*)", " ".join(words))
    if match is None or int(match[1]) >= REGIONS:
        raise ValueError(
            f"write {_REGION} NUMBER bytes=SIZE, NUMBER from 0 to {REGIONS - 1}, with read, write "
            "or both after it"
        )
    size = HEADER_BY_NAME[f"region_{match[1]}"].parse(match[2])
    return int(match[1]), size, match[3].split()


def _instruction(head: str, words: list[str]) -> Instruction:
    names = [opcode.name for opcode in KINDS]
    check(head in names, f"an instruction must be one of {', '.join(names)}, not {head}")
    kind = KINDS[Opcode[head]]
    values = {}
    for name, text in _pairs(words).items():
        check(
            name in kind.free_fields,
            f"{kind.name} has no field {name}: its fields are {', '.join(kind.free_fields)}",
        )
        try:
            values[name] = kind.free_fields[name].parse(text)
        except ValueError as error:
            raise ValueError(f"{kind.name}: {error}") from None
    return Instruction.make(kind.opcode, **values)
