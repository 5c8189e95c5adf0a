"""Run a command, and turn its errors into one sentence and an exit code."""

import sys

import click

from weft_sim import toolchain


def run(commands: click.Group) -> None:
    """Run a command of any group, as `main` does."""
    try:
        commands(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
    except click.ClickException as error:
        fail(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        fail("interrupted; unfinished results are not kept", 130)
    except MemoryError:
        fail("not enough memory: use a smaller product", 2)
    except toolchain.ToolMissing as error:
        fail(str(error), 3)
    except (ValueError, TypeError, RuntimeError) as error:
        fail(str(error), 2)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 2)


def fail(sentence: str, code: int) -> None:
    print(f"weft: {sentence}", file=sys.stderr)
    sys.exit(code)
