"""Whose a request is: access keys of users, and temporary ones of roles that somebody has assumed."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from sqlprov.emulator.errors import ApiError, make_access_denied_error, make_closed_region_error
from sqlprov.emulator.options import ACCOUNT, USER, Call

if TYPE_CHECKING:
    from sqlprov.emulator.organization import Organization

_TEMPORARY = "ASIA"
_USUAL_LIFETIME = 3600.0


@dataclass
class Identity:
    """Who sends a request.

    Attributes:
        user: ARN.
        token: the session token that belongs to the access key; empty for a user's key.
        expires: epoch seconds.
        calls: requests that are still allowed.
        is_known: whether the access key exists.
    """

    user: str = USER
    token: str = ""
    expires: float = math.inf
    calls: float = math.inf
    is_known: bool = True

    @property
    def account(self) -> str:
        return self.user.split(":")[4]

    def check(self, now: float) -> None:
        """Count a request; raises ApiError if the credentials are invalid or have expired."""
        if not self.is_known:
            raise make_closed_region_error()
        if now >= self.expires or self.calls < 1:
            raise ApiError("ExpiredTokenException", "The security token included in the request is expired")
        self.calls -= 1


class Identities:
    """The access keys of an organisation.

    Args:
        organization: None for one account that accepts every key.

    Attributes:
        management: id of the account of keys that are no other's.
    """

    def __init__(self, organization: Organization | None) -> None:
        self.organization = organization
        self._numbers = itertools.count(1)
        self._by_key: dict[str, Identity] = {}
        for member in organization.members if organization else ():
            for number, key in enumerate(member.keys):
                self._by_key[key] = Identity(f"arn:aws:iam::{member.id}:user/local-{number}")
        self.management = organization.management.id if organization else ACCOUNT
        self._default = f"arn:aws:iam::{self.management}:user/local"

    def find(self, key: str, token: str) -> Identity:
        """Who has an access key and the session token that was sent with it."""
        identity = self._by_key.get(key)
        organization = self.organization
        is_any = organization is None or organization.any_key or not key.startswith(_TEMPORARY)
        if identity is None and is_any:
            return Identity(self._default)
        if identity is None or token != identity.token:
            return Identity(self._default, is_known=False)
        return identity

    def find_key(self, account: str) -> str:
        """An access key of a user of an account; it is made if there is none."""
        for key, identity in self._by_key.items():
            if identity.account == account and not identity.token:
                return key
        key = f"AKIA{account}"
        if account != self.management:
            self._by_key[key] = Identity(f"arn:aws:iam::{account}:user/local")
        return key

    def expire(self, account: str | None = None) -> None:
        """End the life of all temporary credentials of an account; None for every account."""
        for identity in self._by_key.values():
            if identity.token and account in (None, identity.account):
                identity.expires = 0.0

    def assume(self, call: Call, now: float) -> str:
        """The result of sts:AssumeRole, in XML.

        Raises:
            ApiError: the role does not exist, is in a suspended account, or requires another external id.
        """
        given, organization = call.parameters, self.organization
        arn = given.get("RoleArn", "")
        partition, account, role = _split_role(arn)
        member = organization.by_id.get(account) if organization else None
        if organization is None or member is None or not member.can_assume(role, given.get("ExternalId", "")):
            raise make_access_denied_error(call.user, "sts:AssumeRole", arn)
        name = given.get("RoleSessionName", "")
        lifetime = organization.lifetime or float(given.get("DurationSeconds", _USUAL_LIFETIME))
        number = next(self._numbers)
        key, token = f"{_TEMPORARY}{number:016d}", f"token-{number}"
        user = f"arn:{partition}:sts::{account}:assumed-role/{role}/{name}"
        self._by_key[key] = Identity(user, token, now + lifetime, organization.most_calls or math.inf)
        expiration = datetime.fromtimestamp(now + lifetime, UTC).isoformat().replace("+00:00", "Z")
        return (
            f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>secret-{number}</SecretAccessKey>"
            f"<SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>"
            f"<AssumedRoleUser><AssumedRoleId>AROALOCALLOCALLOCAL00:{escape(name)}</AssumedRoleId>"
            f"<Arn>{escape(user)}</Arn></AssumedRoleUser>"
        )


def _split_role(arn: str) -> tuple[str, str, str]:
    """The partition, the account and the name of a role; empty texts for what is not the ARN of one."""
    match = re.fullmatch(r"arn:(aws[\w-]*):iam::(\d{12}):role/(.+)", arn)
    return (match[1], match[2], match[3]) if match else ("", "", "")
