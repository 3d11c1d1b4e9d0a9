"""A statement's text in; the regions it means for each live table out, as questions and as a splice of the text.

DuckDB hands a scan only some conditions (`=`, IN, AND, OR …). Where a statement limits `region` by another one
(LIKE, a sub-query, a join), the condition is tried on the known regions first, and the table it limits is replaced
by `(SELECT * FROM table WHERE region IN (…))`. What cannot be tried is named in `Analysis.unresolved`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from sqlprov.statements.regions_model import Names, Part, Ref, Scope, World
from sqlprov.statements.regions_text import Source
from sqlprov.statements.regions_walk import Walk

_ADVICE = "write region = '…' or region IN ('…') for it, or SET sqlprov_regions = 'all'"


@dataclass(frozen=True)
class _Edit:
    """The table's name at `start`..`end` becomes a query over the regions that every one of `questions` allows."""

    start: int
    end: int
    alias: str
    question: int


@dataclass(frozen=True)
class Analysis:
    """What a statement means by region.

    Attributes:
        text: the statement.
        questions: SELECT statements with one VARCHAR column `region`; they read no live table and hold no
            parameter. If DuckDB refuses one, go on with `refused()`.
        unresolved: `None` if each condition on region is in a splice or reaches the scan through DuckDB; else one
            sentence, for the error that a scan without a condition on region then raises.
    """

    text: str
    questions: tuple[str, ...] = ()
    unresolved: str | None = None
    edits: tuple[_Edit, ...] = ()

    def splice(self, answers: Sequence[Sequence[str]]) -> str:
        """The statement with the answers to `questions`, in their order, in place."""
        text = self.text
        for edit in sorted(self.edits, key=lambda edit: edit.start, reverse=True):
            regions = ", ".join("'" + region.replace("'", "''") + "'" for region in answers[edit.question])
            condition = f"region IN ({regions})" if regions else "false"
            table = text[edit.start : edit.end + 1]
            text = f"{text[: edit.start]}(SELECT * FROM {table} WHERE {condition}){edit.alias}{text[edit.end + 1 :]}"
        return text

    def refused(self) -> Analysis:
        """The same without questions: DuckDB says what is wrong with the statement, or its scans raise."""
        if not self.questions:
            return self
        unresolved = self.unresolved or f"The conditions on region cannot be evaluated beforehand: {_ADVICE}."
        return Analysis(self.text, unresolved=unresolved)


def uses_region(text: str) -> bool:
    """Whether the word `region` occurs, as a word of its own or within one."""
    return "region" in text.lower()


def analyse(
    text: str,
    live: Callable[[Names], bool],
    free: Callable[[Names], bool],
    known: str,
    view: Callable[[Names], str | None],
) -> Analysis:
    """What one statement means by region.

    Args:
        text: the statement that DuckDB is going to run.
        live: whether a name, as written, is a live table with a column `region`.
        free: whether a name is a relation that makes no call (a local table, a file, `aws.regions`).
        known: SQL of a relation with one column `region`, every region there is, such as `(SELECT …)`.
        view: the SELECT of a view, a table macro or a macro of the user; else `None`.
    """
    source = Source.read(text)
    if source is None:
        return _unread(text)
    if source.word(0) == "EXECUTE":
        sentence = f"EXECUTE does not show which regions the prepared statement means: {_ADVICE}."
        return Analysis(text, unresolved=sentence)
    if source.opaque:
        return _unread(text)
    try:
        trees = parse(text, dialect="duckdb")
    except (SqlglotError, RecursionError):
        return _unread(text)
    if len(trees) != 1 or trees[0] is None:
        return _unread(text)
    tree = trees[0]
    world = World(live, free, known, view)
    try:
        if not _statement(Walk(world, text, tree, editable=True), tree):
            return _unread(text)
    except RecursionError:
        return _unread(text)
    return _decide(text, world, source)


def _unread(text: str) -> Analysis:
    if not uses_region(text):
        return Analysis(text)
    return Analysis(text, unresolved=f"Which regions the statement means cannot be read from it: {_ADVICE}.")


def _statement(walk: Walk, tree: exp.Expr) -> bool:
    """Walk a statement of any kind; `False` if it is opaque."""
    if isinstance(tree, exp.Command):
        return False
    if isinstance(tree, (exp.Create, exp.Describe)) and (tree.args.get("kind") or "").upper() != "TABLE":
        return True  # defines or describes, reads nothing
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
    walk.missed(tree, target)
    return True


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


def _decide(text: str, world: World, source: Source) -> Analysis:
    """Carry the conditions over the links, and see which references are left without."""
    parts = {ref: _reached(ref, world) for ref in world.refs}
    questions: list[str] = []
    edits: list[_Edit] = []
    trouble: list[tuple[str, Ref | None]] = []
    for problem in world.problems:
        lost = [ref for ref in world.refs if ref in problem.refs and not parts[ref]]
        if lost or not problem.refs:
            trouble.append((problem.text, lost[0] if lost else None))
    for link in world.links:
        for ref, other, filters in (
            (link.left, link.right, link.filters_left),
            (link.right, link.left, link.filters_right),
        ):
            if filters and parts[other] and not parts[ref]:
                trouble.append((link.text, ref))
    for ref, conditions in parts.items():
        if all(part.pushed and part in ref.parts for part in conditions):
            continue
        asked = sorted({part.question for part in conditions if part.question is not None})
        edit = _edit(ref, source) if asked else None
        if edit is not None:
            question = _all(asked, world.known)
            if question not in questions:
                questions.append(question)
            edits.append(replace(edit, question=questions.index(question)))
        elif not any(part.pushed for part in ref.parts):
            trouble.append((conditions[0].text, ref))
    return Analysis(text, tuple(questions), _sentence(*trouble[0]) if trouble else None, tuple(edits))


def _reached(ref: Ref, world: World) -> list[Part]:
    """The conditions of `ref` and of all whose regions limit it."""
    found, waiting = [ref], [ref]
    while waiting:
        here = waiting.pop()
        for link in world.links:
            for source, target, flows in (
                (link.left, link.right, link.down),
                (link.right, link.left, link.up),
            ):
                if flows and target is here and source not in found:
                    found.append(source)
                    waiting.append(source)
    return [part for source in found for part in source.parts]


def _edit(ref: Ref, source: Source) -> _Edit | None:
    span = source.path(ref.node) if ref.editable else None
    if span is None or (ref.qualified and not ref.node.alias):
        return None
    last = ref.node.this.meta
    alias = "" if ref.node.alias else f" AS {source.text[last['start'] : last['end'] + 1]}"
    return _Edit(*span, alias, 0)


def _all(questions: list[str], known: str) -> str:
    if len(questions) == 1:
        return questions[0]
    conditions = " AND ".join(f"region IN ({question})" for question in questions)
    return f"SELECT region FROM {known} AS known(region) WHERE {conditions}"


def _sentence(condition: str, ref: Ref | None) -> str:
    short = condition if len(condition) <= 120 else f"{condition[:117]}…"
    if ref is None:
        return f"Which regions {short} means cannot be told before the statement runs: {_ADVICE}."
    alias = " and name it by an alias" if ref.qualified and not ref.node.alias else ""
    return f"Which regions of {ref.name} are meant by {short} cannot be told beforehand: {_ADVICE}{alias}."
