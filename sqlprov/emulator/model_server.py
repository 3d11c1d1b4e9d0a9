"""Answers for every table of a catalog from botocore's shapes, in the protocol of its service.

A sweep reads each table from it: lists with pages and filters, describes, batches, further calls, tags and missing
keys. It proves that the engine reads what the table says, not that AWS answers the same way.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlprov.catalog.read_calls import DescribeCall, FilterOperator, ListFilter
from sqlprov.catalog.table import ListCall, Table
from sqlprov.catalog.texts import parse_time
from sqlprov.emulator.errors import ApiError, make_closed_region_error
from sqlprov.emulator.exchange import CredentialScope, Exchange, FaultyService, HttpReply, HttpRequest
from sqlprov.emulator.model_rows import ModelRow, ModelRows
from sqlprov.emulator.model_values import FIRST, get_maker
from sqlprov.emulator.options import ACCOUNT, Call, Fault, Options
from sqlprov.emulator.organization import Organization
from sqlprov.emulator.protocols import Api, load_api
from sqlprov.emulator.server import LoopbackServer
from sqlprov.emulator.service import Service

Members = dict[str, Any]
_ACCOUNT_SERVICES = ("sts", "account", "iam", "ec2", "organizations")


class ModelService(FaultyService):
    """Answers the calls that tables make in one account.

    Args:
        rows: of its tables.
        page: rows of a page.
        options: how it behaves.
    """

    def __init__(self, rows: ModelRows, page: int, options: Options | None = None) -> None:
        super().__init__()
        self._options = options or Options()
        self._rows = rows
        self._page = page
        self._tokens: dict[tuple[str, str], int] = {}  # list and token -> where the page begins

    @property
    def options(self) -> Options:
        return self._options

    @abstractmethod
    def find_tables(self, client: str) -> Sequence[Table]:
        """The tables of a client."""

    def find_rows(self, table: Table, region: str) -> Sequence[ModelRow]:
        """The rows that the service has."""
        return self._rows.get_rows(table, region)

    def find_described(self, table: Table, region: str) -> Sequence[ModelRow]:
        """The rows that the service can describe."""
        return self.find_rows(table, region)

    def open_each(self, request: HttpRequest, clients: Iterable[str]) -> Iterator[ModelExchange]:
        """The request as each client that has its operation reads it."""
        for client in clients:
            api = load_api(client)
            if (read := api.read(request)) is not None:
                yield ModelExchange(
                    self, request.scope or CredentialScope("", "us-east-1", client), api, *read
                )

    def run_list(self, api: Api, call: Call, tables: Sequence[Table], repeat: bool) -> Members:
        """One page: the rows of every table that this list serves, with the tokens that they share."""
        parameters, region = call.parameters, call.region
        first = tables[0].list
        offset = self._read_token(call, first)
        size = self._page if first.tokens else 1_000_000
        if isinstance(most := parameters.get(first.page_size_parameter), int):
            size = min(size, most)
        operation = api.get_operation(call.operation)
        output = operation.output_shape
        reply: Members = {}
        ends = True
        for table in tables:
            rows = self._select_rows(table, region, parameters)
            page = rows[offset : offset + size]
            ends = ends and offset + size >= len(rows)
            if not rows and (table.list.single or not table.list.rows) and table.errors.missing:
                raise MissingRow(table)
            if page or not table.list.may_omit_rows:
                empty: list[Any] = [{}] if table.list.single else []  # settings that are not set
                _put_rows(reply, output, table.list.rows, [row.listed for row in page] or empty)
        if first.more and _is_path(first.more):
            _put_value(reply, first.more, not ends)
        self._put_tokens(call, first, operation, reply, offset if repeat else None if ends else offset + size)
        return reply

    def _read_token(self, call: Call, listing: ListCall) -> int:
        """Where the page begins. A token serves only the list that it came from, with the same parameters."""
        sent = [call.parameters.get(token.parameter) for token in listing.tokens]
        if not sent or sent[0] in (None, ""):
            return 0
        try:
            return self._tokens[_identify(call, listing), repr(sent[0])]
        except KeyError:
            raise ApiError(
                "ValidationException", f"The page token {sent[0]!r} is not of this list."
            ) from None

    def _put_tokens(
        self, call: Call, listing: ListCall, operation: Any, reply: Members, offset: int | None
    ) -> None:
        """Add the tokens of the page that begins at `offset`, unless it is `None`."""
        import jmespath

        for place, token in enumerate(listing.tokens):
            path = token.expression.partition("||")[0].strip()
            if offset is not None and _is_path(path):
                taken = operation.input_shape.members[token.parameter]
                _put_value(reply, path, _make_token(operation.output_shape, path, offset, taken))
            if place == 0 and (value := jmespath.search(token.expression, reply)):
                # Some lists take the key of the last row.
                rows = 1_000_000 if offset is None else offset
                self._tokens[_identify(call, listing), repr(value)] = rows

    def run_describe(self, api: Api, call: Call, tables: Sequence[Table]) -> Members:
        output = api.get_operation(call.operation).output_shape
        for table in tables:
            describe = table.describe
            assert describe is not None
            rows = self.find_described(table, call.region)
            matches = match_rows(rows, describe.arguments, call.parameters, many=bool(describe.batch))
            if matches or describe.batch:
                items = [row.described for row in matches]
                if not describe.item:
                    return self._cut_described(call, describe, items[0])
                reply: Members = {name: items[0][name] for name in describe.beside if name in items[0]}
                items = [{name: item[name] for name in item if name not in reply} for item in items]
                _put_rows(reply, output, describe.item, items)
                return reply
        raise MissingRow(tables[0])

    def _cut_described(self, call: Call, describe: DescribeCall, item: Members) -> Members:
        """A page with one element of the list or map that has pages."""
        if not describe.tokens:
            return item
        (token, *_), values = describe.tokens, item.get(describe.paged) or []
        at = int(str(call.parameters.get(token.parameter) or 0).rpartition("-")[2])
        reply = {name: value for name, value in item.items() if name != token.expression}
        reply[describe.paged] = (
            dict(list(values.items())[at : at + 1]) if isinstance(values, dict) else values[at : at + 1]
        )
        if at + 1 < len(values):
            reply[token.expression] = f"page-{at + 1}"
        return reply

    def run_extra(self, call: Call, tables: Sequence[tuple[Table, str]]) -> Members:
        for table, name in tables:
            extra = table.extras[name]
            rows = self.find_rows(table, call.region)
            if matches := match_rows(rows, extra.arguments, call.parameters, many=bool(extra.lists)):
                reply = matches[0].extras[name]
                if reply is None:
                    raise ApiError(extra.absent[0].code, f"{extra.absent[0].text} Not found.".strip())
                return reply
        raise MissingRow(tables[0][0])

    def run_tags(self, call: Call, tables: Sequence[Table]) -> Members:
        """The tags of a resource, one a page if the call has pages."""
        for table in tables:
            method = table.tags
            assert method is not None
            if matches := match_tagged(table, self.find_rows(table, call.region), call.parameters):
                reply: Members = {}
                tags = matches[0].tags
                offset = int(call.parameters.get(method.token_in) or 0) if method.token_in else 0
                if method.token_out and isinstance(tags, list):
                    if offset + 1 < len(tags):
                        reply[method.token_out] = str(offset + 1)
                    tags = tags[offset : offset + 1]
                place, _, last = method.items.rpartition(".") if method.takes_list else ("", "", method.items)
                _put_value(reply, place or last, [{last: tags}] if place else tags)
                return reply
        raise MissingRow(tables[0])

    def _select_rows(self, table: Table, region: str, parameters: Members) -> list[ModelRow]:
        """The rows of a list: of its parents, with the keys and within the filters that it names."""
        listing = table.list
        if not self._rows.has_scope(table, region, parameters):
            if table.errors.missing:
                raise MissingRow(table)
            return []
        rows = [
            row
            for row in self.find_rows(table, region)
            if all(parameters.get(name) == value for name, value in row.parents.items())
        ]
        if any(parameters.get(parameter) for parameter in listing.arguments):
            rows = match_rows(rows, listing.arguments, parameters, many=bool(listing.batch))
            wanted = parameters[next(iter(listing.arguments))]
            if len(rows) < (len(wanted) if listing.batch else 1) and table.errors.missing:
                raise MissingRow(table)
        for each in listing.filters:
            if (bound := find_bound(each, parameters)) is not None:
                rows = [row for row in rows if _passes(each, row.values.get(each.column), bound)]
        if listing.sort is not None and (by := parameters.get(listing.sort.by)):
            column = next(name for name, value in listing.sort.columns.items() if value == by)
            down = parameters.get(listing.sort.direction) == listing.sort.descending
            rows = sorted(rows, key=lambda row: row.values[column], reverse=down)
        return rows


class ModelServer(LoopbackServer, ModelService):
    """Every table of some services, on one port of the loopback interface.

    Services that share a signing name, operations and version (rds, neptune, docdb) are distinguished by the tables
    of the server: start one server for each service.

    Attributes:
        tables: those that it serves. If one operation lists several of them, or describes one and lists another, a
            reply holds the rows of both: narrow them to the table that is read, and its parents.

    Args:
        organization: the accounts, if it is not one.
    """

    account_id = ACCOUNT

    def __init__(
        self,
        tables: Iterable[Table],
        *,
        rows: int = 5,
        children: int = 2,
        page: int = 2,
        organization: Organization | None = None,
        port: int = 0,
    ) -> None:
        LoopbackServer.__init__(self, self, port)
        ModelService.__init__(self, ModelRows(rows, children), page)
        self._account = Service(self._options, organization)
        self._counts = rows, children
        self._members: dict[str, ModelService] = {self._account.identities.management: self}
        self.tables = list(tables)
        self._clients = {table.client for table in self.tables}

    def inject(self, fault: Fault) -> None:
        """Make the calls that match the fault fail, counted from now."""
        self.faults.add(fault)

    def list_rows(self, table: Table, region: str = "us-east-1", account: str = ACCOUNT) -> list[Members]:
        """What a complete read of a table must return, column -> value as boto3 shows it, without NULLs."""
        return [dict(row.values) for row in self._find_member(account).find_rows(table, region)]

    def _find_member(self, account: str) -> ModelService:
        if account not in self._members:
            organization = self._account.identities.organization
            own = organization.by_id[account].options if organization else None
            rows = ModelRows(*self._counts, account=account)
            self._members[account] = _MemberService(self, rows, self._page, own or self._options)
        return self._members[account]

    def find_tables(self, client: str) -> Sequence[Table]:
        return [table for table in self.tables if table.client == client]

    def open(self, request: HttpRequest) -> Exchange:
        signed = request.scope.service if request.scope else ""
        is_account = signed in _ACCOUNT_SERVICES and signed not in self._clients
        identity = self._account.identities.find(*request.credentials)
        member = self._find_member(identity.account)
        exchanges = [] if is_account else list(member.open_each(request, sorted(self._clients)))
        if not exchanges:
            return self._account.open(request)  # who am I, which regions and accounts are there
        exchange = next((each for each in exchanges if each.tables), exchanges[0])
        exchange.identity, exchange.call.user = identity, identity.user
        return exchange


class _MemberService(ModelService):
    """Another account of a server."""

    def __init__(self, server: ModelServer, rows: ModelRows, page: int, options: Options) -> None:
        super().__init__(rows, page, options)
        self._server = server

    def open(self, request: HttpRequest) -> Exchange:
        return self._server.open(request)

    def find_tables(self, client: str) -> Sequence[Table]:
        return self._server.find_tables(client)


class ModelExchange(Exchange):
    """One request.

    Attributes:
        client: botocore's name of the service.
        tables: those that make such calls.
        lists: those that it lists, as the constants and parents in its parameters say.
        is_scoped: whether it is a list for parents, without filters and keys.
        is_plain: whether it is also one without parents, for the first page in the usual size.
        names_resource: whether it names a parent, or the row to look up.
    """

    def __init__(
        self, server: ModelService, scope: CredentialScope, api: Api, operation: str, parameters: Members
    ) -> None:
        self._server, self._api, self.client = server, api, api.client
        self.tables = [table for table in server.find_tables(api.client) if operation in list_calls(table)]
        self.lists = _choose([table for table in self.tables if table.list.call == operation], parameters)
        self.call = Call(operation, scope.region, scope.access_key, parameters, time.monotonic())
        self.action = f"{scope.service}:{operation}"
        lists = [table.list for table in self.lists]
        sizes = {each.page_size_parameter: each.page_size for each in lists}
        tokens = {token.parameter for each in lists for token in each.tokens}
        paging = {*sizes, *tokens, *(name for each in lists for name in each.send)}
        parents = {parent.parameter: parent for each in lists for parent in each.parents}
        rest = parameters.keys() - paging
        is_first = tokens.isdisjoint(parameters) and all(
            parameters.get(name, size) == size for name, size in sizes.items()
        )
        self.is_scoped = bool(lists) and rest <= parents.keys()
        self.is_plain = bool(lists) and not rest and is_first
        named = {name for each in lists for name in each.arguments}
        named |= {name for name, parent in parents.items() if parent.table}
        self.names_resource = not lists or not named.isdisjoint(rest)

    def run(self, fault: Fault | None) -> HttpReply:
        return self._api.encode(
            self.call.operation, self._answer(fault is not None and fault.kind == "repeated_token")
        )

    def encode_error(self, error: ApiError) -> HttpReply:
        return self._api.encode_error(error)

    def _answer(self, repeat: bool) -> Members:
        name, server, tables = self.call.operation, self._server, self.tables
        if self.call.region in server.options.closed_regions:
            raise make_closed_region_error().translate(self._api.client)
        missing: ApiError | None = None
        reply: Members = {}
        if by_describe := [table for table in tables if table.describe and table.describe.call == name]:
            try:
                reply = server.run_describe(self._api, self.call, by_describe)
            except ApiError as error:
                missing = error
        if reply and {table.name for table in by_describe} & {table.name for table in self.lists}:
            return reply  # a list that returns more of one row is its own describe
        if self.lists:
            # One operation may be the describe of a table and the list of another.
            paged = {token.expression for table in self.lists for token in table.list.tokens}
            paged |= {table.list.rows[0] for table in self.lists if table.list.rows}
            rest = {member: value for member, value in reply.items() if member not in paged}
            return rest | server.run_list(self._api, self.call, self.lists, repeat)
        if extras := [
            (table, key) for table in tables for key, extra in table.extras.items() if extra.call == name
        ]:
            return server.run_extra(self.call, extras) | reply
        if reply:
            return reply
        if tagged := [table for table in tables if table.tags and table.tags.call == name]:
            return server.run_tags(self.call, tagged)
        raise missing or ApiError("UnknownOperationException", f"No table uses {name}.")


def list_arguments(table: Table, operation: str) -> Iterator[tuple[Mapping[str, str], bool]]:
    """Parameter -> column of the calls of this operation for a row, and whether the first takes several values.

    The tags call is not among them: see `match_tagged`.
    """
    if table.describe is not None and table.describe.call == operation:
        yield table.describe.arguments, bool(table.describe.batch)
    for extra in table.extras.values():
        if extra.call == operation:
            yield extra.arguments, bool(extra.lists)


def list_calls(table: Table) -> list[str]:
    """The operations that read a table."""
    single = [each.call for each in (table.list, table.describe, table.tags) if each is not None]
    return [*single, *(extra.call for extra in table.extras.values())]


class MissingRow(ApiError):
    """The error that means that there is no such row."""

    def __init__(self, table: Table) -> None:
        rule = next(iter(table.errors.missing), None)
        if rule is None:
            super().__init__("ResourceNotFoundException", "It does not exist.")
        else:
            super().__init__(rule.code.removeprefix("*"), f"{rule.text} It does not exist.".strip(), 404)


def _choose(tables: Sequence[Table], parameters: Members) -> list[Table]:
    """The tables whose constants and parents a List has; of these, those that have the most."""

    def count(table: Table) -> int:
        constants = table.list.send.items()
        if any(parameters.get(name) != value for name, value in constants):
            return -1
        return len(constants) + sum(parent.parameter in parameters for parent in table.list.parents)

    most = max(map(count, tables), default=0)
    return [table for table in tables if count(table) == most]


def match_rows(
    rows: Iterable[ModelRow], arguments: Mapping[str, str], parameters: Members, *, many: bool = False
) -> list[ModelRow]:
    """The rows whose columns have the values of the parameters.

    Args:
        many: the first parameter takes a list of values.
    """
    pairs = [(parameters.get(parameter), column) for parameter, column in arguments.items()]

    def fits(row: ModelRow, value: Any, column: str, several: bool) -> bool:
        own = row.values.get(column)
        return own in value if several and isinstance(value, list) else own == value

    return [
        row
        for row in rows
        if all(fits(row, value, column, many and place == 0) for place, (value, column) in enumerate(pairs))
    ]


def match_tagged(table: Table, rows: Iterable[ModelRow], parameters: Members) -> list[ModelRow]:
    """The rows whose tags a call with these parameters reads."""
    method = table.tags
    assert method is not None
    given = {method.argument: parameters.get(method.argument)}
    return [row for row in rows if method.build_parameters(method.fill(table.arn, row.values.get)) == given]


def find_bound(each: ListFilter, parameters: Members) -> Any:
    """The value, or the values, that a call sends for a filter; `None` if it does not send it."""
    sent = parameters.get(each.parameter)
    if not each.name or not isinstance(sent, list):
        return sent
    name, values = each.members
    return next((own[values] for own in sent if own[name] == each.name), None)


def _passes(each: ListFilter, value: Any, bound: Any) -> bool:
    if value is None:
        return False
    if each.name and not isinstance(value, str):
        value = str(value).lower()
    if each.per_second and isinstance(bound, int):
        bound = parse_time(bound, each.per_second)
    match each.op:
        case FilterOperator.EQUAL:
            return bool(value in bound if isinstance(bound, list) else value == bound)
        case FilterOperator.CONTAINS:
            return bool(bound in value)
        case FilterOperator.PREFIX:
            return bool(value.startswith(bound))
        case FilterOperator.AFTER:
            return bool(value > bound)
    return bool(value < bound)


def _put_rows(reply: Members, shape: Any, path: Sequence[str], rows: list[Any]) -> None:
    """Put rows under `path`; a list on the way has an element for every two of them."""
    if not path:
        reply.update(rows[0] if rows else {})
        return
    member, *rest = path
    inner = shape.members[member]
    if not rest:
        if inner.type_name == "list":
            reply[member] = rows
        elif rows:
            reply[member] = rows[0]
    elif inner.type_name == "list":
        step = 2 if inner.member.members[rest[0]].type_name == "list" else 1
        elements = reply.setdefault(member, [])  # other tables may have their rows in the same list
        for chunk in (rows[place : place + step] for place in range(0, len(rows), step)):
            element: Members = {}
            _put_rows(element, inner.member, rest, chunk)
            elements.append(element)
    else:
        _put_rows(reply.setdefault(member, {}), inner, rest, rows)


def _identify(call: Call, listing: ListCall) -> str:
    """A list and its parameters, without those that differ from page to page."""
    without = {token.parameter for token in listing.tokens} | {listing.page_size_parameter}
    query = sorted((name, repr(value)) for name, value in call.parameters.items() if name not in without)
    return repr((call.operation, call.region, query))


def _put_value(reply: Members, path: str, value: Any) -> None:
    *outer, last = path.split(".")
    for member in outer:
        reply = reply.setdefault(member, {})
    reply[last] = value


def _is_path(expression: str) -> bool:
    return expression.replace(".", "").isidentifier()


def _make_token(output: Any, path: str, number: int, taken: Any) -> Any:
    """A value of the type that the reply has for a page token, as long as the parameter's shape wants it."""
    shape, name = output, ""
    for name in path.split("."):
        shape = shape.members[name]
    if shape.type_name != "string":
        return get_maker("service", "us-east-1", FIRST).make(shape, name, number)
    return "page-" + str(number).zfill(int(taken.metadata.get("min", 0)) - len("page-"))
