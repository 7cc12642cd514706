"""Builders of triplets."""

from typing import Any, ClassVar

from tfds_builders import sampling
from tfds_builders.builders._triplets_config import TripletsConfig
from tfds_builders.builders._tuple_builder import TupleBuilder
from tfds_builders.builders._tuple_maker import Members

_ROLES = ("anchor", "positive", "negative")


class TripletsBuilder(
    TupleBuilder,
    skip_registration=True,  # type: ignore[call-arg, unused-ignore]
):
    """Triplets of the images of any labelled TFDS dataset.

    As `PairsBuilder`, with the features `anchor`, `positive`, `negative`, `label_anchor`,
    `label_positive`, `label_negative` and `id_anchor`, `id_positive`, `id_negative`.
    `as_supervised=True` gives `((anchor, positive, negative), label_anchor)`. See
    `TripletsConfig`.

    Raises:
        ValueError: The keys of image and label cannot be told, a split has one class only, or
            no class of it has two images.
    """

    BUILDER_CONFIGS: ClassVar[list[Any]] = [
        TripletsConfig(description="Every class."),
        TripletsConfig(classes="seen", description="The first half of the classes."),
        TripletsConfig(classes="unseen", description="The second half of the classes."),
        TripletsConfig(
            classes="zero_shot", description="Trained on seen, tested on unseen classes."
        ),
    ]

    def _members(self) -> Members:
        return Members([(role, f"label_{role}", f"id_{role}") for role in _ROLES])

    def _supervised_keys(self) -> Any:
        return _ROLES, "label_anchor"

    def _sampler(self, labels: Any) -> tuple[Any, int]:
        config = self.builder_config
        sampler = sampling.TripletSampler(labels, seed=config.seed)
        return sampler, config.num_triplets or len(sampler)
