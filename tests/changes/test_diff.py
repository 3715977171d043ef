"""``retrovue diff`` in real git repositories: what airs differently, and nothing else."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from retrovue.resources import shipped
from tests.changes.conftest import AS_OF, PLAN, commit, edit, git, lock
from tests.cli.run import Ran, run


def diff(folder: Path, *more: str) -> Ran:
    return run("diff", str(folder), *more, "--as-of", AS_OF)


def lines(ran: Ran) -> list[str]:
    return ran.out.splitlines()


def test_nothing_changed(folder: Path) -> None:
    ran = diff(folder)
    assert (ran.code, ran.err) == (0, "")
    first, total = lines(ran)
    assert first == "nothing changes on air up to Wed 03 Jun 06:00"
    assert re.fullmatch(r"\d+ unchanged", total)


def test_lines_that_change_nothing_on_air_are_no_change(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "plan: all", "# every day\nplan: all\npriority: 7")
    assert diff(folder).code == 0


def test_another_episode(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "from: S01E02", "from: S01E03")
    # Nothing is replayed differently: both sides go on from where the older one stood.
    assert diff(folder).code == 0
    ran = diff(folder, "--from", "2026-05-30")  # the epoch: nothing has aired before
    assert ran.code == 2
    assert lines(ran)[0] == "nothing changes on air before Sat 30 May 20:00"
    assert "~ 5.1 Sat 30 May 20:00 taxi S1E2 → S1E3" in lines(ran)
    assert "~ 5.1 Sun 31 May 20:00 taxi S1E3 → S1E1" in lines(ran)
    assert lines(ran)[-1].startswith("2 changed, ")


def test_moved(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:30": film')
    ran = diff(folder)
    assert ran.code == 2
    assert lines(ran)[0] == "nothing changes on air before Mon 01 Jun 21:00"
    assert "> 5.1 Mon 01 Jun 21:30 Charade (1963) (was 21:00)" in lines(ran)
    # What filled the last half hour fills the first one now.
    assert re.search(r"^> 5\.1 Mon 01 Jun 21:00 cheers S1E\d \(was 22:30\)$", ran.out, re.MULTILINE)
    assert re.match(r"4 moved, \d+ unchanged; ", lines(ran)[-1])


def test_changed_added_and_dropped(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", '      "21:00": film\n', "")
    ran = diff(folder)
    assert ran.code == 2
    assert re.search(r"^~ 5\.1 Mon 01 Jun 21:00 Charade \(1963\) → cheers S1E\d$", ran.out, re.MULTILINE)
    added = [line for line in lines(ran) if line.startswith("+ 5.1 Mon 01 Jun")]
    assert [line.split()[5] for line in added] == ["21:30", "22:00"]
    commit(folder, "No film")
    git(folder, "revert", "--no-edit", "HEAD")
    back = diff(folder, "HEAD~1")
    dropped = [line for line in lines(back) if line.startswith("- 5.1 Mon 01 Jun")]
    assert [line.split()[5] for line in dropped] == ["21:30", "22:00"]


def test_only_spots(folder: Path) -> None:
    edit(folder / "library.yaml", "otherwise: thirds", "otherwise: center")
    ran = diff(folder)
    assert ran.code == 2
    # The programme on the air at noon has its first break at 12:07:20.
    assert lines(ran)[0].startswith("nothing changes on air before Mon 01 Jun 12:0")
    assert lines(ran)[0].endswith("and then only between programmes")
    assert not re.search("^[-+>]", ran.out, re.MULTILINE)
    assert "with other breaks" in lines(ran)[1]
    assert re.match(r"\d+ unchanged; [\d,]+ spots moved", lines(ran)[-1])


def test_the_other_side_has_its_own_catalog(folder: Path) -> None:
    lock(folder, cheers=7)
    ran = diff(folder)
    assert ran.code == 2
    assert re.search("cheers S1E[1-5] → S1E6", ran.out)
    commit(folder, "Two more episodes")
    assert diff(folder).code == 0


def test_revisions(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "20:00", "20:30")
    second = commit(folder, "Taxi moves")
    edit(folder / "plans" / "all.yaml", "20:30", "22:30")
    assert "(was 20:30)" in diff(folder).out
    assert "(was 20:00)" in diff(folder, "HEAD~1").out
    assert "(was 20:30)" in diff(folder, second[:8]).out
    git(folder, "tag", "v1")
    assert diff(folder, "v1").out == diff(folder).out


def test_the_merge_base(folder: Path) -> None:
    git(folder, "checkout", "-q", "-b", "later-taxi")
    edit(folder / "plans" / "all.yaml", "20:00", "20:30")
    commit(folder, "Taxi moves")
    git(folder, "checkout", "-q", "main")
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"19:00": cheers')
    commit(folder, "No film")
    git(folder, "checkout", "-q", "later-taxi")
    assert "Charade" in diff(folder, "main").out
    ran = diff(folder, "main", "--merge-base")
    assert ran.code == 2
    assert "Charade" not in ran.out
    assert "(was 20:00)" in ran.out


@pytest.mark.parametrize("revision", ["nowhere", "--output=x", "-rf", "HEAD~99", "HEAD:stations"])
def test_an_unknown_revision_is_said(folder: Path, revision: str) -> None:
    ran = run("diff", str(folder), "--", revision)
    assert ran.code == 1
    assert "git knows no revision" in ran.err
    assert "help: " in ran.err


def test_outside_a_repository(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    alone = tmp_path / "alone"
    (folder / "plans").parent.rename(alone)
    ran = diff(alone)
    assert ran.code == 1
    assert "in no git repository" in ran.err


def test_the_folder_was_not_there_yet(folder: Path) -> None:
    other = folder.parent / "other"
    folder.rename(other)
    ran = diff(other)
    assert ran.code == 1
    assert "there was no stations/other at commit" in ran.err


def test_mistakes_of_either_side_are_said(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "program: taxi", "program: tax")
    broken = diff(folder)
    assert broken.code == 1
    assert "did you mean" in broken.err or "taxi" in broken.err
    commit(folder, "A typo")
    (folder / "plans" / "all.yaml").write_text(PLAN)
    old = diff(folder)
    assert old.code == 1
    assert "HEAD (" in old.err
    assert "/tmp" not in old.err.replace(str(folder), "")


def test_nothing_of_the_repository_runs(folder: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trapped"
    hooks = folder.parent.parent / ".git" / "hooks"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {trap}\ncat\n")
    program.chmod(0o755)
    (folder.parent.parent / ".gitattributes").write_text("*.yaml filter=trap diff=trap\n")
    commit(folder, "Attributes")
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch {trap}\n")
        (hooks / hook).chmod(0o755)
    for key in ("filter.trap.smudge", "diff.trap.textconv", "core.fsmonitor", "diff.external"):
        git(folder, "config", key, str(program))
    edit(folder / "plans" / "all.yaml", "20:00", "20:30")
    ran = diff(folder)
    assert ran.code == 2, ran.err
    assert not trap.exists()
    assert git(folder, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_links_and_submodules_of_the_past(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("program: stolen\nchain: [{ synthetic: slate }]\n")
    (folder / "stolen.yaml").symlink_to(secret)
    (folder / "twin.yaml").symlink_to("programs/inside.yaml")
    (folder / "programs").mkdir()
    (folder / "programs" / "inside.yaml").write_text("program: inside\nchain: [{ synthetic: slate }]\n")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},stations/mini/sub")
    git(folder, "add", "stolen.yaml", "twin.yaml")
    git(folder, "commit", "-q", "-m", "Links")
    (folder / "stolen.yaml").unlink()
    (folder / "twin.yaml").unlink()
    ran = diff(folder)
    # The link within the repository is followed, so its program was there; the other one leads nowhere.
    assert "stolen" not in ran.err
    assert ran.code == 0, ran.err


def test_the_current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(folder / "plans" / "all.yaml", "20:00", "20:30")
    monkeypatch.chdir(folder)
    assert run("diff", "--as-of", AS_OF).out == diff(folder).out
    assert run("diff", "HEAD", "--as-of", AS_OF).out == diff(folder).out


def test_two_artefacts(folder: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    compiled = ("compile", str(folder), "--from", "2026-06-01", "--days", "2", "--as-of", AS_OF, "--quiet")
    assert run(*compiled, "--output", str(old)).code == 0
    assert run("diff", str(old), "--against", str(old)).code == 0
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:30": film')
    assert run(*compiled, "--output", str(new), "--state", str(tmp_path / "other")).code == 0
    ran = run("diff", str(new), "--against", str(old), "--as-of", AS_OF)
    assert ran.code == 2
    assert "> 5.1 Mon 01 Jun 21:30 Charade (1963) (was 21:00)" in lines(ran)
    # The station as it stands against what is published.
    assert run("diff", str(folder), "--against", str(new), "--as-of", AS_OF).code == 0
    assert run("diff", str(folder), "--against", str(old), "--as-of", AS_OF).code == 2
    assert run("diff", str(old)).code == 1
    assert run("diff", str(folder), "HEAD", "--against", str(old)).code == 1


def test_markdown_for_a_pull_request(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:30": film')
    edit(folder / "channel.yaml", "name: Channel One", 'name: "<b>One</b> | *1* @ann #12"')
    ran = diff(folder, "--format", "markdown")
    assert ran.code == 2
    text = ran.out
    assert text.startswith("<!-- retrovue diff -->\n### 📺 Nothing changes on air before Mon 01 Jun ")
    assert text.count("<details>") == text.count("</details>") == 1
    assert "| `>` | Mon 01 Jun 21:30 | Mon 01 Jun 21:00 | Charade (1963) |" in text
    shown = text.replace("<!-- retrovue diff -->", "")
    assert "<b>One" not in shown
    assert "@ann" not in shown
    assert "#12" not in shown.replace("&#124;", "")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len({row.count("|") for row in rows}) == 1


def test_json_is_whole(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:30": film')
    ran = diff(folder, "--format", "json")
    document = json.loads(ran.out)
    assert document["first_change"] == "2026-06-02T01:00:00Z"
    assert document["from"] == "2026-06-01T16:00:00Z"
    assert document["before"]["content_hash"] != document["after"]["content_hash"]
    (channel,) = document["channels"]
    moved = [c for c in channel["changes"] if c["change"] == "moved"]
    assert [c["after"]["start"] for c in moved] == [
        "2026-06-02T01:00:00Z",
        "2026-06-02T01:30:00Z",
        "2026-06-03T01:00:00Z",
        "2026-06-03T01:30:00Z",
    ]
    assert document["totals"]["moved"] == channel["moved"] == 4
    assert len(channel["changes"]) == sum(channel[w] for w in ("changed", "added", "dropped", "moved"))
    assert {c["line"] for c in channel["changes"]} <= set(diff(folder).out.splitlines())


class Page(HTMLParser):
    """Every tag and every address on a page; tags must close in order."""

    EMPTY = frozenset({"meta", "col", "input", "br", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "srcset", "action") and v]
        assert not [k for k, _ in attrs if k.startswith("on")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def test_the_page_is_complete_in_itself(folder: Path, tmp_path: Path) -> None:
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:30": film')
    edit(folder / "channel.yaml", "name: Channel One", "name: '<script>alert(1)</script>'")
    file = tmp_path / "out" / "changes.html"
    ran = diff(folder, "--format", "html", "--output", str(file))
    assert (ran.code, ran.out) == (2, "")
    html = file.read_text()
    page = read(html)
    assert "script" not in page.tags
    assert all(address.startswith("#d2026") for address in page.addresses)
    assert "url(" not in html
    assert "@import" not in html
    text = " ".join(page.text)
    assert "<script>alert(1)</script>" in text
    assert "was at 21:00" in text
    assert "now at 21:30" in text
    assert "Monday 1 June 2026" in text


def test_the_table_of_the_page_lines_up(folder: Path) -> None:
    """Each side's cells fill its column: rowspans add up to the rows."""
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:30": film')
    html = diff(folder, "--format", "html").out
    tables = re.findall(r"<table class=\"guide\">.*?</table>", html, re.DOTALL)
    assert tables
    for table in tables:
        rows = len(re.findall(r"<tr(?: class=\"same\")?>\s*<td>\d\d:\d\d</td>", table))
        spans = [int(n) for n in re.findall(r'rowspan="(\d+)"', table)]
        assert sum(spans) == 2 * rows


