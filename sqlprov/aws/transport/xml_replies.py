"""Reads XML replies with functions that are compiled from the model once; botocore's parser asks it for each element.

The values are those of botocore's parser, except that a time is in seconds since the epoch, as in JSON. A shape's
function is compiled when the shape first occurs in a reply.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from sqlprov.aws.transport.errors import MalformedReply
from sqlprov.aws.transport.reply_values import Memo, describe_unknown, parse_time

CHUNK = 1 << 16
"""Bytes that are parsed before the items of a list are read."""
Read = Callable[[Any], Any]
"""Returns the value of an element; of a flattened list or map, that of several elements."""
_FOREIGN = {"html", "error", "errorresponse"}
"""Roots of a proxy's page, and of an error that came with a status of success."""
_METADATA = {"requestId", "ResponseMetadata"}
_ELSEWHERE = ("header", "headers", "statusCode")
"""Locations of members that are not in the body."""


class XmlReader:
    """Reads the replies of one operation.

    Attributes:
        rest: a body without members, for botocore's parser, which reads the headers.
    """

    def __init__(self, operation: Any) -> None:
        output, protocol = operation.output_shape, operation.service_model.resolved_protocol
        self._payload: str = output.serialization.get("payload", "")
        self._wrapper: str = output.serialization.get("resultWrapper", "")
        self._root = f"{operation.name}Response" if protocol == "ec2" else ""
        self._body = output.members[self._payload] if self._payload else output
        compiler = _ElementCompiler()
        self._read = compiler.compile(self._body)
        # Tag -> member and its reader: of lists whose items are in an element, and of those whose items are members.
        self._lists, self._flattened = dict[str, tuple[str, Read]](), dict[str, tuple[str, Read]]()
        for name, member in self._body.members.items():
            if member.type_name == "list":
                known = self._flattened if _is_flattened(member) else self._lists
                known[_find_tag(name, member)] = name, compiler.compile(member)
        self._is_optional = protocol == "rest-xml" and not self._payload
        rest = f"<a><{self._wrapper}/></a>" if self._wrapper else "" if protocol == "rest-xml" else "<a/>"
        self.rest = rest.encode()

    def read(self, body: bytes) -> tuple[dict[str, Any], str]:
        """The members in a body, and if there are none, why the body need not be the service's; otherwise empty.

        Raises:
            MalformedReply: the body is not XML, not the operation's reply, or has a value that does not fit the model.
        """
        if not body and self._is_optional:
            return {}, "" if all(map(_is_elsewhere, self._body.members.values())) else "it has no body"
        begin = body[:40].decode("utf-8", "replace")
        try:
            root, items = self._parse(body)
            start, name = self._find_start(root), get_name(root.tag)
            if start is None or (self._root or name) != name or name.lower() in _FOREIGN:
                expected = self._wrapper or self._root or "element of the service"
                raise MalformedReply(f"the reply has no {expected}; it begins with {begin!r}")
            value = self._read(start)
        except ParseError as error:
            raise MalformedReply(f"the reply is not XML ({error}); it begins with {begin!r}") from None
        except (ValueError, TypeError, RuntimeError) as error:
            raise MalformedReply(f"the reply does not fit the model ({error})") from None
        for name, first in items.items():
            value[name] = first + value.get(name, [])
        unknown = set() if value else {get_name(child.tag) for child in start} - _METADATA
        return {self._payload: value} if self._payload else value, describe_unknown(unknown)

    def _parse(self, body: bytes) -> tuple[Element, dict[str, list[Any]]]:
        """The root, and the first items of each list, which are no longer in it.

        An item is read when it is complete. If a page's elements lived until its end, Python's garbage collector would
        go through them again and again, which can take as long as to parse them.
        """
        builder = TreeBuilder()
        top = builder.start("top", {})
        parser = XMLParser(target=builder, encoding="utf-8")
        items: dict[str, list[Any]] = {}
        for at in range(0, len(body), CHUNK):
            parser.feed(body[at : at + CHUNK])
            start = self._find_start(top[0]) if len(top) else None
            if start is not None and len(start):
                self._take_items(start, items)
        parser.close()
        return top[0], items

    def _take_items(self, start: Element, items: dict[str, list[Any]]) -> None:
        """Move the items of lists to `items`, except the last one, which may be incomplete."""
        if known := self._lists.get(get_name(start[-1].tag)):
            name, read = known
            items.setdefault(name, []).extend(read(start[-1][:-1]))
            del start[-1][:-1]
        if self._flattened:
            others = []
            for child in start[:-1]:
                if known := self._flattened.get(get_name(child.tag)):
                    name, read = known
                    items.setdefault(name, []).extend(read(child))
                else:
                    others.append(child)
            start[:-1] = others

    def _find_start(self, root: Element) -> Element | None:
        """The element that has the members; `None` if it is absent."""
        if not self._wrapper:
            return root
        return next((child for child in root if get_name(child.tag) == self._wrapper), None)


@lru_cache(maxsize=4096)
def get_name(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


class _ElementCompiler:
    """Compiles the shapes of one reply."""

    def __init__(self) -> None:
        self._structures: dict[str, Read] = {}

    def compile(self, shape: Any) -> Read:
        """The function for one element."""
        match shape.type_name:
            case "structure":
                if shape.name not in self._structures:
                    self._structures[shape.name] = self._compile_structure(shape)
                return self._structures[shape.name]
            case "list" | "map":
                read = self._compile_items(shape)
                return (lambda element: read([element])) if _is_flattened(shape) else read
        return _SCALARS[shape.type_name]

    def _compile_items(self, shape: Any) -> Read:
        """The function for the elements of a list or map."""
        if shape.type_name == "map":
            read_entry = self._compile_entry(shape)
            return lambda elements: dict(map(read_entry, elements))
        read = self.compile(shape.member)
        if read is _read_text:
            return lambda elements: [element.text or "" for element in elements]
        return lambda elements: [read(element) for element in elements]

    def _compile_entry(self, shape: Any) -> Read:
        key_tag, value_tag = (
            part.serialization.get("name") or tag
            for part, tag in ((shape.key, "key"), (shape.value, "value"))
        )
        read_key, read_value = self.compile(shape.key), self.compile(shape.value)

        def read(element: Element) -> tuple[Any, Any]:
            parts = {get_name(child.tag): child for child in element}
            if parts.keys() != {key_tag, value_tag}:
                raise ValueError(f"an entry of {shape.name} has {', '.join(parts) or 'no members'}")
            return read_key(parts[key_tag]), read_value(parts[value_tag])

        return read

    def _compile_structure(self, shape: Any) -> Read:
        members = {name: member for name, member in shape.members.items() if not _is_elsewhere(member)}
        tags = {name: _find_tag(name, member) for name, member in members.items()}
        attributes = {name: tags[name] for name in members if members[name].serialization.get("xmlAttribute")}
        by_tag = {tag: name for name, tag in tags.items()}
        read_groups = self._compile_groups(shape, members, tags, attributes)
        is_unusual = attributes or shape.is_tagged_union or len(by_tag) < len(tags)
        if is_unusual or any(map(_is_flattened_list_of_rows, members.values())):
            return read_groups

        def find(tag: str) -> tuple[str, Read | None]:
            name = by_tag.get(get_name(tag), "")
            read = self.compile(members[name]) if name else _ignore
            return name, None if read is _read_text else read

        known = Memo(find)

        def read(element: Element) -> dict[str, Any]:
            values: dict[str, Any] = {}
            for child in element:
                name, read_child = known[child.tag]
                values[name] = (child.text or "") if read_child is None else read_child(child)
            count = len(element)
            if "" in values:
                del values[""]
                count = sum(known[child.tag][0] != "" for child in element)
            return values if len(values) == count else read_groups(element)

        return read

    def _compile_groups(
        self, shape: Any, members: Mapping[str, Any], tags: Mapping[str, str], attributes: Mapping[str, str]
    ) -> Read:
        """The function of a structure in which a tag may occur several times."""
        known = Memo(
            lambda tag: [(name, self._compile_group(members[name])) for name in members if tags[name] == tag]
        )

        def read(element: Element) -> dict[str, Any]:
            groups: dict[str, list[Element]] = {}
            for child in element:
                groups.setdefault(get_name(child.tag), []).append(child)
            if shape.is_tagged_union and len(groups) != 1:
                raise ValueError(f"{shape.name} has {len(groups)} members instead of one")
            values = {
                name: read_group(group) for tag, group in groups.items() for name, read_group in known[tag]
            }
            for name, attribute in attributes.items():
                for key, value in element.attrib.items() if name not in values else ():
                    prefix, _, local = key.rpartition("}")
                    if (f"{attribute.partition(':')[0]}:{local}" if prefix else local) == attribute:
                        values[name] = value
            return values

        return read

    def _compile_group(self, shape: Any) -> Read:
        """The function for all elements with one tag."""
        if shape.type_name in ("list", "map"):
            read_items, is_flattened = self._compile_items(shape), _is_flattened(shape)
            return lambda group: read_items(group if is_flattened or len(group) > 1 else group[0])
        read, is_structure = self.compile(shape), shape.type_name == "structure"

        def read_first(group: list[Element]) -> Any:
            if len(group) > 1 and not is_structure:
                raise ValueError(f"{get_name(group[0].tag)} occurs {len(group)} times")
            return read(group[0])

        return read_first


def _is_elsewhere(member: Any) -> bool:
    return member.serialization.get("location") in _ELSEWHERE or bool(member.serialization.get("eventheader"))


def _is_flattened(shape: Any) -> bool:
    return shape.type_name in ("list", "map") and bool(shape.serialization.get("flattened"))


def _is_flattened_list_of_rows(shape: Any) -> bool:
    """Whether the elements of a shape are likely to be many; a flattened list of strings often has one."""
    return _is_flattened(shape) and (shape.type_name == "map" or shape.member.type_name == "structure")


def _find_tag(name: str, member: Any) -> str:
    """The tag of a member; the elements of a flattened list may have a name of their own."""
    own = (
        member.member.serialization.get("name")
        if member.type_name == "list" and _is_flattened(member)
        else None
    )
    tag: str = member.serialization.get("name", name) if own is None else own
    return tag


def _read_text(element: Element) -> str:
    return element.text or ""


def _ignore(_: Element) -> None:
    """A member that the model does not know."""


_SCALARS: Mapping[str, Read] = {
    "string": _read_text,
    "character": _read_text,
    "boolean": lambda element: element.text == "true",
    "integer": lambda element: int(element.text or ""),
    "long": lambda element: int(element.text or ""),
    "float": lambda element: float(element.text or ""),
    "double": lambda element: float(element.text or ""),
    "timestamp": lambda element: parse_time(element.text or ""),
    "blob": lambda element: b64decode(element.text or ""),
}
