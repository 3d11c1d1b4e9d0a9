"""Whether a statement uses a column only to show, group and sort rows, or to decide which rows there are.

DuckDB answers most of this question: a scan that gets a condition on the column, or does not ask for it, needs nothing
from here. This module is asked only about scans that request the column without a condition on it. Any use
that is not clearly "shown" counts as "decides"; a wrong "decides" costs calls and never rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum

from sqlglot import exp

from sqlprov.records import dataclass
from sqlprov.sql.lexer import TokenKind, tokenize
from sqlprov.sql.query import parse_tree

_CONNECTORS = (
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.Where, exp.Join, exp.Having, exp.Qualify),
    *(exp.Query, exp.Group, exp.Order),
)
IsLive = Callable[[tuple[str, ...]], bool]

_UNCLEAR = (exp.Pivot, exp.PositionalColumn, exp.Merge, exp.Command)
"""They use whole rows, or refer to columns without their names."""


@dataclass(frozen=True)
class ColumnUse:
    """How a statement uses a column.

    Attributes:
        decides: whether it may affect which rows are returned.
        renamed: whether something other than the column may have its name.
    """

    decides: bool
    renamed: bool


class _Role(Enum):
    """Where the rows of a SELECT go."""

    RESULT = "result"
    TABLE = "table"  # in FROM or a CTE, where they keep the names of their columns
    EXISTS = "exists"
    VALUE = "value"  # part of an expression


def find_use(texts: Sequence[str], column: str, is_live: IsLive) -> ColumnUse:
    """How a statement uses `column` of the live tables that it reads.

    Args:
        texts: the statement, then the query of each view and macro that it reaches.
        column: its name in lower case.
        is_live: whether a relation's name, in parts, certainly means a live table.
    """
    try:
        uses = [_find_use(text, column, is_live, nested=at > 0) for at, text in enumerate(texts)]
    except Exception:  # this sqlglot version builds a different tree
        return ColumnUse(decides=True, renamed=True)
    return ColumnUse(
        decides=any(use.decides for use in uses),
        renamed=len(uses) > 1 or any(use.renamed for use in uses),
    )


def is_compared(texts: Sequence[str], member: str) -> bool:
    """Whether a condition of a statement compares a member; IS NULL does not.

    Args:
        texts: the statement, then the query of each view and macro that it reaches.
        member: its path, such as `environment.Variables`; in a list of names and values, the list's name counts.
    """
    *outer, name = member.lower().split(".")
    if outer and name == "value":
        name = outer[-1]
    trees = (tree for text in texts if (tree := parse_tree(text)) is not None)
    return any(_is_compared(node) for tree in trees for node in _find_in_conditions(tree, name))


def _find_in_conditions(tree: exp.Expr, name: str) -> Iterator[exp.Expr]:
    joins = (
        part
        for join in tree.find_all(exp.Join)
        for part in (join.args.get("on"), *(join.args.get("using") or ()))
    )
    for condition in (*tree.find_all(exp.Where, exp.Having, exp.Qualify), *filter(None, joins)):
        for node in condition.find_all(exp.Identifier, exp.JSONPathKey, exp.Literal):
            in_brackets = not isinstance(node, exp.Literal) or isinstance(node.parent, exp.Bracket)
            if node.name.lower() == name and in_brackets:
                yield node


def _is_compared(node: exp.Expr) -> bool:
    return not (node.parent and isinstance(node.parent.parent, exp.Is))


def _find_use(text: str, column: str, is_live: IsLive, *, nested: bool) -> ColumnUse:
    tree = parse_tree(text)
    if tree is None:
        return ColumnUse(decides=True, renamed=True)
    statement = _Statement(tree, column, is_live, nested)
    mentions = 0
    for token in tokenize(text):
        value = token.value.lower()
        mentions += value == column if token.kind in (TokenKind.WORD, TokenKind.QUOTED) else False
        mentions += token.kind is TokenKind.STRING and column in value
    shown, named = statement.count_shown(), statement.count_named()
    return ColumnUse(
        # A mention that the tree does not show as a column, such as in a string, may mean anything.
        decides=shown < mentions or shown < named or statement.has_unclear_rows(),
        renamed=named != mentions or statement.has_namesake(),
    )


class _Statement:
    def __init__(self, tree: exp.Expr, column: str, is_live: IsLive, nested: bool) -> None:
        self.tree, self.column, self.nested = tree, column, nested
        self.columns = [node for node in tree.find_all(exp.Column) if node.name.lower() == column]
        targets = {id(node.find(exp.Table)) for node in tree.find_all(exp.Create, exp.Insert)}
        # Name or alias of a relation -> whether it is a live table wherever it occurs.
        self.live: dict[str, bool] = {}
        self.makes_columns = any(map(_makes_columns, tree.find_all(exp.Explode, exp.Dot)))
        self.only_live = not self.makes_columns and tree.find(exp.Unnest, exp.Values) is None
        for table in tree.find_all(exp.Table):
            if id(table) in targets:
                continue
            is_cte = find_cte(table) is not None
            live = not is_cte and is_live(tuple(part.name for part in table.parts))
            self.only_live &= live or is_cte
            for name in {table.alias_or_name.lower(), table.name.lower()}:
                self.live[name] = self.live.get(name, True) and live
        for alias in tree.find_all(exp.TableAlias):
            if not isinstance(alias.parent, exp.Table):
                self.live[alias.name.lower()] = False

    # The column by its name

    def count_named(self) -> int:
        """How often the statement names the column."""
        return len(self.columns) + len(self._find_in_using()) + len(self._find_in_targets())

    def count_shown(self) -> int:
        """How often it names the column only to show, group or sort, or to pair rows of the same value."""
        using = self._find_in_using() if self.only_live else []
        return sum(map(self._is_shown, self.columns)) + len(using) + len(self._find_in_targets())

    def _find_in_using(self) -> list[exp.Expr]:
        joins = self.tree.find_all(exp.Join)
        return [
            name
            for join in joins
            for name in join.args.get("using") or ()
            if name.name.lower() == self.column
        ]

    def _find_in_targets(self) -> list[exp.Expr]:
        """The column in `INSERT INTO t (region, …)`."""
        schemas = (insert.this for insert in self.tree.find_all(exp.Insert))
        names = (name for schema in schemas if isinstance(schema, exp.Schema) for name in schema.expressions)
        return [name for name in names if name.name.lower() == self.column]

    def _is_shown(self, node: exp.Column) -> bool:
        parent = node.parent
        if isinstance(parent, exp.EQ):
            return self._is_pair(parent)
        if isinstance(parent, exp.Star):
            return node.arg_key == "except_"
        query = node.find_ancestor(exp.Select, exp.SetOperation)
        if query is None or self._find_role(query) not in (_Role.RESULT, _Role.TABLE):
            return False
        if isinstance(parent, exp.Ordered):
            return isinstance(parent.parent, exp.Order) and parent.parent.parent is query
        if isinstance(parent, exp.Alias) and parent.parent is query:
            return self._find_role(query) is _Role.RESULT and self._is_only_sorted(parent.alias.lower())
        return parent is query or (isinstance(parent, exp.Group) and node.arg_key == "expressions")

    def _is_pair(self, equal: exp.EQ) -> bool:
        """Whether it is the condition `a.region = b.region` of live tables, which pairs rows of the same scope."""
        condition: exp.Expr = equal
        while isinstance(condition.parent, exp.And | exp.Paren):
            condition = condition.parent
        if not isinstance(condition.parent, exp.Join | exp.Where):
            return False
        sides = (equal.this, equal.expression)
        if not all(isinstance(side, exp.Column) and side.name.lower() == self.column for side in sides):
            return False
        return self.only_live or all(self.live.get(side.table.lower(), False) for side in sides)

    def _is_only_sorted(self, alias: str) -> bool:
        """Whether an alias of the outermost SELECT is used for nothing but grouping and sorting."""
        uses = [node for node in self.tree.find_all(exp.Column) if node.name.lower() == alias]
        return alias == self.column or all(isinstance(node.parent, exp.Group | exp.Ordered) for node in uses)

    def _find_role(self, query: exp.Expr) -> _Role:
        node = query
        while isinstance(node.parent, exp.SetOperation | exp.Subquery):
            node = node.parent
        match node.parent:
            case exp.From() | exp.Join() | exp.Lateral() | exp.CTE():
                return _Role.TABLE
            case exp.Exists():
                return _Role.EXISTS
            case None | exp.Create() | exp.Insert() | exp.Copy() | exp.Describe() | exp.Summarize():
                return _Role.TABLE if self.nested else _Role.RESULT
        return _Role.VALUE

    # Uses of the column without its name

    def has_unclear_rows(self) -> bool:
        """Whether whole rows, or columns by their places, may decide something."""
        if self.tree.find(*_UNCLEAR) or any(join.method for join in self.tree.find_all(exp.Join)):
            return True
        if any(_is_query_function(node) for node in self.tree.find_all(exp.Anonymous)):
            return True
        rows = self._find_whole_rows()
        return (
            any(_renames_columns(alias, self.column) for alias in self.tree.find_all(exp.TableAlias))
            or any(isinstance(node.this, exp.Schema) for node in self.tree.find_all(exp.Create))
            or any(not self._may_shift(node) for node in self.tree.find_all(exp.SetOperation))
            or not all(self._is_row_shown(node) for node in rows)
        )

    def _find_whole_rows(self) -> Iterator[exp.Expr]:
        for node in self.tree.find_all(exp.Star, exp.Columns, exp.Column):
            if isinstance(node, exp.Column) and (node.is_star or not self._is_relation(node.name.lower())):
                continue
            yield node.parent if isinstance(node, exp.Star) and isinstance(node.parent, exp.Column) else node

    def _is_relation(self, name: str) -> bool:
        return name in self.live or name.startswith("unnamed_subquery")  # DuckDB's alias

    def _is_row_shown(self, node: exp.Expr) -> bool:
        """Whether `*`, `t.*`, `COLUMNS(…)` or `t` is a column of a result, alone or in one function."""
        parent = node.parent
        if isinstance(node, exp.Star | exp.Column) and isinstance(parent, exp.Count):
            return True
        is_star = isinstance(node, exp.Star) or (isinstance(node, exp.Column) and node.is_star)
        if is_star and isinstance(parent, exp.Select):
            return self._find_role(parent) is not _Role.VALUE
        if isinstance(parent, exp.Alias):
            parent = parent.parent
        if isinstance(parent, exp.Func | exp.Cast) and not isinstance(parent, exp.AggFunc):
            parent = parent.parent.parent if isinstance(parent.parent, exp.Alias) else parent.parent
        return isinstance(parent, exp.Select) and self._find_role(parent) is _Role.RESULT

    def _may_shift(self, operation: exp.SetOperation) -> bool:
        """Whether a set operation keeps each column under its name: as a result, or with the column at one place.

        EXCEPT and INTERSECT compare rows of the same scope, if they are of live tables.
        """
        if isinstance(operation, exp.Except | exp.Intersect):
            if not self.only_live:
                return False
        elif self._find_role(operation) is _Role.RESULT or operation.args.get("by_name"):
            return True
        places = set()
        for query in _list_operands(operation):
            if not isinstance(query, exp.Select) or (query.is_star and not _shows_one_table(query)):
                return False
            columns = tuple(item.output_name.lower() == self.column for item in query.expressions)
            places.add((columns, query.args["from_"].sql() if query.is_star else ""))
        return len(places) == 1

    def has_namesake(self) -> bool:
        """Whether an alias, a field or a column of something else may have the column's name."""
        for node in self.tree.find_all(exp.Alias, exp.TableAlias, exp.Star):
            if isinstance(node, exp.Star) and (node.args.get("replace") or node.args.get("rename")):
                return True
            names = [node.alias, *(name.name for name in node.args.get("columns") or ())]
            if self.column in (name.lower() for name in names):
                return True
        stars = [node for node in self.tree.find_all(exp.Column) if node.is_star]
        qualifiers = {node.table.lower() for node in (*self.columns, *stars) if node.table}
        return (
            self.makes_columns
            or not qualifiers <= self.live.keys()
            or any(map(self._is_compared, self.columns))
            or self.has_unclear_rows()
        )

    def _is_compared(self, node: exp.Column) -> bool:
        """Whether a condition has other columns too: DuckDB may then read one of them under the name of this one.

        It does so where it turns a correlated sub-query into a join. With `IS NOT DISTINCT FROM`, NULL finds a partner.
        """
        condition: exp.Expr = node
        while isinstance(condition.parent, exp.Expr) and not isinstance(condition.parent, _CONNECTORS):
            condition = condition.parent
        return isinstance(condition, exp.NullSafeEQ | exp.NullSafeNEQ) or any(
            column.name.lower() != self.column and column.parent_select is node.parent_select
            for column in condition.find_all(exp.Column)
        )


