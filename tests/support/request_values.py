"""Fills requests from botocore's shapes: own names, identifiers of earlier resources, and plain values."""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from datetime import datetime
from typing import Any

from sqlprov.catalog.columns import find_spelling
from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.patterns import compile_pattern
from sqlprov.catalog.service_model import get_members, to_snake_case
from sqlprov.emulator.model_values import FIRST, make_text

REGION, ACCOUNT = "us-east-1", "123456789012"
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        ],
    }
)
_IDENTIFIERS = ("name", "id", "identifier", "arn")
_CREATES = ("create", "register", "run", "allocate", "request", "define")
_PREPOSITIONS = ("with", "for", "to", "from", "in", "on", "by")
_MAY_CREATE = ("put", "start", "import", "upload", "publish", "set", "verify")
TAGS = ("tags", "taglist", "tagspecifications", "tagset", "tag")
_DEEPEST = 6
_REFERENCE = re.compile(r"\$\{(\w+)\}")
# Parts of a flattened name -> the text; the first that fits the shape is taken.
_TEXTS: dict[str, tuple[str, ...]] = {
    "assumerolepolicy": (_TRUST,),
    "policydocument": (POLICY,),
    "policy": (POLICY,),
    "path": ("/first/",),
    "cidr": ("10.20.0.0/16", "10.20.0.0/24"),
    "availabilityzone": ("us-east-1a",),
    "email": ("first@example.com",),
    "accountid": (ACCOUNT,),
    "region": (REGION,),
    "ipaddress": ("10.20.0.7",),
    "s3uri": ("s3://first-bucket/in",),
    "url": ("https://example.com/x",),
    "uri": ("https://example.com/x", "s3://first-bucket/in"),
    "endpoint": ("https://example.com/x", "first@example.com"),
    "domain": ("first.example.com", "first"),
    "instancetype": ("t3.micro", "ml.m5.large"),
    "instanceclass": ("db.t3.micro",),
    "nodetype": ("cache.t3.micro", "dc2.large"),
    "version": ("1.0", "1", "1.0.0"),
    "scheduleexpression": ("rate(5 minutes)",),
    "password": ("Password-1-xyz",),
    "templatebody": ('{"Resources": {}}',),
    "json": ('{"a": "b"}',),
    "body": ('{"a": "b"}',),
    "eventpattern": ('{"source": ["first"]}',),
    "phonenumber": ("+15555550100",),
    "port": ("80",),
    "mediatype": ("text/csv",),
    "mimetype": ("text/csv",),
}


class Known:
    """Values of identifiers, by the flattened names of the members that held them.

    Args:
        make: makes what many services refer to (a role, a subnet); called with a name without a value.
    """

    def __init__(self, make: Callable[[str], None] = lambda name: None) -> None:
        self._values: dict[str, list[str]] = {}
        self._make = make

    def note(self, name: str, value: Any, *, is_latest: bool = True) -> None:
        """Note a value; the latest is the first that `find` gives."""
        values = self._values.setdefault(flatten(name), [])
        if isinstance(value, str) and value:
            others = [each for each in values if each != value]
            values[:] = [value, *others] if is_latest else [*others, value]

    def note_reply(self, noun: str, reply: Any, within: str = "", depth: int = 0) -> None:
        """Note every identifier of a reply, or of a request."""
        if isinstance(reply, list):
            for item in reply[:2]:
                self.note_reply(noun, item, within, depth)
        if not isinstance(reply, dict) or depth > 3:
            return
        for name, value in reply.items():
            flat = flatten(name)
            if not isinstance(value, str):
                self.note_reply(noun, value, flat.removesuffix("s"), depth + 1)
            elif flat not in _IDENTIFIERS:
                self.note(flat, value)
            else:
                self.note(within + flat, value)
                if not within or within in noun:
                    self.note(noun + flat, value)
            if isinstance(value, str) and value.startswith("arn:") and ":role/" not in value:
                self.note("resourcearn", value)

    def get(self, name: str) -> list[str]:
        """The values of exactly this name."""
        flat = flatten(name)
        self._make(flat)
        names = [
            flat,
            *(flat.removesuffix("identifier") + end for end in ("id", "arn") if flat.endswith("identifier")),
        ]
        return next((self._values[each] for each in names if self._values.get(each)), [])

    def has(self, name: str) -> bool:
        """Whether there is a value for a member of exactly this name."""
        stem = next((name.removesuffix(end) for end in _IDENTIFIERS if name.endswith(end)), name)
        return any(self._values.get(each) for each in (name, *(stem + end for end in _IDENTIFIERS if stem)))

    def fill(self, value: Any, number: int | None = None) -> Any:
        """A value written by hand, with what is known for each `${name}`, the number of the resource
        for `{n}`, and the end of a CIDR block of its own for `{block}`."""
        if isinstance(value, dict):
            return {name: self.fill(part, number) for name, part in value.items()}
        if isinstance(value, list):
            return [self.fill(part, number) for part in value]
        if value == "${zip}":
            return make_zip()
        if value == "{n}" and number is not None:
            return number % FIRST
        if isinstance(value, str):
            text = _REFERENCE.sub(lambda match: next(self.find(match[1]), match[0]), value)
            if number is None:
                return text
            return text.replace("{n}", str(number)).replace(
                "{block}", f"{number // 16 % 256}.{number % 16 * 16}/28"
            )
        return value

    def find(self, name: str) -> Iterator[str]:
        """The values for a member, the best first: of its name, then of its name's longest end."""
        words = to_snake_case(name).split("_")
        self._make("".join(words))
        for start in range(len(words)):
            part = "".join(words[start:])
            stem = part.removesuffix("s")
            for end in _IDENTIFIERS:
                stem = stem.removesuffix(end)
            if stem:
                own = part.removeprefix(stem).removesuffix("s")
                for end in (own, "arn", *_IDENTIFIERS, ""):
                    yield from self._values.get(stem + end, ())


