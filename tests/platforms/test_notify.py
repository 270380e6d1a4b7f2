import asyncio
import json

import httpx

from runner.conformance.offline import OfflineContract
from runner.transport.loopback import Reach
from tests.platforms.made import PLACE, manifest, over, real_connection

PLATFORM = """\
apiVersion: runner/v1
kind: Platform
name: p
connection: {fields: {base_url: {type: string}, token: {type: secret}}}
notifiers:
  status:
    options: {properties: {run: {type: string}}}
    tell:
      - when: "{{ event.event == 'run_ended' }}"
        call:
          post: /graphql
          graphql:
            query: "mutation M { x }"
            variables: {id: "{{ options.run }}", why: "{{ event.error | truncate(10) }}"}
"""


def test_only_events_that_the_manifest_names_are_passed_on():
    seen = []
    connection = over(
        lambda request: seen.append(json.loads(request.content)) or httpx.Response(200, json={}), manifest(PLATFORM)
    )
    notifier = connection.notifier("p.status", {"run": "r1"}, PLACE)

    async def run():
        await notifier.tell({"event": "run_began", "at": 1.0})
        await notifier.tell({"event": "run_ended", "at": 2.0, "error": "x" * 300})

    asyncio.run(run())
    assert [each["variables"] for each in seen] == [{"id": "r1", "why": "x" * 10}]


class TestOffline(OfflineContract):
    def make_emulated(self, root):
        return real_connection(manifest(PLATFORM), reach=Reach.THIS_MACHINE).notifier("p.status", {"run": "r1"}, PLACE)
