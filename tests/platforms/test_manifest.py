import pytest

from runner.model.errors import RecipeError
from runner.model.secret import Secret
from runner.platforms.catalog import BUILT_IN
from runner.platforms.identity import digest
from runner.platforms.manifest import check_manifest, load_manifest
from tests.platforms.made import EXAMPLES, OWN, manifest, problems

HEAD = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
"""
TARGET = """\
targets:
  t:
    options: {properties: {a: {type: string}}}
    submit: {call: {post: /x}, id: "{{ response.id }}"}
    poll: {call: {get: "/x/{{ job.id }}"}, status: "{{ response.s }}", states: {succeeded: [done]}}
    results: {result: "{{ response }}"}
"""


@pytest.mark.parametrize(
    "path",
    sorted(path for folder in (BUILT_IN, OWN, EXAMPLES) for path in folder.glob("*.yaml") if "." not in path.stem),
    ids=lambda path: path.stem,
)
def test_every_manifest_of_the_house_is_right(path):
    assert check_manifest(path) == []


def test_the_smallest_target_is_right():
    assert manifest(HEAD + TARGET).targets["t"].capabilities.default_items_per_job == 1


@pytest.mark.parametrize(
    ("old", "new", "slug", "line"),
    [
        ("{post: /x}", "{post: /x, get: /y}", "bad-call", 8),
        ("{post: /x}", "{json: {a: 1}}", "bad-call", 8),
        ("{post: /x}", "{post: /x, json: 1, form: {}}", "bad-call", 8),
        ("{post: /x}", "{post: /x, jsn: 1}", "unknown-field", 8),
        ("{post: /x}", '{post: "/{{ options.b }}"}', "unknown-name", 8),
        ("{post: /x}", '{post: "/{{ job.batch }}"}', "unknown-name", 8),
        ("{post: /x}", '{post: "/{{ response.id }}"}', "unknown-name", 8),
        ("{post: /x}", '{post: "/{{ found }}"}', "unknown-name", 8),
        ("{post: /x}", '{post: "/{{ connection.tokn }}"}', "unknown-name", 8),
        ("{post: /x}", '{post: "/{{ x | nothing }}"}', "unknown-filter", 8),
        ("{post: /x}", "{post: /x, json: {$for: a, $give: 1}}", "bad-loop", 8),
        ("{post: /x}", '{post: /x, query: {p: "{{ page.offset }}"}}', "unknown-name", 8),
        (', status: "{{ response.s }}"', "", "missing-field", 9),
        ("states: {succeeded", "states: {suceeded", "unknown-field", 9),
        ('{result: "{{ response }}"}', "{keep: {}}", "missing-field", 10),
        ("    results:", "    capabilities: {items_per_job: {max: 5}}\n    results:", "missing-field", 11),
        ("    results:", "    capabilities: {find: exact}\n    results:", "bad-capability", 10),
        ("    results:", "    capabilities: {find: key}\n    results:", "bad-capability", 8),
        ("    results:", "    capabilities: {cancel: true}\n    results:", "bad-capability", 10),
        ("    results:", '    capabilities: {key_lifetime: "{{ 5 }}"}\n    results:', "wrong-type", 10),
        ("base_url: {type: string}", 'base_url: "{{ a }}"', "wrong-type", 4),
        ("    results:", "    token: {letters: 'z-a'}\n    results:", "bad-pattern", 10),
        ("{post: /x}", "{post: /x, multipart: {f: {content: a, json: 1}}}", "bad-call", 8),
        (
            'submit: {call: {post: /x}, id: "{{ response.id }}"}',
            'submit: {id: "{{ response.id }}"}',
            "missing-field",
            8,
        ),
        (', id: "{{ response.id }}"}', "}", "missing-field", 8),
        (
            "    results:",
            "    find: {call: {get: /x}, match: '{{ found.k }}', each: '{{ response }}', id: '{{ found.id }}'}\n"
            "    capabilities: {find: none}\n    results:",
            "bad-capability",
            10,
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_line(old, new, slug, line):
    text = (HEAD + TARGET).replace(old, new)
    assert (slug, line) in problems(text)


PAGES = (
    HEAD
    + """\
sources:
  s:
    call: {get: /x}
    pages: PAGES
    each: "{{ response }}"
    key: "{{ found.id }}"
