"""The miners against pytorch-metric-learning, which lists indices."""

import numpy as np
import pytest

from keras_metric import miners
from tests.keras_metric.miners.test_miners import LABELS, REF_LABELS, REFS, X, as_pairs, mask_pairs

torch = pytest.importorskip("torch")
pml = pytest.importorskip("pytorch_metric_learning")

PAIRS = {
    "pair margin": (miners.PairMarginMiner(), lambda m: m.PairMarginMiner()),
    "multi-similarity": (miners.MultiSimilarityMiner(), lambda m: m.MultiSimilarityMiner()),
    "batch easy-hard": (miners.BatchEasyHardMiner(), lambda m: m.BatchEasyHardMiner()),
    "semi-hard positives": (
        miners.BatchEasyHardMiner("semi-hard", "hard"),
        lambda m: m.BatchEasyHardMiner("semihard", "hard"),
    ),
    "all negatives": (
        miners.BatchEasyHardMiner("easy", "all"),
        lambda m: m.BatchEasyHardMiner("easy", "all"),
    ),
}
TRIPLETS = {
    kind: (
        miners.TripletMarginMiner(0.2, kind),
        lambda m, kind=kind: m.TripletMarginMiner(0.2, kind.replace("-", "")),
    )
    for kind in ("all", "hard", "semi-hard", "easy")
}
TRIPLETS["angular"] = (miners.AngularMiner(), lambda m: m.AngularMiner())
TRIPLETS["batch hard"] = (miners.BatchHardMiner(), lambda m: m.BatchHardMiner())


def theirs(build, refs):
    from pytorch_metric_learning import miners as pml_miners

    arguments = [torch.tensor(X), torch.tensor(LABELS)]
    arguments += [torch.tensor(REFS), torch.tensor(REF_LABELS)] if refs else []
    return [part.numpy() for part in build(pml_miners)(*arguments)]


@pytest.mark.parametrize("refs", [False, True], ids=["batch", "references"])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs(name, refs):
    ours, build = PAIRS[name]
    a1, p, a2, n = theirs(build, refs)
    expected = np.zeros((2, len(X), len(REFS) if refs else len(X)), bool)
    expected[0, a1, p] = expected[1, a2, n] = True
    got = ours(LABELS, X, *((REFS, REF_LABELS) if refs else ()))
    np.testing.assert_array_equal(mask_pairs(as_pairs(got)), expected)


@pytest.mark.parametrize("refs", [False, True], ids=["batch", "references"])
@pytest.mark.parametrize("name", TRIPLETS)
def test_triplets(name, refs):
    ours, build = TRIPLETS[name]
    expected = np.stack(theirs(build, refs), axis=1)
    expected = expected[np.lexsort(expected.T[::-1])]
    got = ours(LABELS, X, *((REFS, REF_LABELS) if refs else ()))
    if not isinstance(got, miners.Triplets):
        got = miners.AllTriplets(*got)
    np.testing.assert_array_equal(got.to_indices(), expected)
