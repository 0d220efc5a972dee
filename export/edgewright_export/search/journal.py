"""What a search measured, kept in a file, so that an interrupted one goes on where it was."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgewright.errors import UsageError
from edgewright_export.quantization.cache import digest_of
from edgewright_export.search.form import Bench, Figures, Form, Group


class Journal:
    """A file of JSON lines, one a measurement; lines of other searches and torn ones are ignored.

    A measurement is found again only by the key of what it was measured on.
    """

    def __init__(self, path: str | Path) -> None:
        """Read the file `path`, which need not exist.

        Raises:
            UsageError: It cannot be read or written.
        """
        self._path = Path(path)
        try:
            with self._path.open("a+", encoding="utf-8") as file:
                file.seek(0)
                lines = file.readlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"search journal {path}: got '{error}', expected a text file that can be read and "
                "written; name another"
            ) from error
        self._known = dict(filter(None, map(_read, lines)))
        self._torn = bool(lines) and not lines[-1].endswith("\n")

    def recall(self, what: object, measure: Callable[[], Any]) -> Any:
        """Return the value that was noted for `what`, or measure and note it."""
        key = digest_of(what)
        if key not in self._known:
            self._known[key] = measure()
            with self._path.open("a", encoding="utf-8") as file:
                start = "\n" if self._torn else ""
                file.write(start + json.dumps({"key": key, "value": self._known[key]}) + "\n")
            self._torn = False
        return self._known[key]


def _read(line: str) -> tuple[str, Any] | None:
    try:
        entry = json.loads(line)
        return str(entry["key"]), entry["value"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


class JournaledBench(Bench):
    """A bench whose measurements are noted, and made only once."""

    def __init__(self, bench: Bench, journal: Journal, key: str) -> None:
        """Note the measurements of `bench` under `key`, the hash of all that they depend on."""
        self._bench, self._journal, self._key = bench, journal, key
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
        names: list[str] = self._recall(("slow", form), lambda: self._bench.slow_groups(form))
        return names

    def is_faster(self, form: Form, than: Form) -> bool:
        """Compare two forms, or recall it."""
        what = ("faster", form, than)
        return bool(self._recall(what, lambda: self._bench.is_faster(form, than)))

    def _recall(self, what: tuple[str | Form, ...], measure: Callable[[], Any]) -> Any:
        parts = [
            [sorted(one.exact), one.migrated] if isinstance(one, Form) else one for one in what
        ]
        return self._journal.recall([self._key, parts], measure)
