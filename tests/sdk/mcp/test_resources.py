"""Agents read pages of skills and reports of jobs; nothing else can be named."""

from __future__ import annotations

from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from tests.sdk.mcp.conftest import PLAN, Agent, House
from tests.sdk.toy import FIXTURES, TOY

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.errors import RequestInvalid, SkillbankError, SkillNotFound
from skillbank.mcp import resources
from skillbank.mcp.resources import list_pages, read_html, read_page

SKILL = "tao-train-pose-classification"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path / "root")


def test_every_listed_page_of_the_shipped_skills_can_be_read(client: Client) -> None:
    pages = list_pages(client.bank)

    assert f"skillbank://skills/{SKILL}/SKILL.md" in {page.uri for page in pages}
    assert f"skillbank://skills/{SKILL}/schemas/train.schema.json" in {page.uri for page in pages}
    for page in pages:
        assert read_page(client, page.uri).text.strip()


def test_a_page_is_the_file_with_its_type(client: Client) -> None:
    page = read_page(client, f"skillbank://skills/{SKILL}/references/spec_template_train.yaml")

    folder = client.bank[SKILL].folder
    assert page.mime_type == "application/yaml"
    assert page.text == (folder / "references/spec_template_train.yaml").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd",
        "references/../../../pyproject.toml",
        "%2e%2e/%2e%2e/pyproject.toml",
        "/etc/passwd",
        "evals/evals.json",
        "references",
        "references/nothing.md",
    ],
)
def test_a_file_that_is_not_listed_cannot_be_read(client: Client, name: str) -> None:
    with pytest.raises(RequestInvalid, match="has no file"):
        read_page(client, f"skillbank://skills/{SKILL}/{name}")


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "skillbank://",
        "skillbank://jobs/",
        "skillbank://skills/x",
        "skillbank://other/a/b",
        f"skillbank://skills/..%2F{SKILL}/SKILL.md",
        "skillbank://jobs/..%2F..%2Fetc/report",
        "skillbank://jobs/none/report",
    ],
)
def test_a_resource_that_there_is_not_is_refused(client: Client, uri: str) -> None:
    with pytest.raises(SkillbankError):
        read_page(client, uri)


def test_a_link_that_leaves_its_skill_is_no_page(tmp_path: Path) -> None:
    skill = tmp_path / "skills" / "my-skill"
    (skill / "references").mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: my-skill\ndescription: x\n---\n", encoding="utf-8")
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    (skill / "references/leak.md").symlink_to(tmp_path / "secret.md")

    pages = list_pages(SkillBank([tmp_path / "skills"]))

    assert [page.name for page in pages] == ["my-skill/SKILL.md"]


def test_an_unknown_skill_is_named(client: Client) -> None:
    with pytest.raises(SkillNotFound, match="did you mean 'tao-train-pose-classification'"):
        read_page(client, "skillbank://skills/tao-train-pose-clasification/SKILL.md")


def test_a_long_log_is_cut_at_its_beginning_and_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "MOST_BYTES", 10)
    job = house.client.create_job(**PLAN)

    text = read_page(house.client, f"skillbank://jobs/{job.id}/log").text

    whole = house.client.logs(job.id)
    assert text.splitlines()[0].startswith(f"[10 of {len(whole)} bytes; ")
    assert text.endswith(whole[-10:])


def test_the_plan_of_a_job_is_read_as_json(house: House) -> None:
    job = house.client.create_job(**PLAN)

    page = read_page(house.client, f"skillbank://jobs/{job.id[:-2]}/plan")

    assert page.text == house.client.plan_of(job.id).to_json()


def test_of_a_page_only_what_a_person_reads_is_left() -> None:
    page = (
        "<html><head><title>no</title><style>no</style></head><body><h1>Report</h1>"
        "<script>var no = '<p>no</p>';</script><svg><text>no</text></svg>"
        "<table><tr><th>class</th><th>right</th></tr><tr><td>wave</td><td>3 &amp; 4</td></tr>"
        "</table><p>The   <b>end</b> of it.</p></body></html>"
    )

    assert read_html(page) == "Report\nclass | right |\nwave | 3 & 4 |\nThe end of it.\n"


def test_over_the_protocol_resources_are_listed_in_pages_and_read(house: House) -> None:
    async def talk(agent: Agent) -> None:
        listed = (await agent.connection.list_resources()).resources
        templates = (await agent.connection.list_resource_templates()).resource_templates
        page = await agent.read(f"skillbank://skills/{TOY}/SKILL.md")

        assert f"skillbank://skills/{TOY}/SKILL.md" in {one.uri for one in listed}
        assert "skillbank://jobs/{job}/report" in {one.uri_template for one in templates}
        assert page == (FIXTURES / "skills" / TOY / "SKILL.md").read_text()
        with pytest.raises(MCPError, match="has no file 'secret'"):
            await agent.read(f"skillbank://skills/{TOY}/secret")

    house.talk(talk)
