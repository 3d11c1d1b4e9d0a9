from __future__ import annotations

import dataclasses
from dataclasses import field, replace
from typing import Any

import pytest

from sqlprov import records


@pytest.mark.parametrize("frozen", [True, False])
def test_a_record_prints_and_compares_as_python_s_own_dataclass(frozen: bool) -> None:
    def define(dataclass: Any) -> Any:
        @dataclass(frozen=frozen)
        class Base:
            name: str
            secret: str = field(default="", repr=False)

        @dataclass(frozen=frozen)
        class Row(Base):
            note: str = field(default="", compare=False, kw_only=True)

        return Row

    own, python = define(records.dataclass), define(dataclasses.dataclass)
    ours, theirs = own("a", "b", note="c"), python("a", "b", note="c")
    assert repr(ours) == repr(theirs)
    for other in [{"note": "d"}, {"secret": "d"}, {"name": "d"}]:
        assert (ours == replace(ours, **other)) == (theirs == replace(theirs, **other))
    assert ours != theirs
    assert own.__match_args__ == python.__match_args__
    if frozen:
        assert hash(ours) == hash(theirs)
    else:
        with pytest.raises(TypeError, match="unhashable"):
            hash(ours)
