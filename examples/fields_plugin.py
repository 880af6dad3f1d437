"""A plugin that keeps a field of a person: here, how a customer likes their tea.

Put the function in a module of your own package and name it in ``pyproject.toml``::

    [project.entry-points.knowingly]
    tea_taste = "your_package.tea_taste"
"""

from knowingly import DataField, hookimpl


@hookimpl
def knowingly_data_fields() -> dict[str, DataField]:
    """Called once when a shop is opened; values come in by ``shop.profiles.set``."""
    return {
        "tea_strength": DataField(
            title="How strong you like your tea",
            purposes=("personalize",),
            category="preference",
            kind="choice",
            choices=("light", "medium", "strong"),
            keep_days=365,
        )
    }
