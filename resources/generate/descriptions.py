"""Describes the rows of a table in a noun phrase, from the documentation of its list operation."""

from __future__ import annotations

import re
from itertools import islice

from sqlprov.catalog import Catalog
from sqlprov.catalog.service_model import load_model, read_paragraphs

from .files import RESOURCES, read_file, read_own_files

_SENTENCES = 5
"""How many sentences of the documentation may say what the rows are."""
_CALL = r"(?:operation|action|API|request|call)"
_LEAD = re.compile(
    rf"(?:(?:(?:the|this)(?: \w+)? {_CALL}(?: is used to)?|this|(?:an? |the )?(?:[\w-]+ )?{_CALL} to|"
    rf"use (?:(?:the|this) (?:\w+ )?{_CALL} (?:in an? [\w ]+ )?)?to|(?:enables|allows|grants) \w+ to(?: \w+ly)?|"
    r"(?:given|for) [^.,]+,|request|query to|\w*List\w+) )?"
    r"(?:lists?|listing|returns?|retrieves?|describes?|gets?|provides?|displays?|shows?|obtains?|views?|finds?|"
    r"fetch(?:es)?|produces?|generates?|represents?|contains|receive|query|"
    r"search(?:es)?(?: and lists)?(?: for| across)?|indicates)(?:, [^,]+,)?"
    r"(?: and (?:view|manage|describes?))? (?!of )",
    re.IGNORECASE,
)
"""How a sentence begins that says what the operation returns."""
_ALL = (
    r"(?:(?:(?:all|each|any|every one|one or more|some) of|all) (?:the|your)|"
    r"(?:all|each|any|one o[fr] more|some) of|one o[fr] more|all|any|each|every|either|multiple|the|an?|your)"
    r"(?: (?:available|specific|(?:calling |current )?(?:AWS )?(?:account|organization|customer)'s))? "
)
_LIST = (
    r"(?:(?:paginated|complete|full|filtered|filterable|sortable,?|detailed|summary|short|minimal|high-level|basic|"
    r"general|resource|JSON) )*(?:(?:lists?|arrays?|collections?|sets?|listing|inventory|subset|pages?|summary|"
    r"summaries|descriptions?|overview|views?)(?: objects?| items?)? (?:of|or|for|about|with|all|on|"
    r"(?:that |which )?(?:contain|describ|includ|list|summariz)(?:s|es|ing))|"
    r"(?:information|info|details?|metadata|properties) (?:about|on|for|of|regarding|related to)|"
    r"(?:ARNs|IDs|identifiers|names)(?: and (?:ARNs|IDs|names))? (?:of|for)|\w+ objects for) "
)
_FILLER = re.compile(
    rf"(?:{_ALL})?{_LIST}|{_ALL}|(?:existing|specified(?: number of)?|summary|created|specific) ",
    re.IGNORECASE,
)
_ACCOUNT = (
    r"(?:your|the|an?|this|a single) (?:caller's |calling user's |user's |current |calling |requesting |requester |"
    r"specified |authenticated |customer |given |user )*(?:AWS )?account"
)
_REGION = (
    r"(?:your|the|an?|this|each) (?:(?:current|default) or specified |current |specified |selected |given |default )*"
    r"(?:AWS )?Region(?: that you're currently using| in the request| (?:where|in which) .*)?"
)
_IN = (
    r"(?:(?:that|which) (?:are|is|were|exist|(?:have|has) been) )?(?:currently )?"
    r"(?:(?:created|registered|defined|available|stored|located) )?(?:in|for|of|within|from|under|on|across|"
    r"(?:associated|linked|available|visible|registered) (?:with|to)|belonging to|that belong to|owned by)"
)
_END = r"(?=[.,;]| for the (?:last|past)|$)"
_INFO = (
    r"(?:(?:detailed|summary|related|basic|minimal|registry|high-level|additional|relevant|some|full) )*"
    r"(?:information|details|metadata|properties|descriptions)"
)
_CUTS = [
    re.compile(",? " + pattern, re.IGNORECASE)
    for pattern in (
        rf"{_IN} {_ACCOUNT}(?: (?:in|and|for) (?:{_REGION}|(?:AWS )?Region))?(?: in use| making the request)?{_END}",
        rf"{_IN} {_REGION}(?: (?:in|for|of|and) {_ACCOUNT})?{_END}",
        r"and (?:allows|returns|validates|lists|identifies|provides|shows|displays) .*",
        r"(?:with|including) (?:optional |support for |automatic )*(?:filter|paginat|provision for)\w*.*",
        r"\(?(?:that can be |optionally )?(?:filter(?:ed|ing)|paginated|in paginated format|represented|as a list) ?.*",
        r"(?<!can be )(?:sorted|ordered|allowing you|using (?:pagination|State))\b.*",
        r"(?:in|from) (?:ascending|descending|alphabetical|lexicographically|reverse|most recent|the order)\b.*",
        r"(?:with the )?(?:most recent|newest|latest)[\w ]* first",
        r"(?:that (?:match|meet|satisf)\w*|matching|meeting|based on|according to|using|by) (?:(?:the|your|a|any|all|"
        r"an|of|optional|given|specified|provided|various|search|request|filter|filtration) *)*"
        r"(?:criteria|filters?|conditions?|set of parameters|request parameters)\b.*",
        r"(?:that (?:is|are) |that's |as )?(?:specified|identified) by .*",
        r"(?:by filtering )?by (?:\w+ ){0,4}IDs?(?: or .*)?$",
        r"(?:if|or, if|depending on|or (?:list|the list|(?<!one or )multiple)|or (?:information |details )?"
        r"(?:about |for |of )?(?:an?|the) (?:specified|specific|particular|single))\b.*",
        r"that you (?:specify|supply|provide)\b.*",
        rf"(?:and|along with|including|with|providing|plus|that contain|which contains?) (?:(?:their|its) )?{_INFO}"
        r"(?: (?:about|on|for) .*| of their .*)?",
        r"with (?:summaries of )?(?:detail|summary) data.*",
        r"with each .* representing .*",
        r"(?:that (?:you|were|are) )?(?:created|generated|made) (?:by )?(?:using|with) (?:the )?(?-i:[A-Z]|https:).*",
        r"(?:in the response|in a JSON formatted response|of (?:a|the) specified length)",
        r"(?<=.{60}, )(?:including|along with|as well as|which|such as|showing|providing|representing) .*",
    )
]
_DANGLING = re.compile(
    r"\b(?:that|which|who|when|where|can|be|is|are|was|were|have|been|has|and|or|of|for|in|on|by|to|with|as|from|"
    r"the|an?|first|using|based|whether|\w*,)$",
    re.IGNORECASE,
)
_CHOSEN = "(?:specified|given|particular|provided|requested|specific|designated|single|existing)"
_WORDS = (
    (r"^.+?,? or all (?:of )?(?:the |your )?(?=\w)", ""),
    (r",? or all$", ""),
    (r"^[Dd]etailed parameter list for", "parameters of"),
    (rf"\b(?:the|an?|your|any) {_CHOSEN} (?=\w)", "a "),
    (r"(?<!be )(?<!are )(?<!were )(?<!is )\b(?:specified|given) ", ""),
    (r"\ba (?=[aeioAEIO]|u[^ns]|[FHLMNRSX][A-Z0-9]+\b)(?!one)", "an "),
    (r"\ban (?=[bcdfgjklmnpqrstvwyzBCDFGJKLMNPQRSTVWYZ][a-z])", "a "),
    (r"\b(?:your|the caller's|the calling)\b(?! own)", "the"),
    (r"^((?:\w+ ){0,3}\w+?)(?:Summary|Info|ListEntry)? objects\b", r"\1 descriptions"),
    (r"^([A-Z]\w*[a-z][A-Z]\w*) (?:objects|resources|records)\b", r"\1 descriptions"),
    (r"^((?:[\w-]+ ){0,4}?[\w-]+) (?:descriptions|summaries|identifiers|IDs|ARNs)\b(?! \w+s\b)", r"\1s"),
    (r"(?<=[^aeiou])ys\b", "ies"),
)
_BAD = re.compile(
    rf"(?:and|or|if|you|to|of|all|objects|[A-Z]+[a-z]+[A-Z]\w*)\b\W*$|.*\b(?:this|following) {_CALL}|"
    r".*\bwe recommend|.*as follows|(?:and|or|to|if|you|of|more|empty)\b|.*: \w$|$"
)
_ACRONYM = re.compile(r"\b(?:acl|ai|api|aws|db|dns|iam|id|idc|ip|kms|sdi|sop|sql|ssl|tls|vpc|xss)(?=s?\b)")


