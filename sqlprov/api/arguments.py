"""Checks the arguments of public functions, so that an error names the argument instead of a line within them."""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Mapping
from typing import Any

from sqlprov.errors import InterfaceError


def check_argument(name: str, value: object, kinds: Any, expected: str) -> None:
    """Check the type of an argument.

    Args:
        name, value: the argument.
        kinds: its types, as isinstance takes them.
        expected: what to pass, in words.

    Raises:
        InterfaceError: the value has another type.
    """
    if not isinstance(value, kinds):
        raise InterfaceError(f"{name} is {expected}, not {reprlib.repr(value)}.")


def check_texts(name: str, value: Any, expected: str, kinds: Any = str) -> None:
    """Check that an argument is a text, or a collection of texts, none of them empty; otherwise as `check_argument`."""
    if not isinstance(value, kinds):
        is_collection = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
        if not is_collection or not all(isinstance(each, kinds) for each in value):
            raise InterfaceError(f"{name} is {expected}, not {reprlib.repr(value)}.")
    refuse_empty(name, value)


def refuse_empty(name: str, value: object) -> None:
    """Refuse an empty text, alone or among others: it is most often a variable of a shell that is not set.

    Raises:
        InterfaceError: there is one.
    """
    if value == "" or (isinstance(value, Collection) and not isinstance(value, str) and "" in value):
        raise InterfaceError(
            f"{name} is empty. Leave it out for the default, or set the variable that it comes from."
        )


def check_parameters(parameters: object) -> None:
    """Check the parameters of a statement. The message does not show their values, which may be secret.

    Raises:
        InterfaceError: they are neither a sequence for `?` nor a mapping from texts for `$name`.
    """
    if isinstance(parameters, Mapping):
        if all(isinstance(name, str) for name in parameters):
            return
        given = "a mapping whose names are not all texts"
    elif isinstance(parameters, Collection) and not isinstance(parameters, str | bytes | set | frozenset):
        return
    else:
        given = f"a value of type {type(parameters).__name__}"
    raise InterfaceError(
        f"parameters is a sequence for ?, as in ['a'], or a mapping for $name, as in {{'name': 'a'}}, not {given}."
    )
