"""The generator says, on the pinned botocore, what is committed; only settled lines may differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from slices import take_slice

from resources.generate.__main__ import list_clients, print_changes
from resources.generate.files import RESOURCES, read_file
from resources.generate.generate import generate

SERVICE = "codestar-connections"
LINE = "  connections: {list: ListConnections, key: connection_arn, describe: GetConnection}\n"


@pytest.mark.parametrize("client", take_slice(list_clients(), 20))
def test_the_generator_says_what_is_committed(client: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = generate(client)
    changed = sum(print_changes(old, new) for old, new in zip(before, after, strict=True))
    assert not changed, f"run `python -m resources.generate {client}`:\n{capsys.readouterr().out}"


def test_no_line_with_a_doubt_ships_and_drafts_are_doubted() -> None:
    for path in sorted((RESOURCES / "aws").glob("[a-z]*.yaml")):
        if "tables:\n" in path.read_text("utf-8"):
            assert not [line for line in read_file(path).lines.values() if line.mark and not line.is_settled]
    for path in sorted((RESOURCES / "drafts" / "aws").glob("*.yaml")):
        assert all(line.mark.startswith(("? ", "settled:")) for line in read_file(path).lines.values()), path


def make_resources(folder: Path, shipped: str, drafts: str = "") -> Path:
    for name, text in (("aws", shipped), ("drafts/aws", drafts)):
        file = folder / name / f"{SERVICE.replace('-', '_')}.yaml"
        file.parent.mkdir(parents=True)
        if text:
            file.write_text(text)
    return folder


def test_a_new_table_is_a_line_of_the_diff(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (old, _), (new, _) = generate(SERVICE, make_resources(tmp_path, f"title: Mine\ntables:\n{LINE}"))
    assert print_changes(old, new) == len(new.lines) - 1 > 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "aws/codestar_connections.yaml"
    assert all(line.startswith("+  ") for line in printed[1:])
    new.write()
    assert new.path.read_text().startswith("title: Mine\ntables:\n")


def test_the_description_and_the_order_that_a_person_wrote_stay_on_any_line(tmp_path: Path) -> None:
    line = LINE.replace("{", '{about: "Connections, all of them.", ').replace(
        "}", ", order: [owner_account_id]}"
    )
    _, (shipped, _) = generate(SERVICE, make_resources(tmp_path, f"title: Mine\ntables:\n{line}"))
    assert f"{shipped.lines['connections']}\n" == line


def test_a_settled_line_stays_whatever_the_rules_say(tmp_path: Path) -> None:
    mine = "  my_connections: {list: ListConnections, key: connection_name}  # settled: a test"
    _, (shipped, drafts) = generate(SERVICE, make_resources(tmp_path, f"title: Mine\ntables:\n{mine}\n"))
    assert str(shipped.lines["my_connections"]) == mine
    assert "connections" not in {**shipped.lines, **drafts.lines}


def test_a_table_that_is_left_out_on_purpose_stays_out(tmp_path: Path) -> None:
    reason = LINE.rstrip() + "  # settled: nobody reads it"
    _, (shipped, drafts) = generate(SERVICE, make_resources(tmp_path, "", f"tables:\n{reason}\n"))
    assert "connections" not in shipped.lines
    assert str(drafts.lines["connections"]) == reason


def test_a_table_with_a_file_of_its_own_has_no_line(tmp_path: Path) -> None:
    folder = make_resources(tmp_path, "")
    own = folder / "aws" / "codestar_connections" / "connections.yaml"
    own.parent.mkdir()
    own.write_text("list: ListConnections\nkey: connection_arn\n")
    _, (shipped, drafts) = generate(SERVICE, folder)
    assert "connections" not in {**shipped.lines, **drafts.lines}


def test_a_child_is_listed_by_the_name_that_a_person_gave_its_parent(tmp_path: Path) -> None:
    mine = "  links: {list: ListRepositoryLinks, key: repository_link_id}  # settled\n"
    _, (shipped, drafts) = generate(SERVICE, make_resources(tmp_path, f"title: Mine\ntables:\n{mine}"))
    lines = {**shipped.lines, **drafts.lines}
    assert (
        lines["repository_sync_definitions"].parsed["each"]["RepositoryLinkId"] == "links.repository_link_id"
    )


def test_the_key_of_a_settled_line_may_be_a_column_that_it_adds(tmp_path: Path) -> None:
    mine = "  links: {list: ListRepositoryLinks, key: arn, columns: {arn: RepositoryLinkArn}}  # settled\n"
    _, (shipped, drafts) = generate(SERVICE, make_resources(tmp_path, f"title: Mine\ntables:\n{mine}"))
    assert "repository_sync_definitions" in {**shipped.lines, **drafts.lines}


def test_a_line_that_nobody_can_read_is_refused(tmp_path: Path) -> None:
    folder = make_resources(tmp_path, "title: Mine\ntables:\n  connections:\n    list: ListConnections\n")
    with pytest.raises(SystemExit, match=r"yaml:3: expected one line a table, found '  connections:'"):
        generate(SERVICE, folder)
