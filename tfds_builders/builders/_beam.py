"""Records made by Apache Beam."""

from typing import Any

from tfds_builders.builders._tuple_maker import TupleMaker


def records(maker: TupleMaker, num_records: int) -> Any:
    """A transform that makes the records: the same ones as in one process, in any order.

    Each worker makes blocks of records on its own. It needs the labels, the sampler's few
    bytes an example and the images of one block, never those of a class.

    Raises:
        ImportError: Apache Beam is not installed.
    """
    try:
        import apache_beam as beam
    except ImportError as error:
        raise ImportError(
            'Building with Beam options needs Apache Beam: pip install "keras-metric[cli]"'
        ) from error
    return (
        "Blocks" >> beam.Create(maker.blocks(num_records))
        | "Spread" >> beam.Reshuffle()
        | "Make" >> beam.FlatMap(_Block(maker))
    )


class _Block:
    """The records of one block; a class, so that Beam sends the maker and not a closure."""

    def __init__(self, maker: TupleMaker) -> None:
        self.maker = maker

    def __call__(self, block: tuple[int, int]) -> list[tuple[int, Any]]:
        return list(self.maker(*block))
