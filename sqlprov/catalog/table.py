"""The typed model of a table, which everything outside the catalog reads instead of YAML and botocore's model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

import pyarrow as pa

from sqlprov.records import dataclass

from .packing import Packing
from .sensitive import Path
from .shapes import Constraint, Shape
from .write_rules import WriteRules

_CREATED = r"(date_)?(creat(ed|e|ion))(_?(at|on|time|date|timestamp|date_time|time_stamp))?"
TAG_SPECIFICATIONS = "TagSpecifications"
"""The parameter that takes tags for each type of resource that a call creates."""
TAG_MAP = "tag_map"
"""The column that DuckDB makes of `tags`: key -> value."""
_OF_STRINGS = (pa.string(), pa.binary())
PLACEHOLDER = re.compile(r"\{(\w+)\}")
"""A column in an ARN that is made of columns."""


@lru_cache(10_000)
def _squash(name: str) -> str:
    return name.lower().removeprefix("data__").replace("_", "")


def get_path(item: Any, path: Sequence[str]) -> Any:
    """The value at a column's path in the item of a reply; `None` where a member is absent."""
    for member in path:
        if not isinstance(item, dict):  # as every reply is; to ask for a Mapping takes ten times as long
            return None
        item = item.get(member)
    return item


class ColumnSource(Enum):
    """The call that fills a column."""

    LIST = "list"  # the List call, one for each page
    DESCRIBE = "describe"  # one Describe call for each row, or for several
    EXTRA = "extra"  # one further call for each row
    PARENT = "parent"  # the value for which the List call was made
    TAGS = "tags"  # one tag call for each row; needs the arn
    REGION = "region"  # the region of the call
    ACCOUNT = "account"  # the name of the account that the call reads
    ACCOUNT_ID = "account_id"  # the arn, or one STS call for each account of the session
    KEY = "key"  # data__Identifier: the key's value


@dataclass(frozen=True)
class TagSpelling:
    """How a service spells tags.

    Attributes:
        key, value: members of each element of the list; both empty if the tags are a map.
    """

    key: str = ""
    value: str = ""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: snake_case name, as SELECT writes it.
        type: Arrow type (timestamps are `timestamp[us, UTC]`, structures STRUCT, maps MAP).
        json_type: Arrow type of the JSON reply before conversion: a timestamp is float64 seconds, a blob base64 text,
            what `columns:` gives another type is a string or a number, and everything else is as in `type`.
        description: plain text from the model, one paragraph.
        source: the call that fills it.
        path: members from the item of that call to the value, such as ("EndpointMetadata", "EndpointName").
        shape: name of botocore's shape; empty for region, account_id, account and data__Identifier.
        constraint: the service's constraints (strings only). They describe; they never decide an answer.
        extra: name of the further call that fills it, a key of `Table.extras`; empty for other sources.
        tags: how the reply spells tags, if the column is `tags`; its values become a list of {Key, Value}.
        sensitive: paths within a value to text that is hidden unless `sqlprov_show_sensitive` is on.
        per_second: of a time that the reply has as a number: 1000 if it counts milliseconds.
        is_json: whether the text is JSON; DuckDB's type is then JSON.
    """

    name: str
    type: pa.DataType
    json_type: pa.DataType
    description: str
    source: ColumnSource
    path: tuple[str, ...] = ()
    shape: str = ""
    constraint: Constraint = field(default_factory=Constraint)
    extra: str = ""
    tags: TagSpelling | None = None
    sensitive: tuple[Path, ...] = ()
    per_second: int = 1
    is_json: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it holds times."""
        return bool(pa.types.is_timestamp(self.type))

    @property
    def is_time_as_number(self) -> bool:
        """Whether the catalog, and not the model, says that a number is a time."""
        is_number = not pa.types.is_string(self.json_type)
        return self.is_time and is_number and bool(self.json_type != pa.float64() or self.per_second != 1)

    @property
    def has_other_type(self) -> bool:
        """Whether the catalog says that a string holds another type."""
        return self.is_json or bool(pa.types.is_string(self.json_type) and self.type not in _OF_STRINGS)


class FilterOperator(Enum):
    """How an API parameter narrows a list."""

    EQUAL = "="
    CONTAINS = "like"
    PREFIX = "prefix"
    AFTER = ">"
    BEFORE = "<"


@dataclass(frozen=True)
class ListFilter:
    """An API parameter and the SQL condition that it applies (`StatusEquals: status = ?`).

    Attributes:
        parameter, column, op: the condition.
        constraint: the values that may be sent.
        most: of a parameter that takes a list of values, of which a row has one, how many it takes; otherwise 0.
        name: for a parameter that takes a list of filters, such as `Filters: [{Name: vpc-id, Values: [vpc-1]}]`, the
            name of this one; otherwise empty.
        members: the members of such a filter that hold its name and its values.
        per_second: of a bound that is a number: 1000 if it counts milliseconds; otherwise 0.
    """

    parameter: str
    column: str
    op: FilterOperator
    constraint: Constraint = field(default_factory=Constraint)
    most: int = 0
    name: str = ""
    members: tuple[str, str] = ("Name", "Values")
    per_second: int = 0

    @property
    def label(self) -> str:
        """The parameter, with the name of a filter in a list of filters: `Filters.vpc-id`."""
        return f"{self.parameter}.{self.name}" if self.name else self.parameter


