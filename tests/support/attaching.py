"""What the tests of notebooks share."""

from __future__ import annotations

from collections.abc import Callable

import sqlprov

Attach = Callable[..., sqlprov.Attachment]
