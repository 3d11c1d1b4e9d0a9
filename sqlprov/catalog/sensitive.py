"""Finds the members whose text gives access: passwords, tokens, environment variables, signed URLs.

botocore's trait `sensitive` does not decide alone: most members that it marks are names, descriptions, addresses and
other data that people ask for. A member's name decides, and the trait only for names that say nothing, such as
`Parameters`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from .nouns import flatten

ANY = "*"
"""In a path: each item of a list, or each value of a map."""
HIDDEN = "(sensitive)"
"""Replaces the text."""
Path: TypeAlias = tuple[str, ...]

_CREDENTIAL = re.compile(
    r".*(passwords?|passphrase|secret|secret(accesskey|string|token|value)|(preshared|api|auth|stream|activation)key|"
    r"(access|auth|device|grafana|hec|jwt|refresh|security|session)token|basicauthcredentials|activationcode|"
    r"userdata(override)?|customergatewayconfiguration|customerrouterconfig|(presigned|presignedlog|signed|webhook)url)"
)
"""Names of text that gives access. The configurations of a VPN's gateway and of a router hold their keys."""
_OPEN = re.compile(r".*(configuration|headers|options|parameters|properties|variables)|(download)?url")
"""Names of text that may hold anything, if the model marks it."""
_OPEN_ITEMS = re.compile(r".*(headers|optionsettings|parameters)")
"""Names of lists of names and values that may hold anything, if the model marks the values."""
_ENVIRONMENT = re.compile(r".*environment(variables|overrides?)?|optionsettings|.*arguments|providerdetails")
"""Names of maps, and of lists of names and values, with environment variables, as Elastic Beanstalk's option settings
have them, with the arguments of a job, such as Glue's, or with the client's secret, such as Cognito's ProviderDetails.
"""
_SECRET_VALUES = re.compile(r".*(key|token)value")
"""Shapes of `Value` that hold a secret, if the model marks it."""
_TAGS = re.compile(r"tag.*")
_MEMBERS = {("Content", "Location"), ("salesforce", "token")}
"""Container and member of text that gives access, which the name alone does not show: the signed URL of a Lambda layer,
and the token of a rule's Salesforce stream.
"""
_Found: TypeAlias = tuple[tuple[Path, ...], bool]
_found: WeakKeyDictionary[Any, dict[tuple[str, str, str, bool], _Found]] = WeakKeyDictionary()


def find_sensitive(name: str, shape: Any) -> tuple[Path, ...]:
    """The paths to sensitive text in the value of the member `name`; the empty path means the value itself."""
    resolver = getattr(shape, "_shape_resolver", None)
    known = _found.setdefault(resolver, {}) if resolver is not None else {}
    return _find(name, shape, "", False, (), known)[0]


def is_credential(name: str) -> bool:
    """Whether a text of this name gives access."""
    return _matches(_CREDENTIAL, name)


def is_environment(name: str) -> bool:
    """Whether a map, or a list of names and values, of this name holds environment variables."""
    return _matches(_ENVIRONMENT, name)


def format_path(column: str, path: Path) -> str:
    """A path as people write it, such as `environment.Variables`."""
    return ".".join((column, *(member for member in path if member != ANY)))


def _find(
    name: str,
    shape: Any,
    container: str,
    is_marked: bool,
    within: tuple[str, ...],
    known: dict[tuple[str, str, str, bool], _Found],
) -> _Found:
    """The paths, and whether they hold wherever the shape is used: one that contains itself is cut where it recurs.

    Args:
        name: the member.
        shape: its shape.
        container: the member that holds the structure.
        is_marked: whether the model marks the list or map that holds the shape.
        within: names of the shapes around it.
        known: earlier results of this model.
    """
    kind = shape.type_name
    is_marked |= bool(shape.metadata.get("sensitive"))
    if kind == "string":
        return ((),) if _is_sensitive(name, shape, container, is_marked) else (), True
    if kind not in ("list", "map", "structure"):
        return (), True
    key = shape.name, name, container, is_marked
    if key in known:
        return known[key]
    if shape.name in within:
        return (), False
    within, is_fixed, paths = (*within, shape.name), True, list[Path]()
    if kind == "map" and shape.value.type_name == "string" and is_environment(name):
        paths.append((ANY,))
    elif kind == "structure":
        for member, inner in shape.members.items() if not _matches(_TAGS, name) else ():
            further, fixed = _find(member, inner, name, False, within, known)
            paths += ((member, *path) for path in further)
            is_fixed &= fixed
    else:
        item = shape.member if kind == "list" else shape.value
        further, is_fixed = _find(name, item, container, is_marked, within, known)
        paths += ((ANY, *path) for path in further)
    if is_fixed:
        known[key] = tuple(paths), True
    return tuple(paths), is_fixed


def _is_sensitive(name: str, shape: Any, container: str, is_marked: bool) -> bool:
    if shape.metadata.get("enum"):
        return False
    if name in ("Value", "value"):
        is_open = is_marked and (_matches(_OPEN_ITEMS, container) or _matches(_SECRET_VALUES, shape.name))
        return is_open or is_environment(container)
    is_open = is_marked and _matches(_OPEN, name)
    return is_open or is_credential(name) or (container, name) in _MEMBERS


@cache
def _matches(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.fullmatch(flatten(name)) is not None
