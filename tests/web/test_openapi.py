import asyncio
from pathlib import Path
from typing import Any

from starlette.routing import Route

from runner.web.openapi import openapi
from tests.web.place import served, write


def documented(folder: Path, **more: Any) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """Return the document of a service, and the (method, path) of all its routes."""
    write(folder)

    async def read() -> tuple[dict[str, Any], set[tuple[str, str]]]:
        async with served(folder, **more) as client:
            headers = {"Authorization": "Bearer s3same"}
            document = (await client.http.get("/api/openapi.json", headers=headers)).json()
            routes = [route for route in client.service.app().routes if isinstance(route, Route)]
            return document, {(method, one.path) for one in routes for method in one.methods or () if method != "HEAD"}

    return asyncio.run(read())


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method.upper(), path): one for path, item in document["paths"].items() for method, one in item.items()}


def test_it_has_every_route_and_no_other(tmp_path: Path) -> None:
    document, routes = documented(tmp_path)
    assert set(operations(document)) == routes
    assert ("POST", "/hooks/go") in routes


def test_every_operation_says_what_it_answers(tmp_path: Path) -> None:
    document, _ = documented(tmp_path)
    for place, one in operations(document).items():
        assert one["summary"], place
        assert all(answer["description"] for answer in one["responses"].values()), place
        named = {parameter["name"] for parameter in one.get("parameters", [])}
        assert "{id}" not in place[1] or "id" in named


def test_with_a_token_the_api_is_secured_and_the_hooks_are_not(tmp_path: Path) -> None:
    secured = {place for place, one in operations(documented(tmp_path, api_token="api")[0]).items() if one["security"]}
    assert ("GET", "/api/runs") in secured
    assert not {path for _, path in secured} & {"/models", "/model_run", "/hooks/go", "/healthz", "/readyz"}


def test_every_reference_leads_somewhere() -> None:
    document = openapi([], has_token=True)
    text = str(document)
    for name in ("Run", "Problem"):
        assert f"#/components/schemas/{name}" in text
        assert name in document["components"]["schemas"]
