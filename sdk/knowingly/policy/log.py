"""``[audit]``: where evidence of the log goes."""

from typing import Annotated

from pydantic import Field

from knowingly.policy.section import Section


class Audit(Section):
    """What leaves the shop, so that others can check its log."""

    folder: Annotated[str, Field(max_length=1_000)] = ""
    """Where `maintain` puts checkpoints; it must be there. Empty for none."""
