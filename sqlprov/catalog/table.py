"""The typed model of a table, which everything outside the catalog reads instead of YAML and botocore's model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from functools import cached_property, lru_cache
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from .column import TAG_MAP, Column, ColumnSource, TagSpelling
from .method import Method
from .read_calls import DescribeCall, ErrorRule, ExtraCall, ListFilter, PageToken, Sort, TagsCall
from .sensitive import Path
from .write_rules import WriteRules

_CREATED = r"(date_)?(creat(ed|e|ion))(_?(at|on|time|date|timestamp|date_time|time_stamp))?"


@lru_cache(10_000)
def _squash(name: str) -> str:
    return name.lower().removeprefix("data__").replace("_", "")


@dataclass(frozen=True)
class Parent:
    """A parameter for each of whose values the List is read.

    Attributes:
        parameter: such as `cluster`.
        column: the column of this table that holds the value, such as `cluster`; its source is PARENT, or LIST if
            the rows have such a member.
        values: all possible values, if the model's enum or the file has them; otherwise empty.
        is_account: whether the value is the id of the caller's account.
        is_required: whether a condition has to say the value, because no table holds it.
        table: name of the parent table of the same service; empty if `values` or `is_account` says the value.
        table_column: the parent's column with the values, such as `cluster_arn`.
        load: loads the parent table.
    """

    parameter: str
    column: str
    values: tuple[str, ...] = ()
    is_account: bool = False
    is_required: bool = False
    table: str = ""
    table_column: str = ""
    load: Callable[[], Table] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class ListCall:
    """The List operation: its pages hold the rows.

    Attributes:
        call: operation, such as `ListInferenceExperiments`.
        rows: output members that lead to the rows, through lists on the way: ("Reservations", "Instances"); empty
            if the reply itself is the only row.
        single: whether `rows` leads to a structure, which is the only row, instead of a list.
        scalar: the column, if the rows are bare strings; otherwise empty.
        tokens: the page tokens; none if the call is not paged.
        more: JMESPath of the member that says whether there are more pages; empty if the token says it.
        page_size_parameter, page_size: `MaxResults` and the largest value the model allows; empty and 0 if none.
        filters, sort: push-down; `sort` is `None` if the service does not sort.
        send: parameters of every call.
        parents: the parameters for each of whose values the list is read.
        arguments: parameter -> key column, for a lookup through the list itself, if there is no Describe.
        batch: keys that one lookup takes as a list of values; 0 if it takes one.
        may_omit_rows: whether a page without rows may lack the member that holds them.
        opens: of Cloud Control, the member of a row that takes its identifier, beside its properties; otherwise empty.
    """

    call: str
    rows: tuple[str, ...]
    single: bool = False
    scalar: str = ""
    tokens: tuple[PageToken, ...] = ()
    more: str = ""
    page_size_parameter: str = ""
    page_size: int = 0
    filters: tuple[ListFilter, ...] = ()
    sort: Sort | None = None
    send: Mapping[str, Any] = field(default_factory=dict)
    parents: tuple[Parent, ...] = ()
    arguments: Mapping[str, str] = field(default_factory=dict)
    batch: int = 0
    may_omit_rows: bool = False
    opens: str = ""


@dataclass(frozen=True)
class IamActions:
    """How IAM names the actions of a service.

    Attributes:
        prefix: such as `sagemaker`.
        names: operation -> action, where they differ, with its prefix if that differs, too; `*` stands for every
            other operation.
    """

    prefix: str
    names: Mapping[str, str] = field(default_factory=dict)

    def find(self, operation: str) -> str:
        """The action that an operation needs, such as `sagemaker:ListModels`."""
        action = self.names.get(operation) or self.names.get("*") or operation
        return action if ":" in action else f"{self.prefix}:{action}"


@dataclass(frozen=True)
class ErrorRules:
    """The `errors:` block: rules that mean "no such row" and "already exists"."""

    missing: tuple[ErrorRule, ...] = ()
    exists: tuple[ErrorRule, ...] = ()


@dataclass(frozen=True)
class StateRule:
    """The `state:` block.

    Attributes:
        column: the column of the state; empty if the table has no states.
        busy: states that end without another call.
    """

    column: str = ""
    busy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One resource type.

    Attributes:
        provider, service, name: the three parts of its name, `aws.sagemaker.inference_experiments`.
        about: one sentence.
        key: columns that identify a row within account and region; joined by `|` in data__Identifier.
        arn: column that holds the ARN; empty if there is none.
        columns: in the documented order; region, account_id, account and data__Identifier included.
        list: its pages hold the rows.
        describe: one call for each row, or for each key given; `None` if there is none.
        tags: the service's tag calls; `None` if the table has no tags, or its rows hold them.
        tagging: the calls that write tags: `tags`, or those for tags that the rows hold; `None` if there are none.
        methods: in the order of SHOW METHODS.
        extras: further calls for each row, by name.
        errors, state, write: the blocks of the same name.
        is_partial: whether the service knows rows that the list does not show, such as the policies of AWS. Only the
            list then says which rows there are.
        is_lowercase: whether the service stores its names in lowercase, and takes them in any case.
        home: the one region that answers for a global service; empty for a service with regions.
        region_column: the column whose value is the row's region, if a member says it; otherwise empty.
        client: botocore's service name for clients (`sagemaker`).
        iam: names of the IAM actions.
        cloudformation: `AWS::SageMaker::InferenceExperiment`; empty if there is none.
        file: path of the YAML, for messages.
    """

    provider: str
    service: str
    name: str
    about: str
    key: tuple[str, ...]
    arn: str
    columns: tuple[Column, ...]
    list: ListCall
    describe: DescribeCall | None
    tags: TagsCall | None
    tagging: TagsCall | None = None
    methods: tuple[Method, ...] = ()
    errors: ErrorRules = field(default_factory=ErrorRules)
    state: StateRule = field(default_factory=StateRule)
    client: str = ""
    iam: IamActions = IamActions("")
    cloudformation: str = ""
    file: str = ""
    write: WriteRules = field(default_factory=WriteRules)
    extras: Mapping[str, ExtraCall] = field(default_factory=dict)
    home: str = ""
    is_partial: bool = False
    is_lowercase: bool = False
    region_column: str = ""

    @property
    def full_name(self) -> str:
        """`aws.sagemaker.inference_experiments`"""
        return f"{self.provider}.{self.service}.{self.name}"

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @cached_property
    def _exact(self) -> dict[str, str]:
        """Name in lower case -> column."""
        return {name.lower(): name for name in self.by_name}

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """Name without case and underscores -> column; a parameter of a write means the column that it fills."""
        writes = [method for method in self.methods if method.verb in ("INSERT", "UPDATE", "DELETE")]
        parameters = {_squash(p.name): p.column for method in writes for p in method.parameters if p.column}
        # The last column is data__Identifier; a column `identifier` comes before it.
        return parameters | {_squash(name): name for name in reversed(self.by_name)}

    def find_column(self, name: str) -> str | None:
        """The column for a name in any spelling of a statement: `name`, `Name`, `data__Name`, `Identifier`."""
        return self._exact.get(name.lower()) or self._spellings.get(_squash(name))

    @cached_property
    def visible_columns(self) -> tuple[Column, ...]:
        """The columns that a user sees: `tag_map` follows `tags`."""
        visible: list[Column] = []
        for column in self.columns:
            visible.append(column)
            if column.name == "tags" and TAG_MAP not in self.by_name:
                kind = pa.map_(pa.string(), pa.string())
                about = "The tags as a map: tag_map['team'] is the value of a tag."
                visible.append(Column(TAG_MAP, kind, kind, about, column.source, extra=column.extra))
        return tuple(visible)

    @cached_property
    def revealed(self) -> Table:
        """The table without sensitive columns, for `sqlprov_show_sensitive`."""
        if not any(column.sensitive for column in self.columns):
            return self
        return replace(self, columns=tuple(replace(column, sensitive=()) for column in self.columns))

    @cached_property
    def by_method(self) -> dict[str, Method]:
        """Methods by name."""
        return {method.name: method for method in self.methods}

    @cached_property
    def paths(self) -> Mapping[str, tuple[str, ...]]:
        """Column -> members from a row that is read by its key."""
        if self.describe is not None:
            return self.describe.paths
        return {column.name: column.path for column in self.columns if column.source is ColumnSource.LIST}

    @cached_property
    def created(self) -> str:
        """The column of the time when a row was created, of those in `paths`; empty if there is none."""
        create = self.by_method.get("create_resource")
        if create and create.call.startswith(("Add", "Attach", "Associate")):
            return ""  # it joins two resources: the time is that of one of them
        times = (name for name in self.paths if pa.types.is_timestamp(self.by_name[name].type))
        return next((name for name in times if re.fullmatch(_CREATED, name)), "")

    @cached_property
    def next_states(self) -> dict[str, tuple[str, ...]]:
        """Busy state -> the states that its methods lead to; only states that some method passes through."""
        states: dict[str, tuple[str, ...]] = {}
        for method in self.methods:
            if method.via:
                states[method.via] = tuple(dict.fromkeys((*states.get(method.via, ()), *method.until)))
        return states

    @cached_property
    def create_only(self) -> tuple[str, ...]:
        """Parameters of the create that no update takes; tags have calls of their own."""
        create, update = self.by_method.get("create_resource"), self.by_method.get("update_resource")
        if create is None:
            return ()
        parameters = update.parameters if update else ()
        changeable = {part.name for part in parameters if part.column not in self.key}
        tags = "tags" if self.tagging else None
        return tuple(p.name for p in create.parameters if p.name not in changeable and p.column != tags)

    @property
    def tag_spelling(self) -> TagSpelling | None:
        """How the service spells tags; `None` if it has none."""
        return (
            self.tags.spelling if self.tags else self.by_name["tags"].tags if "tags" in self.by_name else None
        )

    def needs_key(self, name: str) -> bool:
        """Whether every row has this part of the key: the only one, a parent's, or one that a create requires."""
        create = self.by_method.get("create_resource")
        required = {part.column for part in create.parameters if part.required} if create else set(self.key)
        returned = create.returns if create else ()
        parents = {parent.column for parent in self.list.parents}
        return len(self.key) == 1 or name in (*required, *returned, *parents)

    @cached_property
    def listed_key(self) -> tuple[Path, ...]:
        """The members of a listed row that are its key, and that every row has."""
        if self.list.single or self.list.scalar or self.list.opens:
            return ()
        columns = (self.by_name[name] for name in self.key if self.needs_key(name))
        return tuple(column.path for column in columns if column.source is ColumnSource.LIST and column.path)

    @property
    def holds_tags(self) -> bool:
        """Whether a read of one row returns its tags, with a call of their own or not."""
        return self.tags is not None or "tags" in self.paths

    @cached_property
    def tags_parameter(self) -> str:
        """The parameter of the create that takes tags; empty if none does."""
        create = self.by_method.get("create_resource")
        parts = create.parameters if create else ()
        return next((part.name for part in parts if part.column == "tags"), "")
