"""Google Consent Mode v2: the ``default`` and ``update`` commands of a page, in their order.

Only an ``update`` is something a person did. A default that grants is the site's own assumption,
so it says nothing here; one that denies is a no until an update answers it.

Source: support.google.com/analytics/answer/12334711 and 13802165.
"""

from knowingly.consent.signals.decoder import SignalDecoder
from knowingly.consent.signals.plain import Json
from knowingly.domain.signal import Answer, Said, SignalContext
from knowingly.errors import SignalError

TYPES = (
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
)
MAX_COMMANDS = 50
_VALUES = {"granted": True, "denied": False}
_COMMANDS = "expected a list of commands, such as [['update', {…}]]"


class ConsentMode(SignalDecoder):
    """What ``gtag('consent', …)`` was called with."""

    source = "consent_mode"
    version = "1"
    reads = "object"

    def decode(self, raw: Json, context: SignalContext) -> Said:
        """Each consent type by its name."""
        if not isinstance(raw, list) or len(raw) > MAX_COMMANDS:
            raise SignalError(f"are no commands: {_COMMANDS}")
        if raw and isinstance(raw[0], str):
            raw = [raw]
        updates: list[dict[str, bool]] = []
        defaults: list[tuple[int, dict[str, bool]]] = []
        for command in raw:
            word, values = _read(command)
            if word == "update":
                updates.append(_granted(values))
            elif updates:
                raise SignalError("has a default after an update")
            else:
                near = _nearness(values.get("region"), context.jurisdiction)
                defaults.append((near, _granted(values)))
        chosen = {name: granted for update in updates for name, granted in update.items()}
        return Said({name: _answer(name, chosen, defaults) for name in TYPES})


def _read(command: object) -> tuple[str, dict[str, Json]]:
    parts = command[1:] if isinstance(command, list) and command[:1] == ["consent"] else command
    if not isinstance(parts, list) or len(parts) != len(("update", "values")):
        raise SignalError(f"has a part that is no command: {_COMMANDS}")
    word, values = parts
    if word not in ("default", "update") or not isinstance(values, dict):
        raise SignalError(f"has a part that is no command: {_COMMANDS}")
    if word == "update" and "region" in values:
        raise SignalError("has an update with a region, which only a default can have")
    return word, values


def _granted(values: dict[str, Json]) -> dict[str, bool]:
    found = {}
    for name in TYPES:
        if name in values:
            said = values[name]
            if not isinstance(said, str) or said not in _VALUES:
                raise SignalError(f"has a {name} that is not granted or denied")
            found[name] = _VALUES[said]
    return found


_EVERYWHERE, _COUNTRY, _REGION, _ELSEWHERE, _PERHAPS = 1, 2, 3, 0, -1


def _nearness(region: object, jurisdiction: str | None) -> int:
    """How nearly a default speaks of where the person is; the nearer one holds."""
    if region is None:
        return _EVERYWHERE
    if not isinstance(region, list) or not all(isinstance(code, str) for code in region):
        raise SignalError("has a region that is no list of codes")
    if jurisdiction is None:
        return _PERHAPS
    if jurisdiction in region:
        return _REGION if "-" in jurisdiction else _COUNTRY
    country, _, part = jurisdiction.partition("-")
    if country in region:
        return _COUNTRY
    if not part and any(code.startswith(f"{country}-") for code in region):
        return _PERHAPS
    return _ELSEWHERE


def _answer(
    name: str, chosen: dict[str, bool], defaults: list[tuple[int, dict[str, bool]]]
) -> Answer:
    if name in chosen:
        return "yes" if chosen[name] else "no"
    stated = [(near, values[name]) for near, values in defaults if name in values]
    if any(near == _PERHAPS and not granted for near, granted in stated):
        return "no"
    nearest = max((near for near, _ in stated), default=_ELSEWHERE)
    here = [granted for near, granted in stated if near == nearest > _ELSEWHERE]
    return "no" if here and not here[-1] else ""
