"""A plugin that mails each new checkpoint of the log to somebody who does not run the shop.

What it sends is a few lines of text without any personal value. Whoever keeps them can check later,
with ``knowingly-verify --since``, that the log still begins as it did then. Put the function in a
module of your own package and name it in ``pyproject.toml``::

    [project.entry-points.knowingly]
    checkpoints = "your_package.checkpoints"
"""

import os
import smtplib
from email.message import EmailMessage

from knowingly import hookimpl


@hookimpl
def knowingly_checkpoints(tenant: str, checkpoint: str) -> None:
    """Called by ``maintain``; an exception makes it say so, and call again next time."""
    message = EmailMessage()
    message["From"] = os.environ["CHECKPOINTS_FROM"]
    message["To"] = os.environ["CHECKPOINTS_TO"]
    message["Subject"] = f"Checkpoint of the log of {tenant}"
    message.set_content(checkpoint)
    with smtplib.SMTP(os.environ["CHECKPOINTS_SERVER"], timeout=30) as server:
        server.send_message(message)
