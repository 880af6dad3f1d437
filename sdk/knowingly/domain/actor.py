"""Who acts through a shop: told in the sealed details of what they do, and nowhere else."""

from typing import Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from knowingly.domain.text import Id
from knowingly.domain.validate import refusal
from knowingly.errors import InputError

ActorKind = Literal["subject", "guardian", "agent", "operator", "importer", "signal", "system"]
"""The person, who may speak for them, the shop's staff, or a program."""

ACTOR = "actor"
"""The name under which an entry's details hold who acted."""


class Actor(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """Somebody who acts: what they are, and the app's id of them, which is a personal value."""

    kind: ActorKind
    id: Id = Field(repr=False)

    def details(self) -> dict[str, str]:
        """As the details of an entry hold it."""
        return {"kind": self.kind, "id": self.id}


def check_actor(name: str, kind: str) -> Actor:
    """An actor, checked.

    Raises:
        InputError: The name is no id, or the kind none there is; the message repeats neither.
    """
    try:
        return Actor.model_validate({"kind": kind, "id": name})
    except ValidationError as error:
        found = refusal(0, error)
        expected = found.expected if found.field == "id" else f"one of {', '.join(_KINDS)}"
        raise InputError("actor" if found.field == "id" else "kind", expected) from None


_KINDS = get_args(ActorKind)
