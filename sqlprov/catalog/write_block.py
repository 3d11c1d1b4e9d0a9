"""Parses the rules of the `write:` block and checks them against botocore's model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlprov.records import dataclass

from .column import ColumnSource
from .method import Method
from .methods import TableContext, read_write
from .nouns import strip_noun
from .read_calls import DescribeCall
from .service_model import build_shape, to_snake_case
from .shapes import Shape
from .write_rules import (
    DeleteRule,
    DesiredStateRule,
    InsertRule,
    SentParameter,
    Transition,
    UpdateRule,
    WriteRules,
)
from .yaml_nodes import Node, get_pairs, get_text

ALL = "all"


@dataclass(frozen=True)
class WriteContext:
    """The facts that the rules are checked against.

    Attributes:
        table: the table's columns, key and states.
        methods: all methods, by name.
        row: shape of a row that Describe returns.
    """

    table: TableContext
    methods: Mapping[str, Method]
    row: Shape

    def check_state(self, node: Node, name: str) -> None:
        """Refuse an unknown state, and a busy one, in which nothing can be written."""
        self.table.check_state(node, name)
        if name in self.table.state.busy:
            raise node.fail(f"{name} is under `busy:`; expected a state that is not busy")

    def check_parameter(self, node: Node, method: Method, name: str) -> str:
        """`name`, which must be a parameter of a method's call."""
        return node.check(f"parameter of {method.call}", name, method.input_shape.members)

    def list_keys(self, method: Method) -> tuple[str, ...]:
        """The parameters that the key fills."""
        return tuple(part.name for part in method.parameters if part.column in self.table.key)


def parse_write_block(
    node: Node | None, table: TableContext, methods: Iterable[Method], describe: DescribeCall | None
) -> WriteRules:
    """The rules of `write:`; its calls are among `methods`."""
    if node is None:
        return WriteRules()
    row = Shape("", "structure")
    if describe:
        row = build_shape(table.model.operation_model(describe.call).output_shape)
        for member in describe.item:
            row = row.members[member]
            row = row.item or row
    context = WriteContext(table, {method.name: method for method in methods}, row)
    blocks = node.read_pairs()
    update, delete = read_write(blocks.get("update"), "UPDATE"), read_write(blocks.get("delete"), "DELETE")
    update_rule = _parse_update(update, context)
    if update:
        _check_required(update["call"], context)
    desired = _parse_desired(blocks["desired"], context) if "desired" in blocks else None
    return WriteRules(
        insert=_parse_insert(read_write(blocks.get("insert"), "INSERT"), context),
        update=update_rule,
        delete=DeleteRule(
            _parse_before(get_pairs(delete, "before"), context, desired),
            delete["marks"].choose("column", table.columns) if "marks" in delete else "",
        ),
        desired=desired,
    )


def _parse_insert(block: Mapping[str, Node], context: WriteContext) -> InsertRule:
    if block:
        create = context.methods["create_resource"]
        given = {*create.returns, *(part.column for part in create.parameters)}
        for name in context.table.key:
            if name not in given:
                raise block["call"].fail(
                    f"{create.call} neither takes nor returns {name}, which identifies the row"
                )
    ignored: dict[str, str] = {}
    for entry in block["ignored"].items() if "ignored" in block else ():
        create, name, columns = context.methods["create_resource"], entry.read_text(), context.table.columns
        if name in create.input_shape.members:
            raise entry.fail(f"{create.call} takes {name}; expected a property that it does not take")
        properties = {column: "".join(map(str.capitalize, column.split("_"))) for column in columns}
        if to_snake_case(name) not in columns:
            entry.check("property", name, properties.values())
        ignored[name] = to_snake_case(name)
    notes: dict[str, str] = {}
    for name, text in get_pairs(block, "notes").items():
        notes[context.check_parameter(text, context.methods["create_resource"], name)] = text.read_text()
    replaces = _parse_flag(block, "replaces")
    name = get_text(block, "name")
    if name:
        context.check_parameter(block["name"], context.methods["create_resource"], name)
    elif replaces and (returns := context.methods["create_resource"].returns):
        raise block["replaces"].fail(
            f"the service sets {', '.join(returns)}; expected `name:` with the parameter that it ends with"
        )
    adds = block["adds"].read_strings() if "adds" in block else ()
    for each in adds:
        if (
            context.methods["create_resource"]
            .input_shape.members[
                context.check_parameter(block["adds"], context.methods["create_resource"], each)
            ]
            .value
            is None
        ):
            raise block["adds"].fail(f"{each} is not a map; expected one to which the service adds keys")
    column = _find_name_column(name, context) if name else ""
    return InsertRule(ignored, notes, replaces, name, column, adds)


def _find_name_column(parameter: str, context: WriteContext) -> str:
    """The column of the list that holds a parameter of the create, by name; empty if none does."""
    nouns, table = context.table.row.nouns, context.table
    names = [name for name, column in table.columns.items() if column.source is ColumnSource.LIST]
    known = [part.column for part in context.methods["create_resource"].parameters if part.name == parameter]
    known += [name for name in names if table.columns[name].path == (parameter,)]
    known += [name for name in names if strip_noun(name, nouns) == strip_noun(parameter, nouns)]
    return next((name for name in known if name in names), "")


