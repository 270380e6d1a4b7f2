"""A notifier that a manifest describes."""

from __future__ import annotations

from collections.abc import Mapping

from runner.model.item import Json
from runner.platforms.data_spec import NotifierSpec
from runner.platforms.options import Options
from runner.platforms.session import Session
from runner.platforms.walk import run_steps


class PlatformNotifier:
    """One kind of notifier on one connection."""

    def __init__(self, session: Session, spec: NotifierSpec, options: Options) -> None:
        """Build it; nothing is sent."""
        self._session, self._spec, self._options = session, spec, options

    async def tell(self, event: Mapping[str, Json]) -> None:
        """Run the manifest's steps for one event."""
        scope = self._session.scope(options=self._options.over(), event=event, kept={})
        await run_steps(self._session, self._spec.tell, scope, safe=None)
