"""BuildSteps: run the tools of a build, with one log and one kind of error."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from . import compiler, toolchain, verilator

LOG = "build.log"


class BuildSteps:
    """Steps of one build in its scratch folder.

    Parameters
    ----------
    scratch : Path
        The folder; it also gets the log, LOG.
    tool : str
        Name of the simulator, for errors.
    name : str
        Name of the design, for the log of a failed build; see `verilator.build_failed`.

    Raises
    ------
    verilator.SimulationFailed
        If a step fails; the text says whether memory or the disk ran out.
    RuntimeError
        If the C++ compiler does not work.
    """

    def __init__(self, scratch: Path, *, tool: str, name: str):
        self.scratch = scratch
        self.tool = tool
        self.name = name

    def precompile(self, header: Path, target: Path, optimize: str, options: Iterable[str]) -> None:
        """Compile a header once for several sources."""
        command = toolchain.cxx().precompilation(header, target, optimize=optimize, options=options)
        self.run([command], makes=[target])

    def compile(
        self,
        parts: list[tuple[Path, str]],
        options: Iterable[str],
        *,
        options_of: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Path]:
        """Compile sources, each with its optimization; return the object files.

        `options_of`: further options for each optimization.
        """
        cxx = toolchain.cxx()
        objects = [self.scratch / f"{source.stem}.o" for source, _ in parts]
        more = options_of or {}
        self.run(
            [
                cxx.compilation(
                    source,
                    target,
                    optimize=optimize,
                    options=[*options, *more.get(optimize, ())],
                )
                for (source, optimize), target in zip(parts, objects, strict=True)
            ],
            makes=objects,
        )
        return objects

    def link(self, objects: list[Path], target: Path, options: Sequence[str]) -> None:
        """Link objects to a program, or with -shared to a library."""
        self.run([toolchain.cxx().link(objects, target, options=options)], makes=[target])

    def run(self, commands: list[list[str]], *, makes: Sequence[Path] = ()) -> None:
        """Run commands together; the compiler is checked if it leaves out a file of `makes`."""
        results = compiler.run_together(
            commands, folder=self.scratch, environment=toolchain.cxx().environment
        )
        log = self.scratch / LOG
        with log.open("a") as out:
            for done in results:
                out.write(done.stdout)
                if done.returncode:
                    out.write(f"exit code {done.returncode}\n")
                if done.returncode < 0:
                    out.write(f"terminated by signal {-done.returncode}\n")
        missing = [path for path in makes if not path.is_file()]
        if missing and not verilator.troubles_in(log):
            toolchain.cxx().check()
        if missing or any(done.returncode for done in results):
            raise verilator.build_failed(self.tool, log, self.name)
