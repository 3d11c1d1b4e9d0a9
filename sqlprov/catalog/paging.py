"""Finds how a List is paged: botocore's paginator, otherwise the usual members."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlprov.records import dataclass

from .nouns import flatten
from .read_calls import PageToken
from .service_model import find_paginator, get_members
from .yaml_nodes import Node

LARGEST_PAGE = 1000
"""Larger pages gain nothing, and some models allow 2,147,483,647 where the service refuses it."""
_TOKEN = re.compile(r"[a-z]*(token|marker)|(next)?(position|cursor)")
_MORE = r"istruncated|hasmore[a-z]*"
_LIMIT = re.compile(r"(max|page)(results|items|size|records)$|limit$")


@dataclass(frozen=True)
class Paging:
    """How a List is paged; the attributes are those of `ListCall`."""

    tokens: tuple[PageToken, ...] = ()
    more: str = ""
    size_parameter: str = ""
    size: int = 0


def find_paging(node: Node, operation: Any, page: Node | None = None, rows: tuple[str, ...] = ()) -> Paging:
    """How `operation`, which `node` names, is paged; raises ResourceFileError if its pages cannot be followed.

    Args:
        node: names the operation.
        operation: botocore's.
        page: the word `page`: {Parameter: JMESPath in the reply}.
        rows: the members that lead to the rows; the first one may hold the token, too.
    """
    paginator = find_paginator(operation)
    inputs, outputs = get_members(operation.input_shape), get_members(operation.output_shape)
    outputs |= _get_inner(outputs, rows)
    if page is not None:
        tokens = tuple(_parse_tokens(page, inputs, outputs))
        more, limit = _find_more(outputs), _find_limit(inputs)
    elif paginator:
        pairs = zip(_to_list(paginator["input_token"]), _to_list(paginator["output_token"]), strict=True)
        tokens = tuple(PageToken(*pair, _is_text(inputs[pair[0]])) for pair in pairs if pair[0] in inputs)
        if not tokens:  # read as one page, such a list would silently be short
            raise node.fail(f"{operation.name} pages by {paginator['input_token']}, which it does not take")
        more, limit = paginator.get("more_results", ""), paginator.get("limit_key", "")
    else:
        tokens = _guess_tokens(inputs, outputs)
        more, limit = _find_more(outputs) if tokens else "", _find_limit(inputs)
        if not tokens and (
            lost := [name for name in outputs if flatten(name) in ("nexttoken", "nextmarker")]
        ):
            raise node.fail(f"{operation.name} returns {lost[0]}, which no parameter takes")
    return Paging(tokens, more, *_find_size(operation, limit))


def _to_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _get_inner(outputs: dict[str, Any], rows: tuple[str, ...]) -> dict[str, Any]:
    """The members beside the rows one level down: CloudFront's `FunctionList.NextMarker`."""
    shape = outputs[rows[0]] if len(rows) > 1 else None
    inner = get_members(shape) if shape is not None and shape.type_name == "structure" else {}
    return {f"{rows[0]}.{name}": shape for name, shape in inner.items()}


def _parse_tokens(page: Node, inputs: dict[str, Any], outputs: dict[str, Any]) -> Iterator[PageToken]:
    for parameter, value in page.read_pairs().items():
        page.check("parameter", parameter, inputs)
        value.check("member of the reply", re.split(r"[^\w.]", value.read_text())[0], outputs)
        yield PageToken(parameter, value.read_text(), _is_text(inputs[parameter]))


def _is_text(shape: Any) -> bool:
    return bool(shape.type_name == "string")


def _find_more(outputs: dict[str, Any]) -> str:
    return next((name for name in outputs if re.fullmatch(_MORE, flatten(name.rpartition(".")[2]))), "")


def _find_limit(inputs: dict[str, Any]) -> str:
    return next((name for name in inputs if _LIMIT.fullmatch(flatten(name))), "")


def _guess_tokens(inputs: dict[str, Any], outputs: dict[str, Any]) -> tuple[PageToken, ...]:
    takes = {flatten(name): name for name, shape in inputs.items() if shape.type_name == "string"}
    tokens: dict[str, str] = {}
    # `Marker` beside `NextMarker` repeats the request.
    for name, shape in sorted(outputs.items(), key=lambda item: "next" not in item[0].lower()):
        flat = flatten(name.rpartition(".")[2])
        if shape.type_name != "string" or not _TOKEN.fullmatch(flat):
            continue
        for parameter in (flat, flat.removeprefix("next"), f"starting{flat.removeprefix('next')}"):
            if parameter in takes:
                tokens.setdefault(takes[parameter], name)
                break
    return tuple(PageToken(parameter, name) for parameter, name in tokens.items())


def _find_size(operation: Any, limit: str) -> tuple[str, int]:
    """The parameter and the value of the page size; none if the model does not name the largest."""
    shape = get_members(operation.input_shape).get(limit)
    if shape is None or shape.type_name not in ("integer", "long"):
        return "", 0
    size = int(shape.metadata.get("max", 0))
    if not size and limit in operation.input_shape.required_members:
        size = 100
    return (limit, min(size, LARGEST_PAGE)) if size else ("", 0)