def _parse_flag(block: Mapping[str, Node], name: str) -> bool:
    return name in block and block[name].choose("value", ("true", "false")) == "true"


def _parse_update(block: Mapping[str, Node], context: WriteContext) -> UpdateRule:
    previous: dict[str, str] = {}
    for name, flag in get_pairs(block, "previous").items():
        members = context.methods["update_resource"].input_shape.members
        item = members[flag.check("parameter", name, members)].item
        previous[name] = flag.choose("flag", item.members if item else members)
    when = _parse_when(block["when"], context) if "when" in block else {}
    return UpdateRule(when, _parse_flag(block, "whole"), previous)


def _check_required(node: Node, context: WriteContext) -> None:
    """Refuse an update with a required parameter that no column holds; it is sent from the described row."""
    update = context.methods["update_resource"]
    for part in update.parameters:
        if part.required and not part.column:
            raise node.fail(
                f"{update.call} requires {part.name}, which no column holds; expected a column of its name"
            )


def _parse_when(node: Node, context: WriteContext) -> dict[str, tuple[str, ...]]:
    update = context.methods["update_resource"]
    members = [name for name in update.input_shape.members if name not in context.list_keys(update)]
    when: dict[str, tuple[str, ...]] = {}
    for state, entries in node.read_pairs().items():
        context.check_state(entries, state)
        if entries.value == ALL:
            when[state] = tuple(members)
            continue
        for entry in entries.items():
            if entry.read_text() == ALL:
                raise entry.fail("expected `all` alone, or members that may change")
            _check_path(entry, entry.read_text(), update.call, update.input_shape, members)
        when[state] = entries.read_strings()
    return when


def _check_path(node: Node, path: str, root: str, shape: Shape, members: Iterable[str]) -> None:
    """Refuse a path that the shape does not have; the path passes through lists. `root` names the shape."""
    for member in path.split("."):
        node.check(f"member of {root}", member, members)
        shape, root = shape.members[member], f"{root}.{member}"
        while shape.item is not None:
            shape = shape.item
        members = shape.members


def _parse_before(
    pairs: Mapping[str, Node], context: WriteContext, desired: DesiredStateRule | None
) -> dict[str, str]:
    transitions = {transition.method: transition for transition in desired.by} if desired else {}
    before: dict[str, str] = {}
    for state, node in pairs.items():
        context.check_state(node, state)
        method = node.choose("method of desired", transitions)
        if state not in transitions[method].from_:
            raise node.fail(f"{method} is not called in state {state}; expected it under its `from:`")
        before[state] = method
    return before


def _parse_desired(node: Node, context: WriteContext) -> DesiredStateRule:
    block = node.read_block(["column", "by"], ["reason"])
    for name in ("column", "reason"):
        if name in block:
            block[name].choose("column", context.table.columns)
    execs = [name for name, method in context.methods.items() if method.verb == "EXEC"]
    transitions = tuple(
        _parse_transition(entry, context.methods[entry.check("method under exec", name, execs)], context)
        for name, entry in block["by"].read_pairs().items()
    )
    return DesiredStateRule(block["column"].read_text(), get_text(block, "reason"), transitions)


def _parse_transition(node: Node, method: Method, context: WriteContext) -> Transition:
    block = node.read_block(["from"], ["desired", "reason", "send", "instead"])
    if not method.until:
        raise node.fail(f"exec {method.name!r} has no `until:`; expected the states that it leads to")
    for state in block["from"].read_strings():
        context.check_state(block["from"], state)
    desired, reason = (
        context.check_parameter(block[key], method, block[key].read_text()) if key in block else ""
        for key in ("desired", "reason")
    )
    send = tuple(
        _parse_sent_parameter(name, value, method, context)
        for name, value in get_pairs(block, "send").items()
    )
    filled = {*context.list_keys(method), desired, *(sent.parameter for sent in send)}
    for parameter in method.input_shape.required:
        if parameter not in filled:
            raise node.fail(f"{method.call} requires {parameter}; expected it under `send:`")
    instead: dict[str, str] = {}
    for member, takes in get_pairs(block, "instead").items():
        if "update_resource" not in context.methods:
            raise takes.fail("expected `update:` beside `desired:`, whose members these are")
        context.check_parameter(takes, context.methods["update_resource"], member)
        instead[member] = context.check_parameter(takes, method, takes.read_text())
    return Transition(method.name, block["from"].read_strings(), desired, reason, send, instead)


def _parse_sent_parameter(name: str, node: Node, method: Method, context: WriteContext) -> SentParameter:
    shape = method.input_shape.members[context.check_parameter(node, method, name)]
    if isinstance(node.value, str):
        return SentParameter(name, _check_enum(node, shape))
    pairs = node.read_pairs()
    if shape.value is None:
        raise node.fail(f"expected text for {name}, which is not a map")
    if len(pairs) != 1:
        raise node.fail(f"expected one `Member.Of.The.Row: value` for {name}, found several")
    ((path, value),) = pairs.items()
    _check_path(value, path, "the row", context.row, context.row.members)
    return SentParameter(name, _check_enum(value, shape.value), tuple(path.split(".")))


def _check_enum(node: Node, shape: Shape) -> str:
    """The text of `node`, which must be in the shape's enum if it has one."""
    known = shape.constraint.enum
    return node.choose(f"value of {shape.name}", known) if known else node.read_text()
