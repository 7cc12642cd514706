"""What the datasets that ship with the package share."""

from typing import Any, ClassVar


class Shipped:
    """Takes description and citation from the files of the folder that a class stands in."""

    IMAGE_KEY: ClassVar[str | None] = None
    LABEL_KEY: ClassVar[str | None] = None
    dataset_info_from_configs: Any
    _source_builder: Any

    def _dataset_info(self, **kwargs: Any) -> Any:
        homepage = self._source_builder().info.homepage
        return self.dataset_info_from_configs(homepage=homepage, **kwargs)