@dataclass(frozen=True)
class Sort:
    """How a list is ordered by the service.

    Attributes:
        by: parameter that takes the order's name (`SortBy`).
        columns: column -> value of `by`; only columns whose order is the same in DuckDB.
        direction: parameter that takes the direction (`SortOrder`).
        ascending, descending: its two values.
        always: the columns that every row has. For rows without a value, their position in the order and the
            effect of a bound are unknown.
    """

    by: str
    columns: dict[str, str]
    direction: str
    ascending: str
    descending: str
    always: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PageToken:
    """A page token.

    Attributes:
        parameter: the parameter that takes it.
        expression: JMESPath from the reply to it; botocore's paginators need more than names.
        is_text: whether the parameter takes a text.
    """

    parameter: str
    expression: str
    is_text: bool = True


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
class DescribeCall:
    """The Describe operation: one call for each row or key, or for `batch` of them.

    Attributes:
        call: operation, such as `DescribeInferenceExperiment`.
        arguments: parameter -> column that fills it: a key column, or another column that the list fills. In a batch,
            the first parameter takes a list of values.
        item: members from the reply to the resource, or to the list of resources of a batch; empty if the reply is
            the resource.
        paths: column -> members from the item, for every column it returns. These include list columns, which a
            lookup by key reads without List.
        batch: how many rows one call may describe; 0 if it describes one.
        send: parameters of every call.
        pairs: whether the item is a map from names to strings, as SQS and SNS have it.
        optional: the arguments that are left out of the call for a row without a value: an app belongs to a user
            profile or to a space. None of them is filled by a column of the key.
        tokens: the page tokens, if one reply does not hold all of a list or map; the resource is then the reply.
        paged: the member that holds that list or map.
        beside: members of the reply that belong to the resource and are not in `item`; `paths` has them, too.
        opens: as that of the list.
    """

    call: str
    arguments: Mapping[str, str]
    item: tuple[str, ...]
    paths: Mapping[str, tuple[str, ...]]
    batch: int = 0
    send: Mapping[str, Any] = field(default_factory=dict)
    pairs: bool = False
    optional: frozenset[str] = frozenset()
    tokens: tuple[PageToken, ...] = ()
    paged: str = ""
    beside: tuple[str, ...] = ()
    opens: str = ""


@dataclass(frozen=True)
class ExtraCall:
    """A further call for each row, made only for its own columns (`also:`).

    Attributes:
        call: operation, such as `GetBucketPolicy`.
        arguments: parameter -> column that fills it.
        send: parameters of every call.
        absent: errors that mean that the columns are NULL.
        lists: parameters that take a list, which holds the value of the row alone.
    """

    call: str
    arguments: Mapping[str, str]
    send: Mapping[str, Any] = field(default_factory=dict)
    absent: tuple[ErrorRule, ...] = ()
    lists: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TagsCall:
    """The tag operations of one resource.

    Attributes:
        call: operation that reads them, paged, such as `ListTags`; empty if a member of the row holds them.
        argument: parameter that takes the value of `column`.
        items: output member that holds the tags.
        added: parameter of `add` that takes tags.
        token_in, token_out: parameter and output member of the page token; empty if the call is not paged.
        add, remove: operations that add tags and remove them; empty if the file does not name them.
        keys: parameter of `remove` that takes the keys, or tags without values.
        column: the column that fills `argument`, or an ARN made of columns
            (`arn:aws:glue:{region}:{account_id}:job/{name}`); empty for the table's ARN.
        spelling: how the reply spells tags.
        removes_tags: whether `keys` takes tags.
        takes_list: whether `argument` takes a list of values. The reply then has a list on the way to the tags.
        shape: of the tags that `add` takes, or none; `None` if there is no `add`.
        missing: the errors that mean that the service does not know the resource.
    """

    call: str
    argument: str
    items: str
    token_in: str
    token_out: str
    add: str = ""
    remove: str = ""
    keys: str = ""
    added: str = ""
    removes_tags: bool = False
    column: str = ""
    spelling: TagSpelling = field(default_factory=lambda: TagSpelling("Key", "Value"))
    takes_list: bool = False
    shape: Shape | None = field(default=None, repr=False, compare=False)
    missing: tuple[ErrorRule, ...] = ()

    def list_columns(self, arn: str) -> list[str]:
        """The columns that fill `argument`; `arn` is the table's."""
        return PLACEHOLDER.findall(self.column) or [self.column or arn]

    def fill(self, arn: str, get_value: Callable[[str], Any]) -> Any:
        """The value of `argument` for one resource, whose columns `get_value` returns; `None` if one is NULL."""
        values = {name: get_value(name) for name in self.list_columns(arn)}
        if None in values.values():
            return None
        is_made = PLACEHOLDER.search(self.column)
        return self.column.format(**values) if is_made else next(iter(values.values()))

    def build_parameters(self, value: Any) -> dict[str, Any]:
        """The parameters of the call for one resource."""
        return {self.argument: [value] if self.takes_list else value}

    def build_keys(self, keys: Iterable[str]) -> dict[str, Any]:
        """The parameter of `remove` for the keys of tags."""
        return {self.keys: [{self.spelling.key: key} for key in keys] if self.removes_tags else list(keys)}

    def read_keys(self, parameters: Mapping[str, Any]) -> list[str]:
        """The keys in the parameters of `remove`."""
        keys = parameters[self.keys]
        return [key[self.spelling.key] for key in keys] if self.removes_tags else list(keys)


