"""The accuracy figures against ranx, an evaluation library of others (``tox run -e ranx``)."""

import numpy as np
import pytest

from knowingly.evaluate.accuracy import judge
from knowingly.evaluate.metrics import ACCURACY
from knowingly.evaluate.ranking import top_rows


@pytest.fixture(scope="module")
def ranx():
    """Compiled by numba, whose warnings are not ours."""
    return pytest.importorskip("ranx", reason="ranx is not installed", exc_type=ImportError)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("k", [1, 5, 10])
def test_ranx_agrees(ranx, k):
    """Person by person and figure by figure; MAP once its divisor is the one we name."""
    rng = np.random.default_rng(k)
    scores = rng.normal(size=(60, 40))
    relevant = [np.flatnonzero(row) for row in rng.random(scores.shape) < 0.1]
    relevant = [rows if len(rows) else np.array([3]) for rows in relevant]
    ranked = top_rows(scores, None, k)
    judged = judge(ranked, relevant)
    truth = {f"p{p:02}": {str(i): 1 for i in rows} for p, rows in enumerate(relevant)}
    run = {
        f"p{p:02}": {str(i): 1 / (place + 1) for place, i in enumerate(row) if i >= 0}
        for p, row in enumerate(ranked)
    }
    for name, figure in ACCURACY.items():
        found = ranx.evaluate(ranx.Qrels(truth), ranx.Run(run), f"{name}@{k}", return_mean=False)
        if name == "map":  # ranx divides by all test items
            found = found * judged.n_relevant / np.minimum(judged.n_relevant, k)
        np.testing.assert_allclose(figure(judged), found, atol=1e-9, err_msg=name)
