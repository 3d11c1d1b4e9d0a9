"""Resources of Cloud Control as documents; those of the types that moto's CloudFormation has are moto's, too."""

from __future__ import annotations

import inspect
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlprov.catalog.cloud_control import TypeFacts
from sqlprov.emulator import moto_app, moto_seeds
from sqlprov.emulator.api_model import load_resource_kinds
from sqlprov.emulator.context import Members
from sqlprov.emulator.options import ACCOUNT

logger = logging.getLogger(__name__)

_EXISTS = re.compile("Exist|InUse|Duplicate")
_MISSING = re.compile("NotFound|NoSuch|NotExist")


class HandlerFailed(Exception):
    """A request failed.

    Args:
        code: of HandlerErrorCode, such as `AlreadyExists`.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


@dataclass
class _Resource:
    """A resource: its properties, and moto's object if it has one."""

    properties: Members
    resource: Any = None


class Documents:
    """The resources of every type, by region.

    Args:
        has_moto: whether those are created in moto that it has.
        account: id.
    """

    def __init__(self, has_moto: bool, account: str) -> None:
        self._has_moto, self._app = has_moto and moto_app.has_moto(), moto_app.MotoApp(account)
        self._account = account
        self._rows: dict[tuple[str, str], dict[str, _Resource]] = {}

    def list_rows(self, type: TypeFacts, region: str) -> dict[str, Members]:
        """Identifier -> properties."""
        return {name: row.properties for name, row in self._find(type, region).items()}

    def read(self, type: TypeFacts, region: str, name: str) -> Members | None:
        """The properties; `None` if the resource does not exist."""
        row = self._find(type, region).get(name)
        return row.properties if row else None

    def create(self, type: TypeFacts, region: str, properties: Members) -> str:
        """Create a resource and return its identifier.

        Raises:
            HandlerFailed: it exists, or moto refuses it.
        """
        rows, resource = self._find(type, region), None
        _check_new(type, rows, properties)
        if self._has_moto and (model := _find_model(type.name)):
            member = model.cloudformation_name_type()
            name = properties.get(member) or properties.get(type.parts[0]) or f"local-{uuid4().hex[:12]}"
            words = _describe(type, properties)
            self._seed(model)
            resource = _call_moto(
                lambda: model.create_from_cloudformation_json(
                    name,
                    words,
                    self._account,
                    region,
                    LogicalId="Local",
                    StackId="local",
                    ResourceType=type.name,
                )
            )
        known = properties | dict(_read_attributes(type, properties, resource))
        for part in type.parts:
            is_named = resource is not None and part == member
            known.setdefault(part, name if is_named else _make_up(type, self._account, region, part))
        identifier = _check_new(type, rows, known)  # moto returns a queue that exists
        rows[identifier] = _Resource(known, resource)
        return identifier

    def update(self, type: TypeFacts, region: str, name: str, changes: Members) -> None:
        """Change properties; `None` removes one.

        Raises:
            HandlerFailed: moto refuses it, or cannot update this type.
        """
        row = self._find(type, region)[name]
        after = {part: value for part, value in (row.properties | changes).items() if value is not None}
        if row.resource is not None:
            model = _find_model(type.name)
            if _is_abstract(model.update_from_cloudformation_json):
                raise HandlerFailed("GeneralServiceException", f"moto cannot update {type.name}.")
            given = {part: value for part, value in after.items() if part not in type.read_only}
            new_name = given.get(model.cloudformation_name_type()) or _find_physical_id(row.resource)
            row.resource = _call_moto(
                lambda: model.update_from_cloudformation_json(
                    row.resource, new_name, _describe(type, given), self._account, region
                )
            )
        row.properties = after

    def delete(self, type: TypeFacts, region: str, name: str) -> None:
        """Delete a resource.

        Raises:
            HandlerFailed: moto refuses it.
        """
        row = self._find(type, region)[name]
        if row.resource is not None:
            _call_moto(lambda: _delete_from_moto(type, self._account, region, name, row))
        del self._find(type, region)[name]

    def _seed(self, model: Any) -> None:
        """Make the sample data of the model's service first: it may have the same names."""
        module = model.__module__.split(".")[1]
        moto_seeds.seed([{"awslambda": "lambda"}.get(module, module)], self._app)

    def _find(self, type: TypeFacts, region: str) -> dict[str, _Resource]:
        return self._rows.setdefault((region, type.name), {})


