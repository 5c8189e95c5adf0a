"""Slang, a strict SystemVerilog compiler: it reports no warning, and knows the same keywords"""

import re
from pathlib import Path

import pyslang
import pytest
from pyslang import ast, parsing, syntax

from benches.neighbours import DIRECTIVES
from weft.emit.export import write
from weft.emit.keywords import KEYWORDS
from weft_cli.lint import CONFIGURATIONS
from weft_sim.emissions import emitted

# Every warning except those about names for waveforms, and about products, whose operands have the
# widths and signs of their formats.
ALL = ["everything", "no-unused", "no-sign-conversion", "no-arith-op-mismatch"]


def findings(*paths: Path, warnings: list[str]) -> str:
    """Return what slang reports about files that form one compilation unit."""
    sources = pyslang.SourceManager()
    compilation = ast.Compilation()
    compilation.addSyntaxTree(syntax.SyntaxTree.fromFiles([str(path) for path in paths], sources))
    engine, client = pyslang.DiagnosticEngine(sources), pyslang.TextDiagnosticClient()
    engine.addClient(client)
    engine.setWarningOptions(warnings)
    for diagnostic in compilation.getAllDiagnostics():
        engine.issue(diagnostic)
    return client.getString()


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda c: f"{c.rows}x{c.columns}")
def test_no_warning(config, tmp_path):
    path = write(emitted(config), tmp_path)
    neighbour = tmp_path / "neighbour.v"
    neighbour.write_text(DIRECTIVES)
    for warnings in [], ALL:
        assert findings(path, warnings=warnings) == ""
        assert findings(neighbour, path, warnings=warnings) == ""


def test_a_defect_is_seen(tmp_path):
    path = write(emitted(CONFIGURATIONS[0]), tmp_path)
    text = path.read_text()
    path.write_text(text.replace("assign rst = ~ aresetn;", "assign rst = ~ areset;"))
    assert path.read_text() != text
    assert "areset" in findings(path, warnings=[])


def is_keyword(word: str) -> bool:
    sources = pyslang.SourceManager()
    lexer = parsing.Lexer(
        sources.assignText(word), pyslang.BumpAllocator(), pyslang.Diagnostics(), sources
    )
    return str(lexer.lex().kind).endswith("Keyword")


def test_keywords_are_those_of_slang():
    """Each of our keywords is one of slang's, and slang has no others."""
    assert [word for word in sorted(KEYWORDS) if not is_keyword(word)] == []
    kinds = [kind for kind in dir(parsing.TokenKind) if re.fullmatch(r"[A-Z]\w*Keyword", kind)]
    assert len(KEYWORDS) == len(kinds)
