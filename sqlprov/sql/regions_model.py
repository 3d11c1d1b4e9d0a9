"""What the region analysis is about: references to live tables, and where the values of their `region` go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from sqlglot import exp

Names: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A condition that every row of a reference must pass, if it is to matter, by its region alone.

    Attributes:
        text: the user's words, for messages.
        question: SELECT with one column `region`, the regions that pass; `None` if it cannot be asked before the
            statement (`random()`).
        asked: all that the question tries, in the user's words.
        direct: the same condition on a column `region`, where it is one that DuckDB always hands to the scan.
        pushed: DuckDB should hand it to the scan by itself.
    """

    text: str
    question: str | None
    asked: str
    direct: str | None
    pushed: bool


@dataclass(eq=False)
class Ref:
    """One reference to a live table.

    Attributes:
        node: the table in the syntax tree.
        name: as written, for messages.
        editable: it stands in the user's own text and is read, not written.
        qualified: a column is written with more than the table's last name (`sagemaker.models.name`).
        parts: its own conditions.
    """

    node: exp.Table
    name: str
    editable: bool
    qualified: bool = False
    parts: list[Part] = field(default_factory=list)

    @property
    def table(self) -> str:
        """The table's last name in lower case: two tables of one name count as one, which is the safe side."""
        return self.node.name.lower()


@dataclass(eq=False)
class Link:
    """`left.region = right.region`.

    Attributes:
        down, up: the regions of left limit those of right, and the reverse.
        filters_left, filters_right: a row without partner is lost, so a scope too small loses rows.
        text: the user's words, for messages.
    """

    left: Ref
    right: Ref
    down: bool
    up: bool
    filters_left: bool
    filters_right: bool
    text: str


@dataclass(frozen=True)
class Problem:
    """A condition on the regions of `refs` that cannot be evaluated; harmless where each has a scope already."""

    refs: frozenset[Ref]
    text: str


@dataclass(frozen=True)
class Carrier:
    """What a value tells about regions.

    Attributes:
        refs: it depends on the region of these.
        links: it shows whether one of these found a partner.
        exact: it is the region of one of these (several: UNION), unchanged.
        open: a condition on it may be moved into the scans of `exact`.
        walled: DuckDB does not move it there by itself.
    """

    refs: frozenset[Ref] = frozenset()
    links: frozenset[Link] = frozenset()
    exact: tuple[Ref, ...] = ()
    open: bool = False
    walled: bool = False

    def __or__(self, other: Carrier) -> Carrier:
        return Carrier(self.refs | other.refs, self.links | other.links)

    def __bool__(self) -> bool:
        return bool(self.refs or self.links)

    def blurred(self) -> Carrier:
        """The same without the claim that it is the region itself."""
        return Carrier(self.refs, self.links)

    def closed(self) -> Carrier:
        """The same, where conditions stop (LIMIT, a CTE used twice)."""
        return Carrier(self.refs, self.links, self.exact)


NOTHING = Carrier()


def union(carriers: Iterable[Carrier]) -> Carrier:
    """What several values tell together."""
    result = NOTHING
    for carrier in carriers:
        result = result | carrier
    return result


class Kind(Enum):
    """Where the rows of a relation come from."""

    LIVE = "live"  # calls
    FREE = "free"  # no call: it may be read before the statement
    DERIVED = "derived"  # a query over live tables
    OTHER = "other"  # not known


Columns: TypeAlias = dict[str, Carrier]


@dataclass(eq=False)
class Relation:
    """An entry of FROM, or what a query gives.

    Attributes:
        alias: the name it is referred to by, in lower case.
        node: its entry in the syntax tree.
        columns: the columns known to carry something, by name in lower case.
        rest: what any other column carries.
        order: every column in order, where there is no `*`.
        shape: equal for two relations whose columns stand in the same order; empty if unknown.
        path: names of a table as written, in lower case.
        shadow: what it tells to find a row of this relation at all: it stands on the outer side of a join.
        correlated: what it takes from the queries around it.
    """

    alias: str
    node: exp.Expr
    kind: Kind
    columns: Columns = field(default_factory=dict)
    rest: Carrier = NOTHING
    order: list[tuple[str, Carrier]] | None = None
    shape: str = ""
    path: tuple[str, ...] = ()
    shadow: Carrier = NOTHING
    correlated: Carrier = NOTHING

    def column(self, name: str) -> Carrier:
        """What column `name` carries."""
        return self.columns.get(name, self.rest)

    def whole(self) -> Carrier:
        """What a row carries."""
        return union([*self.columns.values(), self.rest])


