"""The demo that every stand-in starts with: project 3, support messages, and prompt 1 with seven versions.

Version 1 only names the classes, version 6 knows some words of each, version 7 enough to pass a gate of 0.93.
"""

from __future__ import annotations

from runner.emulators.label_studio.labels import controls, regions
from runner.emulators.label_studio.messages import LABELS, messages
from runner.emulators.label_studio.store import Project, Prompt, Store, Version

PROJECT, PROMPT = 3, 1

LABEL_CONFIG = """<View>
  <Text name="text" value="$text"/>
  <Choices name="intent" toName="text" choice="single">
    <Choice value="billing"/><Choice value="shipping"/><Choice value="returns"/>
    <Choice value="account"/><Choice value="other"/>
  </Choices>
</View>"""

HEAD = "Which team should answer this message?\n\n{text}\n\nAnswer with one of: " + ", ".join(LABELS) + ".\n"

VERSIONS: tuple[tuple[str, str], ...] = (
    ("names only", HEAD),
    ("with other as last resort", HEAD + "Otherwise other.\n"),
    ("money words", HEAD + "billing: invoice, charge, payment\nOtherwise other.\n"),
    (
        "money and parcels",
        HEAD + "billing: invoice, charge, payment\nshipping: parcel, package, courier\nOtherwise other.\n",
    ),
    (
        "all teams, few words",
        HEAD + "billing: invoice, charge\nshipping: parcel, package\nreturns: return, broken\n"
        "account: password, log in\nOtherwise other.\n",
    ),
    (
        "all teams, more words",
        HEAD + "billing: invoice, charged, payment, receipt\nshipping: parcel, package, courier, tracking\n"
        "returns: return, broken, exchange\naccount: password, log in, profile\nOtherwise other.\n",
    ),
    (
        "all teams, with the phrases of last month's tickets",
        HEAD + "billing: invoice, charge, charged twice, payment, card, receipt, bill, VAT, coupon, deducted, debited, "
        "subscription fee, pay by\n"
        "shipping: parcel, package, courier, carrier, tracking, deliver, ship to, customs, "
        "delivery address, driver, where is, second one arrive\n"
        "returns: return, send it back, send them back, send back, sent the, exchange, broken, defective, "
        "replacement, swap, warranty, wrong size, RMA, instead of the, label is missing\n"
        "account: password, log in, login, signed in, signs me out, locked out, profile, username, email, two-factor, "
        "reset link\n"
        "Otherwise other.\n",
    ),
)


def seed(store: Store, tasks: int) -> None:
    """Fill an empty store with the demo; `tasks` messages, 0 for nothing at all."""
    if not tasks:
        return
    now = store.clock()
    project = Project(PROJECT, "support-intent", LABEL_CONFIG, now, "Which team answers a support message")
    store.projects[PROJECT] = project
    store.ids["project"] = PROJECT
    asked = controls(LABEL_CONFIG)
    for label, text, known in messages(tasks):
        task = store.add_task(project, {"text": text})
        if known:
            store.add_annotation(task, regions(asked, {"intent": label}), ground_truth=True)
    store.prompts[PROMPT] = Prompt(
        store.next_id("prompt"), "Support intent", now, now, "Routes messages to teams",
        input_fields=["text"], output_classes=list(LABELS), associated_projects=[PROJECT],
    )  # fmt: skip
    for title, text in VERSIONS:
        number = store.next_id("version")
        store.versions[number] = Version(
            number, PROMPT, f"v{number}: {title}", text, "gpt-4.1-mini", now, now, connection=1
        )
    store.connections[store.next_id("connection")] = {"provider": "OpenAI", "scope": "Organization", "created_at": now}
