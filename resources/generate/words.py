"""The singular and the plural of nouns in snake_case."""

from __future__ import annotations

import re

_SINGULARS = {
    "aliases": "alias",
    "analyses": "analysis",
    "biases": "bias",
    "buses": "bus",
    "caches": "cache",
    "children": "child",
    "indices": "index",
    "statuses": "status",
    "thesauri": "thesaurus",
    "viruses": "virus",
}
_UNCHANGED = re.compile(
    r"alias|atlas|aws|bias|canvas|dns|ebs|efs|kubernetes|kms|news|options?set|os|rds|series|sms|tls|redis|\w*(ss|us|sis)|analytics|diagnostics"
)
# Words that AWS never writes in the plural.
_MASS = re.compile(
    r"\w*(coverage|series|data|history|inventory|metadata|usage|info|information|enabled|access|health|storage|media|traffic|analytics|diagnostics)"
)
_TAIL = re.compile(
    r"(?P<head>.+?)(?P<tail>_(?:for|by|in|of|with|from|to|on|per|using|shared|associated|moderated|opted)_.+|_v\d+)"
)


def get_head(noun: str) -> str:
    """A noun without what follows it: `groups_for_user` -> groups, `clusters_v2` -> clusters."""
    tail = _TAIL.fullmatch(noun)
    return tail["head"] if tail else noun


def is_plural(noun: str) -> bool:
    """Whether AWS writes a noun in the plural."""
    return to_singular(noun) != noun


def is_mass(noun: str) -> bool:
    """Whether a noun has no plural, such as `instance_information`."""
    return bool(_MASS.fullmatch(noun.rpartition("_")[2]))


def to_singular(noun: str) -> str:
    """`endpoint_configs` -> endpoint_config, `groups_for_user` -> group_for_user."""
    if tail := _TAIL.fullmatch(noun):
        return to_singular(tail["head"]) + tail["tail"]
    head, _, word = noun.rpartition("_")
    if word in _SINGULARS:
        word = _SINGULARS[word]
    elif _UNCHANGED.fullmatch(word):
        pass
    elif word.endswith("ies") and len(word) > 4:
        word = f"{word[:-3]}y"
    elif re.search(r"(ss|sh|ch|x|zz)es$", word):
        word = word[:-2]
    else:
        word = word.removesuffix("s")
    return f"{head}_{word}" if head else word


def to_plural(noun: str) -> str:
    """`policy` -> policies; a noun that is a plural, or has none, stays."""
    if tail := _TAIL.fullmatch(noun):
        return to_plural(tail["head"]) + tail["tail"]
    head, _, word = noun.rpartition("_")
    if to_singular(word) != word or _MASS.fullmatch(word):
        pass
    elif re.search(r"[^aeiou]y$", word):
        word = f"{word[:-1]}ies"
    elif re.search(r"(s|sh|ch|x)$", word):
        word = f"{word}es"
    else:
        word = f"{word}s"
    return f"{head}_{word}" if head else word
