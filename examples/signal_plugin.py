"""A plugin that reads a shop's own cookie banner: here, a cookie such as ``profile:1,stats:0``.

Put the class and the function in a module of your own package and name it in ``pyproject.toml``::

    [project.entry-points.knowingly]
    cookie_bar = "your_package.cookie_bar"

The policy file says what its terms count for::

    [signals.map.cookie_bar]
    personalize.allow = [{ profile = "yes" }]

    [signals.accept]
    cookie_bar = ["personalize"]
"""

from knowingly import Said, SignalContext, SignalDecoder, SignalError, hookimpl

ANSWERS = {"1": "yes", "0": "no"}


class CookieBar(SignalDecoder):
    """Reads the cookie; what it says is decided by the policy file, not here."""

    source = "cookie_bar"
    version = "1"

    def decode(self, raw: str, context: SignalContext) -> Said:
        """Each part of the cookie is a term with its answer."""
        answers = {}
        for part in raw.split(","):
            term, _, answer = part.partition(":")
            if answer not in ANSWERS or term in answers:
                raise SignalError("has a part that is not term:1 or term:0")
            answers[term] = ANSWERS[answer]
        return Said(answers)


@hookimpl
def knowingly_signals() -> list[type[CookieBar]]:
    """Called once when a shop is opened; ``shop.signals.read(others=…)`` uses it."""
    return [CookieBar]
