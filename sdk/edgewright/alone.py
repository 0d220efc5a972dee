"""Objects that keep the state of one caller refuse a second one."""

import threading

from edgewright.errors import StateError


class Alone:
    """Holds a lock for one call at a time, and refuses a second one.

    Args:
        what: The object, as messages call it.
        remedy: What a second caller does instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self._lock = threading.Lock()
        self._message = (
            f"{what}: got a call while another thread is in it, expected one caller at a time; "
            f"{remedy}"
        )

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise StateError(self._message)

    def __exit__(self, *_: object) -> None:
        self._lock.release()
