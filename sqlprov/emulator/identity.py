"""A call of STS or IAM, which tell who asks and what that may do, in; its XML out."""

from __future__ import annotations

from xml.sax.saxutils import escape

from sqlprov.emulator.context import ACCOUNT
from sqlprov.emulator.errors import ApiError
from sqlprov.emulator.options import Call, Options

STS = "https://sts.amazonaws.com/doc/2011-06-15/"
IAM = "https://iam.amazonaws.com/doc/2010-05-08/"
USER = f"arn:aws:iam::{ACCOUNT}:user/local"


def answer(call: Call, options: Options) -> bytes:
    """The reply.

    Raises:
        ApiError: there is no such operation.
    """
    if call.operation == "GetCallerIdentity":
        result = f"<Arn>{USER}</Arn><UserId>AIDALOCALLOCALLOCAL00</UserId><Account>{ACCOUNT}</Account>"
        return _reply(call.operation, STS, result)
    if call.operation == "SimulatePrincipalPolicy":
        return _reply(call.operation, IAM, _simulated(call, options))
    raise ApiError("InvalidAction", f"Could not find operation {call.operation} for version 2011-06-15")


def _simulated(call: Call, options: Options) -> str:
    """A decision for each action: what `denied_actions` names is refused, all else is allowed."""
    actions = [value for name, value in call.parameters.items() if name.startswith("ActionNames.member.")]
    decided = (
        (action, "implicitDeny" if action.partition(":")[2] in options.denied_actions else "allowed")
        for action in actions
    )
    members = "".join(
        f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>*</EvalResourceName>"
        f"<EvalDecision>{decision}</EvalDecision></member>"
        for action, decision in decided
    )
    return f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"


def _reply(operation: str, namespace: str, result: str) -> bytes:
    return (
        f'<{operation}Response xmlns="{namespace}"><{operation}Result>{result}</{operation}Result>'
        "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    ).encode()
