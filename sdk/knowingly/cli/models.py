"""``knowingly models``: save."""

from pathlib import Path
from typing import Annotated

import typer

from knowingly.cli.options import shop_command
from knowingly.cli.output import Output
from knowingly.shop import Shop

NewFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")]


@shop_command
def save(shop: Shop, output: Output, folder: NewFolder) -> None:
    """Write the models in service into a new folder: safetensors, and JSON that is signed."""
    saved = shop.models.save(folder)
    output.table(("model", "SHA-256 of its file"), list(saved.digests.items()))
    for name in saved.left_out:
        output.hint(f"note: {name} was left out: somebody is still to be forgotten; run train")
    output.hint("note: nothing is forgotten in a copy: delete it when you save another")
    output.document({"saved": dict(saved.digests), "left_out": list(saved.left_out)})
