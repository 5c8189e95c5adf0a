"""Print in one sentence why a variable on make's command line is refused.

This script runs before anything is installed, so it uses only the standard library and runs on
older Pythons too.

Usage: check_variables.py NAME "GOALS" "VARIABLES OF THE GOALS" "ALL VARIABLES"
"""

import difflib
import sys


def refusal(name, goals, taken, known):
    goals, taken, known = goals.split(), taken.split(), known.split()
    if name in known:
        takes = ", ".join(sorted(set(taken), key=taken.index)) or "no variables"
        return "make %s does not use %s; it takes %s" % (" ".join(goals), name, takes)
    near = difflib.get_close_matches(name.upper(), taken, 1)
    near = near or difflib.get_close_matches(name.upper(), known, 1)
    hint = "did you mean %s?" % near[0] if near else "`make help` lists them"
    return "%s is not a variable of this Makefile; %s" % (name, hint)


if __name__ == "__main__":
    print(refusal(*sys.argv[1:]))
