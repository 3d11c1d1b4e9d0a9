"""Asks the client's user before a query makes more calls than the server allows."""

from __future__ import annotations

from typing import Any

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult
from pydantic import BaseModel, Field

from sqlprov.errors import Error


class Consent(BaseModel):
    """The answer to the question."""

    make_calls: bool = Field(title="Make the calls", description="Whether the query makes these calls.")


NOTHING_ASKED = AcceptedElicitation(data=Consent(make_calls=False))


def ask_for_calls(
    sql: str, parameters: Any, regions: Any, max_calls: int | None, context: Context[Any, Any]
) -> Consent | Elicit[Consent]:
    """The question whether a query may make its calls, if it needs too many and the client can ask its user.

    The SDK calls it with the arguments of the tool, before the tool. A limit that the agent has chosen stays.
    """
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    can_ask = elicitation is not None and (elicitation.form is not None or elicitation.url is None)
    if not can_ask or max_calls is not None:
        return NOTHING_ASKED.data
    tools: Any = context.mcp_server.tools  # type: ignore[attr-defined]
    try:
        calls, most = tools.count_least_calls(sql, parameters, regions), tools.limits.calls
    except Error:
        return NOTHING_ASKED.data  # the tool reports it
    if calls <= most:
        return NOTHING_ASKED.data
    return Elicit(
        f"The query needs at least {calls:,} calls, and the server allows {most:,}. Make them?", Consent
    )


def is_given(answer: ElicitationResult[Consent]) -> bool:
    """Whether the user has agreed."""
    return isinstance(answer, AcceptedElicitation) and answer.data.make_calls
