"""A page's reads go by the driver, and yet nobody who listens to statements is deaf to them."""

import pytest
from sqlalchemy import Engine, event


@pytest.mark.only_postgresql("on SQLite the driver alone runs the reads of a page")
def test_who_listens_hears_each_statement_of_a_page(tea_house):
    """Such as a tracer. The page is the same."""
    tea = tea_house.open()
    quiet = tea.recommend("t000")
    heard = []

    def listen(_connection, _cursor, statement, *_):
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        page = tea.recommend("t000")
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    assert (page.basis, page.hits) == (quiet.basis, quiet.hits)
    for statement, words in zip(heard, ("BEGIN", "tenants", "subjects", "events"), strict=True):
        assert words in statement
    tea.recommend("t000")
    assert len(heard) == 4
