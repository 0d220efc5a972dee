"""Runs every block marked `sh` or `python` of the README, the docs and the examples.

A fenced block marked `sh` or `python` is run, block by block and in order, in one scratch folder a
document that sees `examples/` and `build/demo/` of the checkout. A block that cannot be run here is
preceded by `<!-- not run: REASON -->`, and the reason is shown as the reason of the skip.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATTERNS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "examples/*/README.md")
DOCUMENTS = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?```(?P<language>sh|python)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Snippet:
    line: int
    language: str
    code: str
    reason: str | None

    def command(self) -> list[str]:
        if self.language == "python":
            return [sys.executable, "-c", self.code]
        return ["bash", "-euo", "pipefail", "-c", self.code]


def snippets(document: Path) -> list[Snippet]:
    text = document.read_text("utf-8")
    return [
        Snippet(text.count("\n", 0, m.start()) + 1, m["language"], m["code"], m["reason"])
        for m in BLOCK.finditer(text)
    ]


@pytest.fixture
def workspace(tmp_path: Path, demo_bundles: Path) -> Path:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "demo").symlink_to(demo_bundles)
    return tmp_path


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)
def test_every_snippet_runs(document: Path, workspace: Path, subtests: pytest.Subtests) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONWARNINGS": "default"}
    for snippet in snippets(document):
        with subtests.test(line=snippet.line):
            if snippet.reason:
                pytest.skip(snippet.reason)
            done = subprocess.run(
                snippet.command(), cwd=workspace, env=environment, capture_output=True, text=True,
                timeout=600, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            assert done.returncode == 0, f"{snippet.code}\n{done.stdout}\n{done.stderr}"


def test_links_of_every_document_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text("utf-8")):
            if not target.startswith(("http:", "https:")):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