def test_a_channel_that_comes_and_one_that_goes(folder: Path) -> None:
    (folder / "two.yaml").write_text('channel: two\nnumber: "6"\nname: Two\nplans: [all]\n')
    ran = diff(folder)
    assert ran.code == 2
    assert "+ 6 Two: the channel is added" in lines(ran)
    assert lines(ran)[0] == "nothing changes on air before Mon 01 Jun 12:00"
    commit(folder, "A second channel")
    (folder / "two.yaml").unlink()
    assert "- 6 Two: the channel is dropped" in lines(diff(folder))


def test_settings_of_a_channel(folder: Path) -> None:
    edit(folder / "channel.yaml", "name: Channel One", "name: One")
    ran = diff(folder)
    assert ran.code == 2
    assert "~ 5.1 name: Channel One → One" in lines(ran)


def test_what_lies_over_the_picture(folder: Path) -> None:
    """A bug that comes is seen as much as a film that goes."""
    edit(folder / "channel.yaml", "name: Channel One", "name: Channel One\noverlays: [bug, news]")
    (folder / "overlays.yaml").write_text("overlay: news\nshows: crawl\ntext: Read all about it\n")
    ran = diff(folder)
    assert ran.code == 2
    assert lines(ran)[0] == "nothing changes on air before Mon 01 Jun 12:00, and then only in overlays"
    count = re.fullmatch(r"~ 5\.1 (\d+) programmes with other overlays", lines(ran)[1])
    assert count
    assert lines(ran)[2].endswith(f" unchanged; {count[1]} programmes with other overlays")
    assert json.loads(diff(folder, "--format", "json").out)["totals"]["overlays"] == int(count[1])
    assert f"{count[1]} programmes with other overlays." in diff(folder, "--format", "markdown").out
    assert f'<td class="overlays">{count[1]}</td>' in diff(folder, "--format", "html").out
    commit(folder, "A crawl")
    assert diff(folder).code == 0
    # The same overlay says something else.
    edit(folder / "overlays.yaml", "Read all about it", "Nothing new")
    edit(folder / "overlays.yaml", "shows: crawl", "shows: crawl\nlasts: 30s\nduring: 18:00-23:00")
    ran = diff(folder)
    assert ran.code == 2
    assert lines(ran)[:4] == [
        "nothing changes on air up to Wed 03 Jun 06:00, but settings of the station do",
        "~ overlay news text: Read all about it → Nothing new",
        "~ overlay news lasts: none → 30s",
        "~ overlay news during: none → 18:00-23:00",
    ]
    # What nobody shows may be anything.
    edit(folder / "channel.yaml", "overlays: [bug, news]", "overlays: bug")
    commit(folder, "No crawl")
    edit(folder / "overlays.yaml", "Nothing new", "Much")
    assert diff(folder).code == 0


