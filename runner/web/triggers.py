"""From the triggers of recipes to hooks and schedules; the schemas of schemas/triggers/ have the words of `Config`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runner.model.errors import ConfigError
from runner.model.item import Json
from runner.model.problem import Problem
from runner.model.recipe import Component, Recipe
from runner.model.secret import Secret
from runner.web.cron import Cron
from runner.web.signature import STANDARD, Signing, StandardSigning

MODEL_RUN: Final = "labelbox.model_run"
OWN_PATHS: Final = ("/", "/models", "/model_run", "/healthz", "/readyz", "/metrics")
OWN_FOLDERS: Final = ("/api/", "/git/")

Secrets = Callable[[str], Secret]


@dataclass(frozen=True, slots=True)
class WebhookConfig:
    """Options of the trigger `webhook`."""

    path: str
    secret: str
    signature: str = "hmac-sha256"
    header: str | None = None
    prefix: str | None = None
    delivery: str | None = None
    delivery_header: str | None = None


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Options of the trigger `schedule`."""

    cron: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class ModelRunConfig:
    """Options of the trigger `labelbox.model_run`."""

    model_type: str
    secret: str = "labelbox"
    signature: str = "hmac-sha1"


KINDS: Final[Mapping[str, type]] = {
    MODEL_RUN: ModelRunConfig,
    "schedule": ScheduleConfig,
    "webhook": WebhookConfig,
}


@dataclass(frozen=True, slots=True)
class Hook:
    """A path that starts a recipe.

    Attributes:
        delivery: member of the body that identifies a delivery; empty without one.
        delivery_header: header that does; empty without one.
    """

    path: str
    recipe: str
    signing: Signing | StandardSigning
    delivery: str
    delivery_header: str = ""


@dataclass(frozen=True, slots=True)
class ModelType:
    """An entry in the menu of Labelbox's Train button."""

    name: str
    recipe: str
    signing: Signing


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times of a cron expression; `key` names it in the queue."""

    key: str
    recipe: str
    cron: Cron


@dataclass(frozen=True, slots=True)
class Triggers:
    """All that can start a recipe."""

    hooks: Mapping[str, Hook]
    model_types: Sequence[ModelType]
    schedules: Sequence[Schedule]


def triggers_of(recipes: Sequence[Recipe], secrets: Secrets) -> Triggers:
    """Return the triggers of recipes, with their secrets.

    Args:
        recipes: loaded without a trigger.
        secrets: gives a secret of the project by name.

    Raises:
        ConfigError: a secret is missing, two recipes share a path or model type, an option cannot be used.
    """
    found = _Collected({}, [], {})
    for recipe in recipes:
        for component in recipe.triggers:
            found.add(recipe, component, secrets)
    for hook in found.hooks.values():
        if isinstance(hook.signing, StandardSigning):
            hook.signing.key()  # fails now, not at every request
    return Triggers(found.hooks, found.model_types, list(found.schedules.values()))


def trigger_problems(recipes: Sequence[Recipe]) -> list[Problem]:
    """Return everything in the triggers of recipes that the service would refuse; no secret is read."""
    found, problems = _Collected({}, [], {}), []
    for recipe in recipes:
        for component in recipe.triggers:
            try:
                found.add(recipe, component, Secret)
            except ConfigError as error:
                what = error.what.removeprefix(f"{component.mark}: ")
                problems.append(Problem("bad-trigger", what, component.mark, error.mend))
    return problems


@dataclass(frozen=True, slots=True)
class _Collected:
    hooks: dict[str, Hook]
    model_types: list[ModelType]
    schedules: dict[str, Schedule]

    def add(self, recipe: Recipe, component: Component, secrets: Secrets) -> None:
        config = _config(component)
        if isinstance(config, WebhookConfig):
            _add_hook(self.hooks, component, recipe, config, secrets)
        elif isinstance(config, ModelRunConfig):
            _add_model_type(self.model_types, component, recipe, config, secrets)
        else:
            schedule = _schedule(component, recipe, config)
            self.schedules[schedule.key] = schedule


def _config(component: Component) -> WebhookConfig | ScheduleConfig | ModelRunConfig:
    kind = KINDS.get(component.kind)
    if kind is None:
        known = ", ".join(KINDS)
        raise ConfigError(f"{component.mark}: runner serve has no trigger {component.kind!r}", mend=f"known: {known}")
    known_names = {one.name for one in fields(kind)}
    values: dict[str, Json] = {name: value for name, value in component.options.items() if name in known_names}
    for name, value in values.items():
        if not isinstance(value, str):
            what = f"{component.mark}: the option {name!r} of the trigger reads what is only known when it has come"
            raise ConfigError(what, mend="use vars and env only")
    made: WebhookConfig | ScheduleConfig | ModelRunConfig = kind(**values)
    return made


def _add_hook(
    hooks: dict[str, Hook], component: Component, recipe: Recipe, config: WebhookConfig, secrets: Secrets
) -> None:
    path = config.path
    if path in OWN_PATHS or path.startswith(OWN_FOLDERS) or "." in path.split("/") or ".." in path.split("/"):
        raise ConfigError(f"{component.mark}: the path {path!r} is the service's own", mend="for example /hooks/orders")
    if path in hooks:
        what = f"{component.mark}: the path {path!r} belongs to the recipe {hooks[path].recipe!r} already"
        raise ConfigError(what, mend="give each webhook a path of its own")
    hooks[path] = _hook(component, recipe, config, secrets(config.secret))


def _hook(component: Component, recipe: Recipe, config: WebhookConfig, secret: Secret) -> Hook:
    given = {name for name in ("header", "prefix", "delivery_header") if getattr(config, name) is not None}
    if config.delivery is not None and "delivery_header" in given:
        what = f"{component.mark}: a delivery is identified by its body or by a header, not by both"
        raise ConfigError(what, mend="omit `delivery` or `delivery_header`")
    if config.signature != STANDARD:
        signing = Signing(config.signature, secret, config.header or "", config.prefix)
        return Hook(config.path, recipe.name, signing, config.delivery or "", config.delivery_header or "")
    if given:
        what = f"{component.mark}: {STANDARD} defines its own headers: {', '.join(sorted(given))} cannot be set"
        raise ConfigError(what, mend="omit them; a delivery is identified by webhook-id")
    by_header = "" if config.delivery else "webhook-id"
    return Hook(config.path, recipe.name, StandardSigning(secret), config.delivery or "", by_header)


def _add_model_type(
    found: list[ModelType], component: Component, recipe: Recipe, config: ModelRunConfig, secrets: Secrets
) -> None:
    made = ModelType(config.model_type, recipe.name, Signing(config.signature, secrets(config.secret)))
    for other in found:
        if (other.name, other.signing) == (made.name, made.signing):
            what = f"{component.mark}: the recipe {other.recipe!r} has the model type {made.name!r} already"
            raise ConfigError(what, mend="give each recipe a model type of its own")
    found.append(made)


def _schedule(component: Component, recipe: Recipe, config: ScheduleConfig) -> Schedule:
    try:
        cron = Cron(config.cron, ZoneInfo(config.timezone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        what = f"{component.mark}: {config.cron!r} in {config.timezone!r} is no schedule: {error}"
        raise ConfigError(what, mend='for example {cron: "0 3 * * *", timezone: Europe/Berlin}') from error
    return Schedule(f"{recipe.name} {config.cron} {config.timezone}", recipe.name, cron)
