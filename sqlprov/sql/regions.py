"""A statement's text in; the regions it means for each live table out, as questions and as a splice of the text.

DuckDB hands a scan only some conditions (`=`, IN, AND, OR …), and not from everywhere. Where a statement limits
`region` by another one (LIKE, a sub-query, a join), the condition is tried on the known regions first, and the table
it limits is replaced by `(SELECT * FROM table WHERE region IN (…))`; a view is replaced by its query for that. What
cannot be tried is named in `Analysis.unresolved`, and what is left to DuckDB in `Analysis.relied`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from sqlprov.sql.regions_decide import ADVICE, Edit, decide
from sqlprov.sql.regions_model import Names, Scope, World
from sqlprov.sql.regions_text import Source
from sqlprov.sql.regions_views import expanded, reaches_region
from sqlprov.sql.regions_walk import Walk

_NESTED = 8
"""Views within views that are replaced by their queries."""


@dataclass(frozen=True)
class Analysis:
    """What a statement means by region.

    Attributes:
        text: the statement.
        questions: SELECT statements with one VARCHAR column `region`; they read no live table. A `?` of the
            statement is `$1`, `$2` … in them. If DuckDB refuses one, go on with `refused()`.
        conditions: what each question stands for, as the statement writes it.
        unresolved: `None` if each condition on region is in a splice or reaches the scan through DuckDB; else one
            sentence, for the error that a scan without a condition on region then raises.
        relied: last names, in lower case, of the tables that have a condition wherever they are read: a scan of
            one without a condition on region is none of a default region.
    """

    text: str
    questions: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    unresolved: str | None = None
    edits: tuple[Edit, ...] = ()
    relied: frozenset[str] = frozenset()

    def splice(self, answers: Sequence[Sequence[str]]) -> str:
        """The statement with the answers to `questions`, in their order, in place."""
        text = self.text
        for edit in sorted(self.edits, key=lambda edit: edit.start, reverse=True):
            condition = edit.condition or _among(answers[edit.question])
            table = text[edit.start : edit.end + 1]
            text = f"{text[: edit.start]}(SELECT * FROM {table} WHERE {condition}){edit.alias}{text[edit.end + 1 :]}"
        return text

    def refused(self) -> Analysis:
        """The same without questions: DuckDB says what is wrong with the statement, or its scans raise."""
        if not self.questions:
            return self
        unresolved = self.unresolved or f"The conditions on region cannot be evaluated beforehand: {ADVICE}."
        return Analysis(self.text, unresolved=unresolved)


def _among(regions: Sequence[str]) -> str:
    texts = ", ".join("'" + region.replace("'", "''") + "'" for region in regions)
    return f"region IN ({texts})" if texts else "false"


def uses_region(text: str) -> bool:
    """Whether the word `region` occurs, as a word of its own or within one."""
    return "region" in text.lower()


def analyse(
    text: str,
    live: Callable[[Names], bool],
    free: Callable[[Names], bool],
    known: str,
    view: Callable[[Names], str | None],
    inline: Callable[[Names], str | None] = lambda parts: None,
) -> Analysis:
    """What one statement means by region.

    Args:
        text: the statement that DuckDB is going to run.
        live: whether a name, as written, is a live table with a column `region`.
        free: whether a name is a relation that makes no call (a local table, a file, `aws.regions`).
        known: SQL of a relation with one column `region`, every region there is, such as `(SELECT …)`.
        view: the SELECT of a view, a table macro or a macro of the user; else `None`.
        inline: the SELECT of a view that means the same where the view is named; else `None`.
    """

    def once(text: str) -> Analysis:
        return _analysed(text, World(text, live, free, known, view))

    first = found = once(text)
    # A view's own text cannot be spliced; in the statement it can.
    for _ in range(_NESTED):
        longer = expanded(found.text, inline) if found.unresolved is not None else None
        if longer is None:
            break
        found = once(longer)
    return first if found.unresolved is not None else found


def _analysed(text: str, world: World) -> Analysis:
    source = Source.read(text)
    if source is None:
        return _unread(text, world)
    if source.word(0) == "EXECUTE":
        sentence = f"EXECUTE does not show which regions the prepared statement means: {ADVICE}."
        return Analysis(text, unresolved=sentence)
    source = source.numbered()
    tree = source.tree()
    if tree is None or tree.find(exp.Command):
        return _unread(text, world)
    try:
        _statement(Walk(world, source, tree, editable=True), tree)
    except RecursionError:
        return _unread(text, world)
    made = decide(world, source)
    spliced = source.text if made.edits else text
    return Analysis(spliced, made.questions, made.conditions, made.unresolved, made.edits, made.relied)


def _unread(text: str, world: World) -> Analysis:
    if not reaches_region(text, world.view):
        return Analysis(text)
    return Analysis(text, unresolved=f"Which regions the statement means cannot be read from it: {ADVICE}.")


def _statement(walk: Walk, tree: exp.Expr) -> None:
    """Walk a statement of any kind."""
    if isinstance(tree, (exp.Create, exp.Describe)) and (tree.args.get("kind") or "").upper() != "TABLE":
        return  # defines or describes, reads nothing
    ctes = walk.ctes(tree, None, {}) if not isinstance(tree, exp.Query) else {}
    body = tree.args.get("expression") if isinstance(tree, (exp.Create, exp.Insert)) else tree
    target = tree.find(exp.Table) if isinstance(tree, exp.Insert | exp.Create) else None
    if isinstance(tree, (exp.Copy, exp.Summarize)):
        body = tree.this
    scope = Scope(None, True, ctes)
    if isinstance(tree, (exp.Delete, exp.Update)):
        _change(walk, scope, tree)
    elif isinstance(body, exp.Query):
        walk.query(body, None, True, ctes)
    elif isinstance(body, (exp.Pivot, exp.Table)):
        walk.enter(scope, body)
    elif isinstance(body, (exp.Values, exp.Set)):
        walk.judge.carried(scope, body)
    walk.missed(tree, target)


def _change(walk: Walk, scope: Scope, tree: exp.Delete | exp.Update) -> None:
    """The WHERE of a DELETE or UPDATE, whose target cannot become a query."""
    using, start = tree.args.get("using") or [], tree.args.get("from_")
    sources = [tree.this, *using, *([start.this] if start is not None else [])]
    for node in sources:
        walk.tree(scope, node, [])
    for ref in walk.world.refs:
        ref.editable = ref.editable and ref.node is not tree.this
    where = tree.args.get("where")
    walk.judge.conditions(scope, where.this if where else None, [])
    for item in tree.expressions:
        walk.judge.carried(scope, item)
