"""`runner platforms`: the list, and the page that is made from it."""

import json
from pathlib import Path

from tests.cli.shell import Shell

PAGE = Path(__file__).parents[2] / "runner/platforms/manifests/README.md"
OWN = """apiVersion: runner/v1
kind: Platform
name: shop
title: The shop
connection:
  fields: {base_url: {type: string, default: https://shop.example}, key: {type: secret, required: true}}
targets:
  order:
    options:
      required: [sku]
      properties:
        sku: {type: string, description: "What is bought | sold.", x-scope: [item]}
        gift: {type: boolean, default: false}
    submit: {call: {post: /orders, json: {sku: "{{ options.sku }}"}}, id: "{{ response.id }}"}
    poll: {call: {get: "/orders/{{ job.id }}"}, status: "{{ response.state }}", states: {succeeded: [DONE]}}
    results: {result: "{{ response }}"}
"""


def test_the_page_of_the_house_is_the_one_that_is_made(shell: Shell):
    made = shell("platforms", "--markdown").out
    assert PAGE.read_text(encoding="utf-8") == made, f"run: runner platforms --markdown > {PAGE.name} in its folder"


def test_a_platform_that_is_not_there_is_wrong_usage(shell: Shell):
    said = shell("platforms", "aihubb")
    assert (said.code, 'did you mean "aihub"?' in said.err) == (2, True)


def test_every_kind_stands_with_its_guarantee(shell: Shell):
    said = shell("platforms", "aihub").out
    assert "aihub.app    app, owner?, version" in said
    assert "lost jobs: exact" in said


def test_every_mode_of_a_target_makes_its_own_promises(shell: Shell):
    said = shell("platforms", "labelbox").out
    assert "One run over many data rows: lost jobs: exact" in said
    assert "One raw asset a job: lost jobs: none" in said


def test_a_projects_own_manifest_is_listed(shell: Shell):
    shell.write("platforms/shop.yaml", OWN)
    (platform,) = json.loads(shell("platforms", "shop", "-o", "json").out)["platforms"]
    assert (platform["title"], platform["connection"][1]["required"]) == ("The shop", True)
    (kind,) = platform["kinds"]
    assert (kind["kind"], kind["find"], kind["promises"][1]) == ("shop.order", "none", "items per job: 1")


def test_a_page_says_what_a_field_takes(shell: Shell):
    shell.write("platforms/shop.yaml", OWN)
    page = shell("platforms", "shop", "-o", "markdown").out
    assert "| `sku` | string | required | What is bought \\| sold. May read item. |" in page
    assert "| `gift` | boolean | `false` |  |" in page


def test_an_unknown_platform_is_told(shell: Shell):
    said = shell("platforms", "aihubb")
    assert (said.code != 0, 'did you mean "aihub"?' in said.err) == (True, True)
