"""``[[notices]]``: the words people are shown."""

import hashlib
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from knowingly.policy.section import Section, Slug, Whole, not_blank

MAX_NOTICE_CHARS = 20_000

NoticeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$")]
NoticeVersion = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$")]


class Notice(Section):
    """The words a person was shown, and which version of which purposes they cover.

    In the file, ``file = "notices/2026-01.en.txt"`` may stand for ``text``.
    """

    id: NoticeId
    """Stands for these very words for ever: other words need another id."""
    version: NoticeVersion = "1"
    """Which edition of the notice; its translations share one."""
    language: Language = "und"
    """The language of the words (BCP 47), such as `"en"`."""
    text: Annotated[
        str, Field(min_length=1, max_length=MAX_NOTICE_CHARS), AfterValidator(not_blank)
    ]
    """The words."""
    covers: dict[Slug, Annotated[Whole, Field(ge=1)]]
    """`purpose = version`: what the words tell of."""

    @property
    def digest(self) -> str:
        """SHA-256 of the text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()
