"""The three kinds of streams."""

import inspect
from typing import Any, Literal

from tfds_builders.sampling import BalancedSampler, PairSampler, TripletSampler
from tfds_builders.sources import Source, as_source
from tfds_builders.streams._plan import BalancedPlan, Plan, TuplePlan
from tfds_builders.streams._stream import Kind, Stream

Output = Literal["numpy", "tf", "grain", "keras"]
_OUTPUTS = {"tf": "as_tf_dataset", "grain": "as_grain", "keras": "as_py_dataset"}
_OF_STREAM = ("resize", "augment", "augment_jointly", "cache", "prefetch")


def balanced(
    source: Any,
    classes_per_batch: int,
    examples_per_class: int,
    *,
    seed: int = 0,
    output: Output = "numpy",
    **options: Any,
) -> Any:
    """Batches of P classes with K examples each, every example at least once an epoch.

    Args:
        source: What `sources.as_source` takes: the name of a TFDS dataset, its builder or
            prepared folder, `(images, labels)`, a folder of images by class, a table of paths
            and labels, or a `Source`.
        classes_per_batch: P.
        examples_per_class: K.
        seed: Decides everything that is random.
        output: `"numpy"`: a `Stream`; `"tf"`, `"grain"` or `"keras"`: what its methods
            `as_tf_dataset`, `as_grain` or `as_py_dataset` return.
        **options: Any of

            - `resize`: height and width to bring images to; needed where they differ in size.
            - `augment`: a Keras layer or model, or a function of a batch of images (and of a
              `numpy.random.Generator`); seeded by `seed` and the step. With
              `augment_jointly=True` all members of a tuple get the same random numbers.
            - `cache`: True keeps decoded images in memory; a path, in a file in that folder.
            - `prefetch`: batches made ahead in a thread when iterating over the `Stream`.
              Default: 2 where images are decoded or augmented, else 0.
            - what the sampler takes (`sampling.BalancedSampler`), such as `strict`.
            - what the source takes, such as `split`, `label_key`, `classes`, `on_error`.

    Returns:
        A `Stream` of `(images, labels)`, or what `output` says.

    Raises:
        ValueError: An argument is out of range, or the source is refused.
        TypeError: An option is not known.

    Example:
        >>> from tfds_builders import sources
        >>> stream = balanced(sources.fashion_mnist_sample("train"), 5, 8, seed=3)
        >>> images, labels = next(iter(stream))
        >>> images.shape, stream.step
        ((40, 28, 28, 1), 1)
    """
    found, of_stream, of_sampler = _prepare(source, BalancedSampler, options)
    sampler = BalancedSampler(
        found.labels, classes_per_batch, examples_per_class, seed=seed, **of_sampler
    )
    return _finish(found, BalancedPlan(sampler), "balanced", seed, output, of_stream)


def pairs(
    source: Any,
    batch_size: int = 128,
    *,
    drop_remainder: bool = False,
    seed: int = 0,
    output: Output = "numpy",
    **options: Any,
) -> Any:
    """Batches of pairs: half of one class, half of two; each example an anchor once an epoch.

    Args:
        source: As for `balanced`.
        batch_size: Pairs in a batch; the last one of an epoch may hold fewer.
        drop_remainder: Whether such a smaller batch is left out.
        seed: Decides everything that is random.
        output: As for `balanced`.
        **options: As for `balanced`; the sampler is `sampling.PairSampler`, with
            `positive_fraction` and others.

    Returns:
        A `Stream` of `((images_a, images_b), same)`, or what `output` says.

    Raises:
        ValueError: An argument is out of range, or the source is refused.
        TypeError: An option is not known.

    Example:
        >>> from tfds_builders import sources
        >>> stream = pairs(sources.fashion_mnist_sample("test"), 50)
        >>> (a, b), same = stream.batch(0)
        >>> a.shape, int(same.sum()), len(stream)
        ((50, 28, 28, 1), 25, 10)
    """
    found, of_stream, of_sampler = _prepare(source, PairSampler, options)
    plan = TuplePlan(PairSampler(found.labels, seed=seed, **of_sampler), batch_size, drop_remainder)
    return _finish(found, plan, "pairs", seed, output, of_stream)


def triplets(
    source: Any,
    batch_size: int = 128,
    *,
    drop_remainder: bool = False,
    seed: int = 0,
    output: Output = "numpy",
    **options: Any,
) -> Any:
    """Batches of triplets: an anchor, another example of its class, one of another class.

    Args:
        source: As for `balanced`.
        batch_size: Triplets in a batch; the last one of an epoch may hold fewer.
        drop_remainder: Whether such a smaller batch is left out.
        seed: Decides everything that is random.
        output: As for `balanced`.
        **options: As for `balanced`; the sampler is `sampling.TripletSampler`.

    Returns:
        A `Stream` of `((anchors, positives, negatives), labels of the anchors)`, or what
        `output` says.

    Raises:
        ValueError: An argument is out of range, or the source is refused.
        TypeError: An option is not known.

    Example:
        >>> from tfds_builders import sources
        >>> stream = triplets(sources.fashion_mnist_sample("test"), 64)
        >>> (anchors, positives, negatives), labels = stream.batch(0)
        >>> negatives.shape, labels.shape
        ((64, 28, 28, 1), (64,))
    """
    found, of_stream, of_sampler = _prepare(source, TripletSampler, options)
    plan = TuplePlan(
        TripletSampler(found.labels, seed=seed, **of_sampler), batch_size, drop_remainder
    )
    return _finish(found, plan, "triplets", seed, output, of_stream)


def _prepare(
    source: Any, sampler: Any, options: dict[str, Any]
) -> tuple[Source, dict[str, Any], dict[str, Any]]:
    """The source, and the options of the stream and of the sampler."""
    known = set(inspect.signature(sampler.__init__).parameters) - {"self", "labels", "seed"}
    of_stream = {key: value for key, value in options.items() if key in _OF_STREAM}
    of_sampler = {key: value for key, value in options.items() if key in known}
    rest = {k: v for k, v in options.items() if k not in of_stream and k not in of_sampler}
    return as_source(source, **rest), of_stream, of_sampler


def _finish(
    source: Source, plan: Plan, kind: Kind, seed: int, output: str, of_stream: dict[str, Any]
) -> Any:
    if output != "numpy" and output not in _OUTPUTS:
        raise ValueError(
            f"`output` must be one of {['numpy', *_OUTPUTS]}. Received: output={output!r}"
        )
    stream = Stream(source, plan, kind, seed=seed, **of_stream)
    return stream if output == "numpy" else getattr(stream, _OUTPUTS[output])()
