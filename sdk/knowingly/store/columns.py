"""A column type of our own."""

from typing import Any

from sqlalchemy import Dialect, LargeBinary


class Blob(LargeBinary):
    """Bytes, handed to the driver and taken from it as they are.

    Both drivers speak ``bytes`` themselves; copying each value in Python first costs as much as
    the rest of a look-up.
    """

    def bind_processor(self, dialect: Dialect) -> None:
        """Nothing to do on the way in."""

    def result_processor(self, dialect: Dialect, coltype: Any) -> None:  # noqa: ANN401 - as above
        """Nothing to do on the way out."""