def _list_operands(query: exp.Expr) -> Iterator[exp.Expr]:
    """The queries whose rows a set operation combines."""
    if isinstance(query, exp.SetOperation):
        yield from _list_operands(query.this.unnest())
        yield from _list_operands(query.expression.unnest())
    else:
        yield query


def _shows_one_table(query: exp.Select) -> bool:
    """Whether it is `SELECT * FROM t`, whose columns are those of the same query of the same table."""
    return len(query.expressions) == 1 and "from_" in query.args and not query.args.get("joins")


def _is_query_function(node: exp.Anonymous) -> bool:
    return node.name.lower() in ("query", "query_table")


def find_cte(table: exp.Table) -> exp.CTE | None:
    """The CTE that the name of a table means; in the CTE's own query the name is another table's."""
    if len(table.parts) > 1:
        return None
    name, inside, node = table.name.lower(), None, table.parent
    while node is not None:
        if isinstance(node, exp.CTE):
            inside = node
        elif with_ := node.args.get("with_"):
            visible: list[exp.CTE] = list(with_.expressions)
            for at, cte in enumerate(visible):
                if cte is inside:
                    visible = visible[: at + bool(with_.recursive)]
                    break
            for cte in visible:
                if cte.alias.lower() == name:
                    return cte
        node = node.parent
    return None


def _makes_columns(node: exp.Expr) -> bool:
    """Whether it is `unnest(s)` or `(s).*` in SELECT, whose columns have the names of the fields of a struct."""
    return isinstance(node, exp.Explode) or isinstance(node.expression, exp.Star)


def _renames_columns(alias: exp.TableAlias, column: str) -> bool:
    """Whether `AS t(a, b)` may give a new name to a column: of a table, or of a query that may return it."""
    relation = alias.parent
    if isinstance(relation, exp.CTE | exp.Subquery):
        names = relation.this.find_all(exp.Star, exp.Columns, exp.Column)
        if not any(not isinstance(node, exp.Column) or node.name.lower() == column for node in names):
            return False
    makes_values = isinstance(relation, exp.Unnest | exp.Values) or (
        isinstance(relation, exp.Table) and isinstance(relation.this, exp.Func)
    )
    return bool(alias.args.get("columns")) and not makes_values
