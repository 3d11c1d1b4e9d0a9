"""A service's operations, and the draft of a table that the rules fill step by step."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlprov.catalog.columns import name_column
from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.service_model import find_paginator, get_members, load_model

from .words import to_plural

PAGING = re.compile(
    r"(next|page|start|starting|continuation|pagination|exclusivestart)?(token|marker|page|position|cursor)|nexttoken"
    r"|(max|page)(results|items|size|records|keys)|limit|dryrun"
)
"""Parameters that page a list or change nothing."""

ACCOUNT = ("accountid", "awsaccountid")
"""Parameters that take the caller's account."""


class ClientOperations:
    """The operations of one client."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.name = client.replace("-", "_").replace(".", "_")
        self.model = load_model(client)
        self.operations = {name: self.model.operation_model(name) for name in self.model.operation_names}
        self._by_name = {flatten(name): name for name in self.operations}

    def find(self, *names: str) -> str:
        """The first of these operations that exists, whatever its spelling; empty if none does."""
        return next((self._by_name[flat] for flat in map(flatten, names) if flat in self._by_name), "")

    def get_inputs(self, name: str) -> dict[str, Any]:
        """The parameters of an operation."""
        return get_members(self.operations[name].input_shape)

    def get_required(self, name: str) -> list[str]:
        """The parameters that an operation requires."""
        shape = self.operations[name].input_shape
        return list(shape.required_members) if shape else []


@dataclass(eq=False)
class Draft:
    """The decisions about one table; the fields that the line holds have the names of its words.

    Attributes:
        noun: its singular in snake_case.
        item: botocore's shape of a row.
        scalar: the column, if rows are bare strings.
        sources: parameter -> the draft of its parent.
        settled: the name that a person gave it.
        doubts: code -> what to look at.
    """

    service: ClientOperations
    noun: str
    list: str
    rows: tuple[str, ...]
    item: Any
    scalar: str = ""
    key: tuple[str, ...] = ()
    each: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Draft] = field(default_factory=dict)
    describe: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    settled: str = ""
    doubts: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The table's name."""
        return self.settled or to_plural(self.noun)

    @property
    def words(self) -> dict[str, Any]:
        """The decisions that no rule of the product makes."""
        return {  # `rows: .` is the reply itself
            "list": self.list,
            "rows": ("" if len(self.rows) == 1 else ".".join(self.rows) or "."),
            "each": self.each,
            "key": self.key or "?",
            "describe": self.describe,
        }

    @property
    def required(self) -> list[str]:
        """The parameters that a list of everything requires, without those of paging."""
        paginator = find_paginator(self.service.operations[self.list])
        paging = (paginator.get("limit_key"), *_to_list(paginator.get("input_token")))
        # A settled line may name optional ones, too.
        required = dict.fromkeys((*self.service.get_required(self.list), *self.each))
        return [p for p in required if p not in paging and not PAGING.fullmatch(flatten(p))]

    @property
    def parent_columns(self) -> dict[str, str]:
        """Required parameter -> the column of its value."""
        return {parameter: name_column(parameter) for parameter in self.required}

    @cached_property
    def columns(self) -> dict[str, Any]:
        """The columns of a listed row and their shapes."""
        if self.item.type_name == "string":
            return {self.scalar: self.item} if self.scalar else {}
        return {name_column(member): shape for member, shape in get_members(self.item).items()}


def _to_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []
