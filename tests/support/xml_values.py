"""Writes values as XML, with the names, flattened lists, maps and attributes that a model says."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr


def write_element(tag: str, shape: Any, value: Any, attributes: str = "") -> str:
    """An element with this tag, and further attributes."""
    content = ""
    match shape.type_name:
        case "structure":
            own, content = write_members(shape, value)
            attributes += own
        case "list":
            content = write_items(shape.member.serialization.get("name", "member"), shape, value)
        case "map":
            content = write_items("entry", shape, value)
        case "timestamp":
            content = value.isoformat()
        case "blob":
            content = base64.b64encode(value).decode()
        case "boolean":
            content = "true" if value else "false"
        case _:
            content = escape(str(value))
    return f"<{tag}{attributes}>{content}</{tag}>"


def write_members(shape: Any, values: Mapping[str, Any]) -> tuple[str, str]:
    """The attributes and the content of a structure's element."""
    attributes = content = ""
    for name, value in values.items():
        member = shape.members[name]
        said, tag = member.serialization, member.serialization.get("name", name)
        if said.get("location") in ("header", "headers", "statusCode"):
            continue
        if said.get("xmlAttribute"):
            prefix, colon, _ = tag.partition(":")
            namespace = f' xmlns:{prefix}="urn:{prefix}"' if colon else ""
            attributes += (namespace if namespace not in attributes else "") + f" {tag}={quoteattr(value)}"
        elif said.get("flattened") and member.type_name == "list":
            content += write_items(member.member.serialization.get("name", tag), member, value)
        elif said.get("flattened") and member.type_name == "map":
            content += write_items(tag, member, value)
        else:
            content += write_element(tag, member, value)
    return attributes, content


def write_items(tag: str, shape: Any, value: Any) -> str:
    """The items of a list, or the entries of a map, under this tag."""
    if shape.type_name == "list":
        return "".join(write_element(tag, shape.member, item) for item in value)
    names = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    return "".join(
        f"<{tag}>{write_element(names[0], shape.key, key)}{write_element(names[1], shape.value, item)}</{tag}>"
        for key, item in value.items()
    )


def write_xml(operation: Any, values: Mapping[str, Any]) -> bytes:
    """The body of an operation's reply, in a namespace, as services send it."""
    output, protocol = operation.output_shape, operation.service_model.resolved_protocol
    payload = output.serialization.get("payload")
    root, shape = f"{operation.name}Response", output
    if payload:
        shape, values = output.members[payload], values.get(payload, {})
        root = shape.serialization.get("name", payload)
    namespace = ' xmlns="https://example.com/doc/2026-01-01/"'
    if wrapper := output.serialization.get("resultWrapper"):
        result = write_element(wrapper, shape, values)
        metadata = "<ResponseMetadata><RequestId>request-7</RequestId></ResponseMetadata>"
        return f"<{root}{namespace}>{result}{metadata}</{root}>".encode()
    body = write_element(root, shape, values, namespace)
    if protocol == "ec2":
        body = body.replace(">", "><requestId>request-7</requestId>", 1)
    return body.encode()