def _check_new(type: TypeFacts, rows: dict[str, _Resource], properties: Members) -> str:
    """The identifier, of which no resource exists."""
    identifier = "|".join(str(properties.get(part, "")) for part in type.parts)
    if identifier in rows:
        text = f"Resource of type '{type.name}' with identifier '{identifier}' already exists."
        raise HandlerFailed("AlreadyExists", text)
    return identifier


def _delete_from_moto(type: TypeFacts, account: str, region: str, name: str, row: _Resource) -> None:
    """As moto's stacks do."""
    try:
        row.resource.delete(account, region)
    except (TypeError, AttributeError):
        delete = _find_model(type.name).delete_from_cloudformation_json
        delete(_find_physical_id(row.resource) or name, _describe(type, row.properties), account, region)


def _find_model(type: str) -> Any:
    """moto's CloudFormation model of a type; `None` if it has none that can delete what it creates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from moto.cloudformation.parsing import get_model_map

    model = get_model_map().get(type)
    is_ours = type in {f"AWS::SageMaker::{noun}" for noun in load_resource_kinds()}
    return model if model and not is_ours and _can_delete(model) else None


def _can_delete(model: Any) -> bool:
    """Whether a stack of moto's deletes the resource; of some types it only forgets it."""
    try:
        inspect.signature(model.delete).bind(None, ACCOUNT, "")
    except (AttributeError, TypeError):
        return not _is_abstract(model.delete_from_cloudformation_json)
    return True


def _is_abstract(method: Any) -> bool:
    return hasattr(method, "__isabstractmethod__")


def _call_moto(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:
        logger.info("moto failed", exc_info=True)
        code = str(getattr(error, "error_type", "") or getattr(error, "code", "") or type(error).__name__)
        is_refusal = hasattr(error, "error_type") or hasattr(error, "message")
        named = "AlreadyExists" if _EXISTS.search(code) else "NotFound" if _MISSING.search(code) else ""
        known = named or ("InvalidRequest" if is_refusal else "GeneralServiceException")
        raise HandlerFailed(known, f"moto: {code}: {error}") from error


def _describe(type: TypeFacts, properties: Members) -> Members:
    """A resource as a template has it."""
    return {"Type": type.name, "Properties": deepcopy(properties)}


def _read_attributes(type: TypeFacts, properties: Members, resource: Any) -> Iterator[tuple[str, Any]]:
    """The read-only properties, and the missing ones of the identifier, as moto has them."""
    if resource is None:
        return
    for name in {*type.read_only, *type.parts} - properties.keys():
        try:
            value = resource.get_cfn_attribute(name)
        except Exception:  # each model raises another error for what it does not have
            value = None
        if value is None and type.parts == [name]:
            value = _find_physical_id(resource)
        if isinstance(value, str | int):
            yield name, value


def _find_physical_id(resource: Any) -> Any:
    """What `Ref` returns in a template; not every model has it."""
    return getattr(resource, "physical_resource_id", None)


def _make_up(type: TypeFacts, account: str, region: str, part: str) -> str:
    """A value for a part of the identifier that the service sets."""
    _, service, noun = type.name.split("::")
    unique = uuid4().hex[:12]
    if part.lower().endswith("arn"):
        return f"arn:aws:{service.lower()}:{region}:{account}:{noun.lower()}/{unique}"
    return f"{noun.lower()}-{unique}"