def make_zip() -> bytes:
    """The code of a function."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", "def handler(event, context): ...")
    return file.getvalue()


def find_noun(operation: str) -> str:
    """What an operation is about: `CreateDBInstance` -> dbinstance."""
    return flatten("".join(to_snake_case(operation).split("_")[1:]))


class RequestMaker:
    """Makes the requests of one service.

    Args:
        known: the identifiers to refer to.
        hints: operation, or `all` -> member -> the value for it.
    """

    def __init__(self, known: Known, hints: Mapping[str, Mapping[str, Any]]) -> None:
        self._known, self._hints = known, hints
        self._operation, self._noun, self._own, self._number = "", "", frozenset[str](), 0
        self.names: dict[str, str] = {}  # of the last request: the names that it gives
        self._owns: dict[str, frozenset[str]] = {}  # operation -> the names that it gives
        self._references, self._place = False, 0
        self.guesses = 0  # and how many identifiers nothing is known of it has

    def add_hints(self, hints: Mapping[str, Mapping[str, Any]]) -> RequestMaker:
        """A maker with further hints, which knows the same."""
        other = copy(self)
        other._hints = {**self._hints, **hints}
        return other

    def make(
        self, operation: Any, number: int, *, optional: bool = False, references: bool = False
    ) -> dict[str, Any]:
        """The parameters of a call: the required ones and its tags.

        Args:
            number: of the resource; another number gives it another name.
            optional: also all others.
            references: also those others that refer to an earlier resource.
        """
        self._references = references
        self._operation, self._number = operation.name, number
        self.names, self.guesses = {}, 0
        words = to_snake_case(operation.name).split("_")
        self._noun = "".join(words[1:])
        end = next((place for place, word in enumerate(words) if word in _PREPOSITIONS), len(words))
        nouns = {"".join(words[start:end]) for start in range(1, end)}
        if operation.name not in self._owns:
            own = {f"{noun}{end}" for noun in {*nouns, ""} for end in ("", *_IDENTIFIERS)}
            if words[0] in _MAY_CREATE:
                own = {n for n in own if not self._known.has(self._noun + n if n in _IDENTIFIERS else n)}
            self._owns[operation.name] = frozenset(own if words[0] in (*_CREATES, *_MAY_CREATE) else ())
        self._own = self._owns[operation.name]
        shape = operation.input_shape
        return self._make_structure(shape, optional, 0) if shape else {}

    def _make_structure(self, shape: Any, optional: bool, depth: int) -> dict[str, Any]:
        members = get_members(shape)
        names = list(shape.required_members)
        if getattr(shape, "is_tagged_union", False):
            names = list(members)[:1]
        elif depth < 3 and (optional or (depth and not names)):
            names = list(members)
        elif depth == 0:
            names += [name for name in members if name not in names and self._is_wanted(name)]
        made = {}
        for name in names:
            value = self._make(members[name], name, optional, depth + 1, name in shape.required_members)
            if value is not None:
                made[name] = value
                if not depth and flatten(name) in self._own:
                    self.names[name] = value
        return made

    def _is_wanted(self, name: str) -> bool:
        flat = flatten(name)
        if name in self._hints.get(self._operation, {}) or flat in self._own or flat in TAGS:
            return True
        return self._references and self._known.has(flat)

    def _make(self, shape: Any, name: str, optional: bool, depth: int, required: bool = True) -> Any:
        hints = self._hints.get(self._operation, {})
        for known in (hints, self._hints.get("all", {})):
            if name in known:
                return self._known.fill(known[name], FIRST + self._number)
        flat = flatten(name)
        if not required and (flat == "dryrun" or depth > _DEEPEST or flat.endswith("token")):
            return None
        kind = shape.type_name
        if "tag" in flat and (spelling := find_spelling(shape)):
            return [{spelling.key: "stage", spelling.value: "test"}] if spelling.key else {"stage": "test"}
        if kind == "string":
            return self._make_text(shape, name, required)
        if kind == "structure":
            return (
                {"a": "b"}
                if getattr(shape, "is_document_type", False)
                else self._make_structure(shape, optional, depth)
            )
        if kind == "list":
            return self._make_list(shape, name.removesuffix("s"), optional, depth, required)
        if kind == "map":
            return {
                make_text(shape.key, "key", FIRST): self._make(
                    shape.value, name.removesuffix("s"), optional, depth + 1
                )
            }
        if kind in ("integer", "long", "float", "double"):
            low = shape.metadata.get("min") or 1
            return int(low) if kind in ("integer", "long") else float(low)
        return {"boolean": True, "timestamp": datetime(2035, 1, 1), "blob": b"{}"}[kind]

    def _make_list(self, shape: Any, name: str, optional: bool, depth: int, required: bool) -> list[Any]:
        count, items = max(1, shape.metadata.get("min") or 1), []
        for place in range(count):
            self._place = place
            item = self._make(shape.member, name, optional, depth + 1, required)
            items += [] if item is None else [item]
        self._place = 0
        return items

    def _make_text(self, shape: Any, name: str, required: bool) -> str | None:
        if values := shape.metadata.get("enum"):
            return next((value for value in values if flatten(value) == self._noun), values[0])
        flat = flatten(name)
        own = make_text(shape, name, FIRST + self._number)
        if flat in self._own and flat not in ("arn", f"{self._noun}arn"):
            return own
        names = [self._noun + flat if flat in _IDENTIFIERS else name, shape.name]
        known = self._known.get(names[0])  # moto's own identifiers may not fit
        known = known or list({v: v for each in names for v in self._known.find(each) if fits(shape, v)})
        if known:
            return known[self._place % len(known)]
        texts = tuple(text for part, texts in _TEXTS.items() if part in flat for text in texts)
        if "token" in flat:
            texts = (str(uuid.UUID(int=FIRST + self._number)),)
        for text in texts:
            if fits(shape, text):
                return text
        if not flat.endswith(_IDENTIFIERS):
            return own
        self.guesses += required
        return own if required else None


def fits(shape: Any, text: str) -> bool:
    """Whether a string keeps to the length and the pattern of a shape."""
    low, high, pattern = (shape.metadata.get(name) for name in ("min", "max", "pattern"))
    if (low and len(text) < low) or (high and len(text) > high):
        return False
    compiled = compile_pattern(pattern) if pattern else None
    return compiled is None or compiled.fullmatch(text) is not None


NOT_MAKING = re.compile(
    "Delete|Remove|Terminate|Deregister|Disassociate|Detach|Stop|Cancel|Disable|Describe|List|Get|BatchGet|"
    "BatchDelete|BatchDisassociate|BatchDetach|BatchDescribe|BatchCheck|BatchIs|Search|Scan|Query|Head|Reset|Reboot|"
    "Release|Revoke|Reject|Untag|Unsubscribe|Abort|Close|Deactivate|Leave|Decline|Purge|Invoke|Assume|Preview|"
    "Lookup|Select|Simulate|Check|Estimate|Validate|Unlink|Unassign|Receive|Poll|Switch|Suspend|Pause|"
    "Failover|Rollback|Retire|Expire|Archive|Decrypt|Encrypt|Generate|Forget|AdminDelete|AdminDisable|AdminUser|"
    "Restore|Resolve|Schedule.*Deletion|Global|Clear|Discover|Wait|Transfer|Reimport"
)