"""
)


@pytest.mark.parametrize(
    "pages",
    [
        "{}",
        "{offset: {step: 1}}",
        "{offset: {until: short}}",
        "{number: {until: short}}",
        "{offset: {while: 1, until: empty}}",
    ],
)
def test_pages_without_an_end_are_told(pages):
    assert ("bad-pages", 8) in problems(PAGES.replace("PAGES", pages))


@pytest.mark.parametrize("errors", ["[{is: auth}]"])
def test_a_rule_without_a_condition_is_told(errors):
    assert ("bad-rule", 5) in problems(f"{HEAD}errors: {errors}\n")


def test_a_captured_name_may_not_hide_a_fact_of_the_job():
    text = (HEAD + TARGET).replace(
        'id: "{{ response.id }}"', 'id: "{{ response.id }}", keep: {key: "{{ response.k }}"}'
    )
    assert ("reserved-name", 7) in problems(text)


def test_a_name_that_an_earlier_step_keeps_is_known(tmp_path):
    prepare = "    prepare: {call: {post: /c}, keep: {batch: '{{ response.id }}'}}\n    submit:"
    text = (HEAD + TARGET).replace("    submit:", prepare).replace("{post: /x}", '{post: "/{{ job.batch }}"}')
    assert manifest(text).targets["t"].kept == {"batch"}


def test_emulate_names_fields_of_the_connection():
    assert ("unknown-field", 4) in problems(HEAD.replace("}}}\n", "}}, emulate: {url: 1}}\n"))


def test_the_emulators_token_is_a_secret():
    text = HEAD.replace("}}}\n", "}}, emulate: {base_url: '{{ emulator.url }}/api', token: '{{ emulator.token }}'}}\n")
    assert manifest(text).emulated("http://h", "k") == {"base_url": "http://h/api", "token": Secret("k")}


@pytest.mark.parametrize("text", ["", "[]", "7", "a: [", "apiVersion: runner/v1", "\x00", "name: {{ x }}"])
def test_what_is_no_manifest_is_told(tmp_path, text):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    assert check_manifest(path)
    with pytest.raises(RecipeError):
        load_manifest(path)


def test_a_missing_file_is_told(tmp_path):
    assert [problem.slug for problem in check_manifest(tmp_path / "none.yaml")] == ["unreadable-file"]


def test_the_schema_of_an_option_is_checked(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text((HEAD + TARGET).replace("{a: {type: string}}", "{a: {type: strin}}"))
    assert [(problem.slug, problem.mark.line) for problem in check_manifest(path)] == [("bad-schema", 7)]


@pytest.mark.parametrize(
    ("expression", "slugs"),
    [
        ("options.a | default('x')", ["vain-default"]),
        ("options.a | default(options.b)", ["vain-default"]),
        ("options.b.c | default(f(1, 2)[0])", ["vain-default"]),
        ("options.a | default('x, y)', true)", []),
        ("options.a | default(none)", []),
        ("options.a | default(options.b, true) | default(none)", []),
        ("options.given | default('x')", []),
        ("options.a or 'x'", []),
        ("job.id | default('x')", []),
    ],
)
def test_a_default_that_never_comes_is_told(expression, slugs):
    options = "{properties: {a: {type: string}, b: {type: object}, given: {default: x}}}"
    text = (HEAD + TARGET).replace("{properties: {a: {type: string}}}", options)
    expression = expression.replace("f(1, 2)", "[1, 2]")
    found = problems(text.replace('"/x/{{ job.id }}"', f'"/x/{{{{ job.id ~ ({expression}) }}}}"'))
    assert [slug for slug, _ in found] == slugs


OVER_ITEMS = (
    HEAD
    + """\
targets:
  t:
    options: {properties: {a: {type: string}, row: {x-scope: [item]}, deep: {properties: {b: {x-scope: [item]}}}}}
    check: {expect: "{{ true CHECK }}", error: wrong}
    leaves: "{{ none LEAVES }}"
    token: "{{ item.key PER_ITEM }}"
    prepare: {keep: {row: "{{ options.row }}"}}
    upload: {call: {put: "/u/{{ options.row }}"}, keep: {u: "{{ response.id }}"}}
    uploaded: {v: "{{ options.row }}"}
    submit: {call: {post: "/x/{{ options.row }}"}, id: "{{ response.id FOR_JOB }}"}
    find: {call: {get: /x}, each: "{{ response }}", match: "{{ found.row == FIND }}", id: "{{ found.id }}"}
    poll: {call: {get: "/x/{{ job.id POLL }}"}, status: "{{ response.s }}", states: {succeeded: [done]}}
    results: {result: "{{ response RESULTS }}"}
    cancel: {call: {post: "/c{{ '' CANCEL }}"}}
    estimate: {money: "{{ count ESTIMATE }}"}
    cleanup: {call: {delete: "/x{{ '' CLEANUP }}"}}
    capabilities: {cancel: true}
sinks:
  s:
    options: {properties: {a: {type: string}, row: {x-scope: [record, item]}}}
    identity: "{{ options.a IDENTITY }}"
    element: "{{ options.row }}"
    write: {call: {post: "/w{{ '' WRITE }}", json: "{{ rows }}"}}
