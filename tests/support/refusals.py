"""A change to a valid resource file, and the message that refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from sqlprov.catalog.table import Table
from sqlprov.errors import ResourceFileError

Load = Callable[..., Table]


class BadFile(NamedTuple):
    name: str
    old: str  # text of the valid file, in the line that the message must name
    new: str
    words: tuple[str, ...]  # parts of the message
    down: int = 0  # lines from that line to the one that the message must name

    def check(self, load: Load, text: str) -> None:
        """Load `text` with the change and check the message."""
        assert text.count(self.old) == 1
        line = text[: text.index(self.old)].count("\n") + 1 + self.down
        with pytest.raises(ResourceFileError) as caught:
            load(text.replace(self.old, self.new))
        assert f"/aws/sagemaker/tiny.yaml:{line}: " in str(caught.value)
        for word in self.words:
            assert word in str(caught.value)
