"""Finds optional parameters without which a list may answer only a part: such a table would be short in silence."""

from __future__ import annotations

import re

from sqlprov.catalog.nouns import flatten
from sqlprov.catalog.service_model import read_paragraphs

from .service import PAGING, Draft

_PART = re.compile(
    r"by default|defaults? (is|are|value|to\b)|default:|default \w+ (is|are) (used|assumed)|\bomit|assum|implicit"
    r"|if no\b.{0,40} (is|are) (specif|provid|includ|suppl)"
    r"|if .{0,60}(do not|don.t|isn.t|not) (specif|provid|includ|suppl)"
    r"|must (specify|provide|be (specified|provided|included))|at least one of|required (if|when|unless)",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"\b(all|any|both|every|regardless|unfiltered|entire|isn.t filtered|account id|account number|registry)\b"
    r"|\(default\)|default (page|limit)|(page|list) size|number of|maximum|up to|valid values|sorted|no upper|no lower"
    r"|current time|permission|opt-in|your\b.{0,30}\baccount",
    re.IGNORECASE,
)


def find_scope(draft: Draft) -> None:
    """Doubt a list if the text of an optional parameter says what happens without it."""
    service = draft.service
    for parameter, shape in service.get_inputs(draft.list).items():
        if parameter in service.get_required(draft.list) or PAGING.fullmatch(flatten(parameter)):
            continue
        sentences = re.split(r"(?<=[.;!?])\s+", " ".join(read_paragraphs(shape.documentation or "")))
        if any(_PART.search(sentence) and not _WHOLE.search(sentence) for sentence in sentences):
            draft.doubts["scope"] = parameter