class Op(Enum):
    """How a join treats rows without partner."""

    INNER = "inner"
    LEFT = "left"
    RIGHT = "right"
    FULL = "full"
    SEMI = "semi"
    ANTI = "anti"
    ASOF = "asof"
    ASOF_LEFT = "asof left"
    FIXED = "fixed"  # POSITIONAL, SAMPLE: a condition above cannot be moved below


@dataclass(eq=False)
class Join:
    """One join; `left` and `right` are all relations below each side, `pairs` the columns that USING equates."""

    op: Op
    left: frozenset[Relation]
    right: frozenset[Relation]
    on: exp.Expr | None = None
    text: str = ""
    pairs: list[tuple[str, Relation | None, Carrier, Relation, Carrier]] = field(default_factory=list)
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        # DuckDB moves conditions below an inner, left or right join, not below these, whatever they come down to.
        self.plain = self.op not in (Op.FULL, Op.ASOF, Op.ASOF_LEFT, Op.FIXED)

    def outer(self) -> frozenset[Relation]:
        """The relations whose rows it may replace by NULL, or chooses before a condition above is applied."""
        if self.op in (Op.LEFT, Op.ASOF, Op.ASOF_LEFT, Op.ANTI):
            return self.right
        if self.op is Op.RIGHT:
            return self.left
        return self.left | self.right if self.op in (Op.FULL, Op.FIXED) else frozenset()

    def sides(self) -> frozenset[Relation]:
        """Every relation below."""
        return self.left | self.right


@dataclass(eq=False)
class Cte:
    """A common table expression: `relation` is what it gives, `free` if it may be read before the statement."""

    node: exp.CTE
    recursive: bool
    free: bool
    relation: Relation | None = None


@dataclass(eq=False)
class Scope:
    """The FROM of one SELECT and the scopes around it.

    Attributes:
        filtering: it stands where it filters the rows of `outer` (WHERE, ON, a lateral table).
        merged: columns that USING or NATURAL made one, and the relation each is read from.
        aliases: names of the select list, which WHERE may use.
        correlated: what its conditions take from the scopes around it.
    """

    outer: Scope | None
    filtering: bool
    ctes: dict[str, Cte]
    relations: list[Relation] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    merged: dict[str, tuple[Carrier, Relation | None]] = field(default_factory=dict)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    correlated: Carrier = NOTHING

    def nulled(self, relation: Relation, below: Join | None) -> bool:
        """Whether a join under `below` (`None`: under WHERE) keeps conditions away from `relation`."""
        return any(relation in join.outer() for join in self.joins if self.under(join, below))

    def under(self, join: Join, level: Join | None) -> bool:
        """Whether `join` is made before the conditions of `level` (`None`: WHERE) are applied."""
        return join is not level and (level is None or join.sides() <= level.sides())

    def hidden(self) -> frozenset[Relation]:
        """The relations that only the ON of their own join sees."""
        return frozenset(r for join in self.joins if join.op in (Op.SEMI, Op.ANTI) for r in join.right)


@dataclass(frozen=True)
class Use:
    """What a column refers to.

    Attributes:
        carrier: what it carries from the scope it is written in.
        relation: its relation in that scope, if it is known.
        outer: what it may carry from scopes around, each with whether it filters that scope.
    """

    carrier: Carrier
    relation: Relation | None
    outer: tuple[tuple[Carrier, bool], ...] = ()


class World:
    """What the caller knows about names, and what the walk has found so far."""

    def __init__(
        self,
        text: str,
        live: Callable[[Names], bool],
        free: Callable[[Names], bool],
        known: str,
        view: Callable[[Names], str | None],
    ) -> None:
        self.text, self.live, self.free, self.known, self.view = text, live, free, known, view
        self.refs: list[Ref] = []
        self.links: list[Link] = []
        self.problems: list[Problem] = []
        self.depth = 0

    def macro(self, name: str) -> str | None:
        """The text of the user's macro `name`."""
        return self.view((name,))