def describe_tables(catalog: Catalog) -> dict[str, str]:
    """`service.table` -> its description, for the tables whose lines write none."""
    descriptions = {}
    for service in catalog.list_services("aws"):
        path = RESOURCES / "aws" / f"{service}.yaml"
        words = {line.name: line.parsed for line in read_file(path).lines.values()}
        words |= read_own_files(path.with_suffix(""))
        for name in sorted(name for name in words if "about" not in words[name]):
            table = catalog.get_table("aws", service, name)
            operation = load_model(table.client).operation_model(table.list.call)
            descriptions[f"{service}.{name}"] = describe_rows(operation.documentation, name)
    return descriptions


def describe_rows(documentation: str, table: str) -> str:
    """`Returns a list of the existing Amplify apps.` -> `Amplify apps.`

    If no sentence says what the rows are, the words of the table's name do.
    """
    sentences = (
        sentence
        for paragraph in read_paragraphs(documentation)
        for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", paragraph)
    )
    phrases = (_find_rows(sentence, not at) for at, sentence in enumerate(islice(sentences, _SENTENCES)))
    name = _ACRONYM.sub(lambda match: match[0].upper(), table.replace("_", " "))
    return next(filter(None, phrases), f"{name[:1].upper()}{name[1:]}.")


def _find_rows(sentence: str, is_first: bool) -> str:
    """The noun phrase of a sentence; empty if it says nothing about the rows.

    Only the first sentence may be a noun phrase itself, such as `A list of budgets`.
    """
    text = sentence.replace("Amazon Web Services", "AWS").rstrip(". ")
    lead = _LEAD.match(text)
    rest = text = text[lead.end() :] if lead else text
    while filler := _FILLER.match(text):
        text = text[filler.end() :]
    if not lead and (rest == text or not is_first):
        return ""
    for pattern in (*_CUTS, *_CUTS):
        shorter = pattern.sub("", text)
        text = text if _DANGLING.search(shorter) else shorter
    for written, meant in _WORDS:
        text = re.sub(written, meant, text)
    text = text.strip(" ,;:")
    return "" if _BAD.match(text) else f"{text[:1].upper()}{text[1:]}."