def test_what_all_channels_share_on_the_screen(folder: Path) -> None:
    edit(folder / "station.yaml", "name: Mini Television", "name: Maxi Television")
    edit(folder / "station.yaml", "station: mini", "station: maxi")
    card = folder / "templates" / "cards" / "slate.svg"
    card.parent.mkdir(parents=True)
    card.write_text((shipped("templates") / "cards" / "slate.svg").read_text())
    commit(folder, "A card")
    assert diff(folder).code == 0
    card.write_text(card.read_text().replace("<rect", '<rect opacity="0.5"', 1))
    (folder / "ident.yaml").write_text("synthetic: station-ident\nshows: ident\ntext: Hello\n")
    ran = diff(folder, "HEAD~1")
    assert ran.code == 2
    said = lines(ran)
    assert "~ station name: Mini Television → Maxi Television" in said
    assert "~ station slug: mini → maxi" in said
    assert "~ 5.1 guide_id: C5.1.mini.retrovue.tv → C5.1.maxi.retrovue.tv" in said
    assert "~ synthetic station-ident text: none → Hello" in said
    assert "~ card cards/slate.svg is drawn otherwise" in lines(diff(folder))
    found = json.loads(diff(folder, "--format", "json").out)
    assert {"of": "synthetic station-ident", "setting": "text", "before": "", "after": "Hello"} in found[
        "settings"
    ]
    assert "card cards/slate.svg is drawn otherwise" in diff(folder, "--format", "html").out
    assert "- card cards/slate.svg is drawn otherwise" in diff(folder, "--format", "markdown").out