"""
)
PLACES = ["CHECK", "LEAVES", "POLL", "RESULTS", "CANCEL", "ESTIMATE", "CLEANUP", "IDENTITY", "WRITE"]
PER_ITEM = ["PER_ITEM", "FOR_JOB"]


def over_items(place, read):
    """Return the manifest with something read in one place."""
    text = OVER_ITEMS.replace(place, read if place == "FIND" else f"~ {read}").replace("FIND", "job.row")
    for other in (*PLACES, *PER_ITEM):
        text = text.replace(other, "")
    return text


@pytest.mark.parametrize("place", PER_ITEM)
def test_an_option_over_items_is_read_where_an_item_is(place):
    assert problems(over_items(place, "options.row")) == []


@pytest.mark.parametrize("place", ["FIND", *PLACES])
def test_an_option_over_items_is_not_read_where_no_item_is(place):
    assert problems(over_items(place, "options.a")) == []
    assert [slug for slug, _ in problems(over_items(place, "options.row"))] == ["out-of-scope"]


def test_a_part_over_items_makes_the_whole_option_one():
    assert [slug for slug, _ in problems(over_items("FIND", "options.deep.b"))] == ["out-of-scope"]


def test_a_request_of_several_items_reads_no_item():
    text = over_items("FIND", "job.row").replace("cancel: true}", "cancel: true, items_per_job: {max: 5}}")
    text = text.replace('result: "', 'item: "{{ response.k }}", result: "')
    assert [slug for slug, _ in problems(text)] == ["out-of-scope", "out-of-scope"]


SENDING = (
    HEAD
    + """\
targets:
  t:
    options: {properties: {a: {type: string}}}
    capabilities: {items_per_job: {max: 9}}
    token: {max: 19}
    element: {k: "{{ item.token }}"}
    prepare:
      - {call: {get: /look}, keep: {look: "{{ response.id }}"}}
      - {keep: {name: "n {{ options.a }}"}}
      - {when: "{{ kept.name }}", call: {put: "/c/{{ kept.name }}", query: {q: 1}, read: none}}
    submit:
      when: "{{ items }}"
      call: {post: /x, headers: {h: v}, json: {items: "{{ items }}"}, ok: [409], read: json}
      id: "{{ response.id }}"
      keep: {url: "{{ response.url }}"}
      outcome: {not_created: [400]}
    poll: {call: {get: "/x/{{ job.id }}"}, status: "{{ response.s }}", states: {succeeded: [done]}}
    results: {each: "{{ response.all }}", item: "{{ found.k }}", result: "{{ found }}"}
"""
)


@pytest.mark.parametrize(
    ("old", "new", "is_new_work"),
    [
        ("[400]", "[400, 404]", False),
        ("[400]", '[400, "{{ response.errors }}"]', False),
        ("outcome: {not_created: [400]}", "status_in_reply: true", False),
        ('id: "{{ response.id }}"\n', 'id: "{{ response.job.id }}"\n', False),
        ("response.url", "response.links.self", False),
        ("{get: /look}", "{get: /look/again, query: {all: 1}}", False),
        ("keep: {look: ", "keep: {batch: ", False),
        (", ok: [409], read: json", "", False),
        ("post: /x", "post: /y", True),
        ("post: /x", "put: /x", True),
        ("h: v", "h: w", True),
        ("json: {items", "json: {all", True),
        ('when: "{{ items }}"', 'when: "{{ not items }}"', True),
        ("{k: ", "{key: ", True),
        ("token: {max: 19}", "token: {max: 18}", True),
        ("n {{ options.a }}", "m {{ options.a }}", True),
        ("query: {q: 1}", "query: {q: 2}", True),
        ("{type: secret}}}", "{type: secret}}, headers: {v: 2}}", True),
    ],
)
def test_what_is_sent_is_in_the_digest_and_how_replies_are_read_is_not(old, new, is_new_work):
    assert old in SENDING
    before, after = (digest(manifest(each).value, "t") for each in (SENDING, SENDING.replace(old, new, 1)))
    assert (before != after) == is_new_work


def test_only_what_reaches_the_platform_is_in_the_digest():
    text = HEAD + TARGET
    same = text.replace("results: {result", "title: T\n    results: {item: '{{ found }}', result").replace(
        "done", "over"
    )
    other = text.replace("post: /x", "post: /y")
    digests = [digest(manifest(each).value, "t") for each in (text, same, other)]
    assert digests[0] == digests[1] != digests[2]


def test_a_required_option_is_described(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text((HEAD + TARGET).replace("{a: {type: string}}", "{a: {type: string}}, required: [b]"))
    assert [(problem.slug, problem.mark and problem.mark.line) for problem in check_manifest(path)] == [
        ("unknown-field", 7)
    ]
