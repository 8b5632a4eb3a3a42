"""The store without a node: the service is opened under the lock of the home for one piece of work, and closed again.

Imports the service and trio only when it comes to that; never libp2p.
"""

import fcntl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from p2plearn.errors import P2plearnError
from p2plearn.paths import Home

if TYPE_CHECKING:
    from p2plearn.lock import Patience

T = TypeVar("T")
Work: TypeAlias = Callable[[Any], Awaitable[T]]


def run(home: Home, work: Work[T]) -> T:
    """What `work(service)` gives. Raises HomeLocked at once while another process has the home; the caller decides how long to wait.

    The lock comes first: to be turned away costs no half a second of imports.
    """
    from p2plearn.lock import locked

    with locked(home), one_error():
        import trio

        from p2plearn.node.service.service import Service

        async def main() -> T:
            async with Service.open(home.root, holding=True) as service:
                return await work(service)

        return trio.run(main)


def look_over(home: Home) -> dict[str, Any]:
    """What `doctor` can say of a home that cannot be opened. Raises HomeLocked."""
    from p2plearn.node.service.service import Service

    return Service.look_over(home.root)


def patience(home: Home) -> "Patience":
    """For whoever waits until another process leaves the home."""
    from p2plearn.lock import Patience

    return Patience(home)


@contextmanager
def one_error() -> Iterator[None]:
    """Nurseries raise groups. A person is told of one error, one that is written for people where there is such a one."""
    try:
        yield
    except BaseExceptionGroup as group:
        errors = list(_leaves(group))
        for kind in (P2plearnError, KeyboardInterrupt):
            for error in errors:
                if isinstance(error, kind):
                    raise error from None
        raise


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def in_use(home: Home) -> bool:
    """Whether a process, a node or a command, holds the lock of this home now."""
    try:
        with home.lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


async def call(service: Any, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """One method of the façade, its arguments checked as the local API checks them. Raises UsageError."""
    from p2plearn.node.api import methods

    known = methods.table(type(service))  # type: ignore[arg-type]  # mypy takes the hash of its instances for that of a class
    return await methods.find(known, method).bind(service, arguments)()