def test_what_the_guide_says_of_a_programme(folder: Path) -> None:
    edit(
        folder / "programs.yaml",
        "program: film\n",
        "program: film\ndescription: Two hours\ncategories: [Late]\n",
    )
    ran = diff(folder)
    assert ran.code == 2
    assert "~ 5.1 Mon 01 Jun 21:00 Charade (1963) Movie → Late, described otherwise" in lines(ran), ran.out


def test_what_a_program_is_called_in_yaml_is_nobodys_business(folder: Path) -> None:
    edit(folder / "programs.yaml", "program: film\n", "program: feature\n")
    edit(folder / "plans" / "all.yaml", '"21:00": film', '"21:00": feature')
    ran = diff(folder)
    assert ran.code == 0, ran.out
    assert lines(ran)[0] == "nothing changes on air up to Wed 03 Jun 06:00"


def test_an_output_that_can_not_be_written(folder: Path) -> None:
    ran = diff(folder, "--output", str(folder / "station.yaml" / "x"))
    assert ran.code == 1
    assert "can't write" in ran.err


def test_both_sides_go_on_from_the_ledger(folder: Path) -> None:
    """The ledger says that the first episode aired last; a replay from the epoch would say the fourth."""
    edit(folder / "station.yaml", "epoch: 2026-05-30", "epoch: 2026-05-31")
    assert run("compile", str(folder), "--from", "2026-05-31", "--days", "1", "--quiet").code == 0
    assert run("ledger", "export", str(folder), "--day", "2026-05-31", "--quiet").code == 0
    ledger = (folder / "ledger.yaml").read_text()
    assert "broadcast_date: 2026-05-31" in ledger
    edit(folder / "ledger.yaml", "sitcoms/cheers/S01E04", "sitcoms/cheers/S01E01")
    commit(folder, "Ledger")
    edit(folder / "plans" / "all.yaml", "window: 06:00-19:00", "window: 06:30-19:00")
    ran = run("diff", str(folder), "--from", "2026-06-01", "--as-of", AS_OF)
    assert ran.code == 2, ran.err
    assert re.search(r"^[~-] 5\.1 Mon 01 Jun 06:00 cheers S1E2\b", ran.out, re.MULTILINE)
    (folder / "ledger.yaml").unlink()
    # The older side's ledger decides for both.
    assert run("diff", str(folder), "--from", "2026-06-01", "--as-of", AS_OF).out == ran.out


