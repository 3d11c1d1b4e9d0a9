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
        for row in (ours, theirs):
            with pytest.raises(dataclasses.FrozenInstanceError):
                row.name = "b"
            with pytest.raises(dataclasses.FrozenInstanceError):
                del row.name
    else:
        with pytest.raises(TypeError, match="unhashable"):
            hash(ours)


def test_a_record_is_made_as_python_s_own_dataclass() -> None:
    def define(dataclass: Any) -> Any:
        @dataclass
        class Row:
            name: str
            tags: list[str] = field(default_factory=list)
            state: str = "new"
            note: str = field(default="", kw_only=True)

            def __post_init__(self) -> None:
                self.label = f"{self.name}/{self.state}"

        return Row

    own, python = define(records.dataclass), define(dataclasses.dataclass)
    for values, named in [(("a",), {}), (("a", ["t"]), {"note": "n"}), ((), {"state": "s", "name": "a"})]:
        ours, theirs = own(*values, **named), python(*values, **named)
        assert list(vars(ours).items()) == list(vars(theirs).items())
        assert ours.label == theirs.label
    assert own("a").tags is not own("a").tags
    for values, named in [((), {}), (("a",), {"name": "a"}), (("a",), {"age": 1}), (("a", [], "s", "n"), {})]:
        for row in (own, python):
            with pytest.raises(TypeError):
                row(*values, **named)
