"""Ends the traceback of an error at the user's line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlprov.errors import Error, InternalError

P = ParamSpec("P")
T = TypeVar("T")


def cut_traceback(method: Callable[P, T]) -> Callable[P, T]:
    """Let a method raise errors of sqlprov without the way through it, which helps only to find a bug.

    IPython and pytest hide the one frame that is left.
    """

    @wraps(method)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            return method(*arguments, **named)
        except InternalError:
            raise
        except Error as error:
            raise error.with_traceback(None)  # noqa: B904

    return call


def cut_tracebacks(results: Iterator[T]) -> Iterator[T]:
    """As `cut_traceback`, for what an iterator raises."""
    __tracebackhide__ = True
    try:
        yield from results
    except InternalError:
        raise
    except Error as error:
        raise error.with_traceback(None)  # noqa: B904