def test_new_warnings_are_told(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "window: 06:00-19:00", "window: 07:00-19:00")
    ran = diff(folder)
    (warning,) = [line for line in lines(ran) if line.startswith("! ")]
    assert warning.startswith("! channel.yaml:4: channel “one” is off the air 06:00-07:00")
    assert warning[2:] in json.loads(diff(folder, "--format", "json").out)["new_warnings"]
    assert "**1 new warning**" in diff(folder, "--format", "markdown").out
    assert "New warning: channel.yaml:4" in diff(folder, "--format", "html").out
    commit(folder, "Later")
    assert "!" not in diff(folder).out


def test_wrong_usage_is_no_change(folder: Path) -> None:
    """Exit code 2 says that something changes; a script must not take a typo for that."""
    assert run("diff", str(folder), "--formt", "json").code == 1
    assert run("diff", str(folder), "--days", "many").code == 1


def test_a_test_pattern_that_begins_earlier(folder: Path) -> None:
    edit(folder / "plans" / "all.yaml", "window: 19:00-23:00", "window: 19:00-22:30")
    ran = diff(folder)
    assert ran.code == 2
    assert re.search(r"^~ 5\.1 Mon 01 Jun 22:30 cheers S1E\d → Test Pattern$", ran.out, re.MULTILINE)
    # From 23:00 on there is what there was.
    assert " 23:00 " not in ran.out