@dataclass(frozen=True)
class RowText:
    """A constant that holds values of the row, such as `{region}`.

    Attributes:
        text: with a placeholder for each value.
        allowed: the values that the parameter takes; empty if any text is allowed.
    """

    text: str
    allowed: tuple[str, ...] = ()

    def fill(self, row: Mapping[str, str]) -> str | None:
        """The text for a row; `None` if the parameter does not take it: us-east-1 is no LocationConstraint."""
        text = self.text.format(**row)
        return text if not self.allowed or text in self.allowed else None


@dataclass(frozen=True)
class Nesting:
    """The parameter that takes the members of the row, such as `ChangeBatch.Changes.ResourceRecordSet` (`into:`).

    Attributes:
        path: the members that lead to it.
        lists: those of them that are lists, of one element here.
        members: the members of the row.
        outer: those of them that the call requires beside the path, too, such as a name.
        is_whole: whether a call replaces the whole row; otherwise only the members sent.
    """

    path: tuple[str, ...]
    lists: frozenset[str]
    members: frozenset[str]
    outer: frozenset[str]
    is_whole: bool

    def nest(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the members of the row in their place."""
        inner: Any = {name: value for name, value in values.items() if name in self.members}
        for member in reversed(self.path):
            inner = {member: [inner] if member in self.lists else inner}
        kept = {n: v for n, v in values.items() if n not in self.members or n in self.outer}
        return {**kept, **inner}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a method.

    Attributes:
        name, shape, required: from the model.
        column: the column that holds its value; empty if none does.
    """

    name: str
    shape: str
    required: bool
    column: str = ""


@dataclass(frozen=True)
class Method:
    """An operation on a table.

    Attributes:
        name: as SHOW METHODS lists it: `create_resource`, …, or an EXEC name such as `stop`.
        verb: SELECT, INSERT, UPDATE, DELETE or EXEC.
        call: API operation.
        required: required parameters of the statement, as SHOW METHODS lists them (`Name`, …, `region`).
        until: states that AWAIT waits for; ("missing",) for a delete.
        permissions: IAM actions, `<service>:<call>` first.
        parameters: the call's parameters in the model's order.
        via: the busy state between the call and `until`; empty if there is none.
        input_shape: what a statement can give: the call's input without what `send` gives, and with the members of
            the row instead of the parameter that takes them. Tokens are not required.
        send: what every call sends beside the values of the statement; a text may be a `RowText`.
        nesting: where the call takes the members of the row; `None` if they are its parameters.
        packing: how Cloud Control takes the parameters; `None` for other services.
        document: what a statement can give instead of all parameters, as one JSON object; empty if there is none.
        tag_type: the row's type in `TagSpecifications`, which then take the tags of the statement; otherwise empty.
        tokens: parameters that identify a call among its attempts; each row gets its own.
        arguments: parameters of an update or a delete that always take the value of their column.
        returns: key column that the service sets -> members from the reply of a create to its value; through lists
            of one element.
        attributes: parameter that a create does not take -> the method that sets it afterwards, each with a call.
    """

    name: str
    verb: str
    call: str
    required: tuple[str, ...]
    until: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    via: str = ""
    send: Mapping[str, Any] = field(default_factory=dict)
    nesting: Nesting | None = None
    packing: Packing | None = None
    document: str = ""
    tag_type: str = ""
    tokens: tuple[str, ...] = ()
    arguments: frozenset[str] = frozenset()
    returns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: Mapping[str, Method] = field(default_factory=dict)
    input_shape: Shape = field(kw_only=True, repr=False, compare=False)


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
class ErrorRule:
    """An error code, or `*` and the end of one, and text that the message must contain if the code is ambiguous."""

    code: str
    text: str = ""


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
