"""How well clusters of the embeddings are the classes."""

from typing import Any

import numpy as np

from keras_metric.retrieval._arrays import as_embeddings
from keras_metric.retrieval._distances import normalize
from keras_metric.retrieval._labels import as_labels, factorize


def clustering_scores(
    embeddings: Any, labels: Any, clusters: Any = None, normalized: bool = True, seed: int = 0
) -> dict[str, float]:
    """NMI, AMI and adjusted Rand index of a clustering against the classes.

    NMI is divided by the mean of the two entropies. It grows with the number of clusters,
    whatever the embedding; AMI and the adjusted Rand index are corrected for chance.

    Reference: [Vinh et al., 2010](https://jmlr.org/papers/v11/vinh10a.html).

    Args:
        embeddings: `(rows, dim)`; only read where `clusters` is None.
        labels: `(rows,)`: integers or strings.
        clusters: The cluster of each row; None runs k-means with as many clusters as there
            are classes.
        normalized: Whether k-means sees rows of length 1.
        seed: Of k-means.

    Returns:
        "nmi", "ami" and "adjusted_rand".

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: Lengths differ, or a label is None.
    """
    try:
        from sklearn import metrics
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise ImportError(
            'Clustering scores need `pip install "keras-metric[clustering]"`'
        ) from error
    rows = as_embeddings(embeddings)
    (codes,) = factorize(as_labels(labels, len(rows)))
    if (codes < 0).any():
        raise ValueError("`labels` must all be there. Received: labels with None")
    if clusters is None:
        count = len(np.unique(codes))
        model = KMeans(count, n_init=4, random_state=seed)
        found = model.fit_predict(normalize(rows) if normalized else rows)
    else:
        (found,) = factorize(as_labels(clusters, len(rows), "clusters"))
    return {
        "nmi": float(metrics.normalized_mutual_info_score(codes, found)),
        "ami": float(metrics.adjusted_mutual_info_score(codes, found)),
        "adjusted_rand": float(metrics.adjusted_rand_score(codes, found)),
    }
