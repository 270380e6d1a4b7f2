"""The project file: found beside or above, overlaid by a profile, checked."""

from pathlib import Path

import pytest

from runner.model.project import SecretRef
from runner.recipe import load_project
from runner.recipe.project import LoadedProject, connection_problems
from tests.recipe.shop import Shop

HEAD = "apiVersion: runner/v1\nkind: Project\n"
FULL = """\
name: books
ledger: {env: LEDGER_URL}
environment: [URL]
allow_paths: [/srv/inbox, ../shared]
connections:
  shop: {platform: shop, token: {file: token.txt}, base_url: "{{ env.URL | default('https://shop.example') }}"}
run: {timeout: 2h, poll: {first: 2s, max: 9s}}
profiles:
  prod:
    ledger: postgresql://db/books
    connections:
      shop: {base_url: https://prod.example}
      late: {platform: market, token: {command: [pass, show, x]}}
    run: {max_in_flight: 8, poll: {max: 5m}}
"""


def project(
    folder: Path, text: str, profile: str | None = None, environ: dict[str, str] | None = None
) -> LoadedProject:
    (folder / "runner.yaml").write_text(HEAD + text)
    return load_project([folder], profile=profile, environ=environ or {})


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    (tmp_path / "My Recipes").mkdir()
    (tmp_path / ".git").mkdir()
    loaded = load_project([tmp_path / "My Recipes" / "r.yaml"], profile=None, environ={})
    found = loaded.project
    assert (found.name, found.root, found.path) == ("my-recipes", tmp_path / "My Recipes", "")
    assert (found.ledger, found.state) == (".runner/ledger.db", found.root / ".runner")
    assert loaded.problems == []


def test_the_file_is_found_above(tmp_path: Path) -> None:
    project(tmp_path, "name: books\n")
    (tmp_path / "a" / "b").mkdir(parents=True)
    found = load_project([tmp_path / "a" / "b" / "r.yaml"], profile=None, environ={}).project
    assert (found.name, found.root) == ("books", tmp_path)


def test_the_search_ends_at_the_repository(tmp_path: Path) -> None:
    project(tmp_path, "name: stranger\n")
    (tmp_path / "mine" / ".git").mkdir(parents=True)
    assert load_project([tmp_path / "mine"], profile=None, environ={}).project.name == "mine"


def test_all_fields(tmp_path: Path) -> None:
    loaded = project(tmp_path, FULL)
    found = loaded.project
    assert loaded.problems == []
    assert isinstance(found.ledger, SecretRef)
    assert (found.ledger.store, found.ledger.name, str(found.ledger.mark).endswith("runner.yaml:4:9")) == (
        "env",
        "LEDGER_URL",
        True,
    )
    assert found.allowed == [Path("/srv/inbox"), tmp_path / ".." / "shared"]
    shop = found.connections["shop"]
    assert shop.fields["base_url"] == "https://shop.example"
    assert shop.fields["token"].name == "token.txt"
    assert found.run == {"timeout": "2h", "poll": {"first": "2s", "max": "9s"}}


def test_a_profile_is_laid_over(tmp_path: Path) -> None:
    found = project(tmp_path, FULL, "prod", {"URL": "https://env.example"}).project
    assert (found.profile, found.ledger) == ("prod", "postgresql://db/books")
    assert found.connections["shop"].fields["base_url"] == "https://prod.example"
    assert found.connections["shop"].fields["token"].store == "file"
    assert found.connections["late"].fields["token"].argv == ("pass", "show", "x")
    assert found.run == {"timeout": "2h", "max_in_flight": 8, "poll": {"first": "2s", "max": "5m"}}


@pytest.mark.parametrize(
    ("text", "profile", "slug", "place"),
    [
        ("nmae: x\n", None, "unknown-field", "3:1"),
        ("connections: {a: {token: {env: X}}}\n", None, "missing-field", "3:15"),
        ("connections: {a: {platform: shop, tokn: {env: X}, token: {env: Y}}}\n", None, "unknown-field", "3:35"),
        ("connections: {a: {platform: shop}}\n", None, "missing-field", "3:15"),
        ("connections: {a: {platform: shop, token: secret}}\n", None, "open-secret", "3:42"),
        ("connections: {a: {platform: shp, token: {env: X}}}\n", None, "unknown-platform", "3:15"),
        ("connections: {a: {platform: shop, token: {envv: X}}}\n", None, "wrong-type", "3:42"),
        ("connections: {a: {platform: shop, token: {env: X}, retries: many}}\n", None, "wrong-type", "3:61"),
        ("run: {timeout: 5}\n", None, "wrong-type", "3:16"),
        ("ledger: {evn: X}\n", None, "unknown-field", "3:10"),
        ("ledger: '{{ env.NONE }}'\nenvironment: [NONE]\n", None, "undefined-value", "3:9"),
        ("ledger: '{{ env.NONE }}'\n", None, "undefined-value", "3:9"),
        ("secrets: {x: {env: B}}\nledger: '{{ env.B }}'\n", None, "secret-variable", "4:17"),
        ("environment: [A, B]\nsecrets: {x: {env: B}}\n", None, "secret-variable", "3:18"),
        ("environment: [B]\nprofiles: {p: {ledger: {env: B}}}\n", None, "secret-variable", "3:15"),
        ("environment: [9x]\n", None, "bad-pattern", "3:15"),
        ("profiles: {prod: {}}\n", "prd", "unknown-profile", "None"),
        ("profiles: {prod: {connections: {b: {token: {env: X}}}}}\n", "prod", "missing-field", "3:33"),
        ("profiles: {prod: {runn: {}}}\n", None, "unknown-field", "3:19"),
        ("ledger: 5\n", None, "wrong-type", "3:9"),
    ],
)
def test_problem(text: str, profile: str | None, slug: str, place: str, tmp_path: Path) -> None:
    loaded = project(tmp_path, text, profile)
    found = [*loaded.problems, *([] if loaded.problems else connection_problems(loaded, Shop()))]
    assert [
        (problem.slug, str(problem.mark).partition("runner.yaml:")[2] or str(problem.mark)) for problem in found
    ] == [(slug, place)]


def test_a_broken_file_is_told_and_gives_defaults(tmp_path: Path) -> None:
    loaded = project(tmp_path, "a: [\n")
    assert [problem.slug for problem in loaded.problems] == ["yaml-syntax"]
    assert loaded.project.root == tmp_path


def test_secrets_have_names(tmp_path: Path) -> None:
    loaded = project(tmp_path, "secrets: {labelbox: {env: HOOK}, api: {file: token.txt}}\n")
    found = {name: (one.store, one.name) for name, one in loaded.project.secrets.items()}
    assert found == {"labelbox": ("env", "HOOK"), "api": ("file", "token.txt")}
    assert loaded.problems == []


def test_a_secret_in_the_file_is_a_problem(tmp_path: Path) -> None:
    loaded = project(tmp_path, "secrets: {labelbox: s3same}\n")
    assert [problem.slug for problem in loaded.problems] == ["wrong-type"]
    assert loaded.project.secrets == {}
