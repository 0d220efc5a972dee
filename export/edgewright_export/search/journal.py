"""What a search measured, kept in a file, so that an interrupted one goes on where it was."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgewright.errors import UsageError
from edgewright_export.quantization.cache import digest_of
from edgewright_export.search.form import Bench, Figures, Form, Group

HEADER = '{"journal": "edgewright search", "version": 1}\n'


class Journal:
    """A file of JSON lines, one a measurement; lines of other searches and torn ones are ignored.

    A measurement is found again only by the key of what it was measured on.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the file `path`, which need not exist.

        Raises:
            UsageError: It is no journal, or cannot be read, or its folder does not exist.
        """
        self._path = Path(path)
        lines = self._lines()
        self._known = dict(filter(None, map(_read, lines[1:])))
        self._torn = bool(lines) and not lines[-1].endswith("\n")

    def _lines(self) -> list[str]:
        if not self._path.exists() and self._path.parent.is_dir():
            return []
        try:
            lines = self._path.read_text("utf-8").splitlines(keepends=True)
        except (OSError, UnicodeDecodeError) as error:
            raise self._refusal(str(error)) from error
        if lines and lines[0] != HEADER:
            raise self._refusal("another file")
        return lines

    def _refusal(self, got: str) -> UsageError:
        return UsageError(
            f"search journal {self._path}: got '{got}', expected the journal of an earlier search "
            "or a new file in a folder that exists; name another"
        )

    def recall(self, what: object, measure: Callable[[], Any]) -> Any:
        """Return the value that was noted for `what`, or measure and note it."""
        key = digest_of(what)
        if key not in self._known:
            self._known[key] = measure()
            self._note(json.dumps({"key": key, "value": self._known[key]}))
        return self._known[key]

    def _note(self, line: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                start = HEADER if file.tell() == 0 else "\n" if self._torn else ""
                file.write(f"{start}{line}\n")
        except OSError as error:
            raise self._refusal(str(error)) from error
        self._torn = False


def _read(line: str) -> tuple[str, Any] | None:
    try:
        entry = json.loads(line)
        return str(entry["key"]), entry["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


class JournaledBench(Bench):
    """A bench whose measurements are noted, and made only once."""

    def __init__(self, bench: Bench, journal: Journal, key: str, machine: str) -> None:
        """Keep the bench.

        Args:
            bench: Measures.
            journal: Notes.
            key: Hash of all that accuracy depends on.
            machine: Time depends on it, too.
        """
        self._bench, self._journal, self._key, self._machine = bench, journal, key, machine
        self.groups: Mapping[str, Group] = bench.groups

    def can_migrate(self) -> bool:
        """Return what the bench says."""
        return self._bench.can_migrate()

    def measure(self, form: Form) -> Figures:
        """Measure `form`, or recall it."""
        noted = self._recall(("figures", form), lambda: asdict(self._bench.measure(form)))
        return Figures(**noted)

    def slow_groups(self, form: Form) -> list[str]:
        """Measure the groups of `form`, or recall them."""
        what = ("slow", self._machine, form)
        names: list[str] = self._recall(what, lambda: self._bench.slow_groups(form))
        return names

    def is_faster(self, form: Form, than: Form) -> bool:
        """Compare two forms, or recall it."""
        what = ("faster", self._machine, form, than)
        return bool(self._recall(what, lambda: self._bench.is_faster(form, than)))

    def _recall(self, what: tuple[str | Form, ...], measure: Callable[[], Any]) -> Any:
        parts = [
            [sorted(one.exact), one.migrated] if isinstance(one, Form) else one for one in what
        ]
        return self._journal.recall([self._key, parts], measure)
