import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from keras_metric.visualization import embedding_html


def test_one_file_holds_every_point_and_image_and_asks_for_nothing(tmp_path):
    pytest.importorskip("bokeh")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    labels = np.repeat([0, 1, 2], 4)
    path = embedding_html(rng.normal(size=(12, 5)), labels, tmp_path / "map.html", images,
                          ["cat", "dog", "<cow>"], thumbnail=8)  # fmt: skip
    text = path.read_text("utf-8")
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:", text)
    found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text.replace("\\u002b", "+"))
    decoded = [np.asarray(Image.open(io.BytesIO(base64.b64decode(code)))) for code in found]
    decoded = [image for image in decoded if image.shape == (8, 8, 3)]  # bokeh has icons too
    assert len(decoded) == 12
    for image, expected in zip(decoded, images, strict=True):  # classes are in the rows' order
        np.testing.assert_array_equal(image, expected)
    assert [file.name for file in tmp_path.iterdir()] == ["map.html"]


def test_bad_input_is_named(tmp_path):
    x, y, path = np.eye(4), [0, 0, 1, 1], tmp_path / "map.html"
    for call, match in (
        (lambda: embedding_html(x, y[:3], path), "`labels` of shape"),
        (lambda: embedding_html(x, y, path, method="none"), "`method` must be one of"),
        (lambda: embedding_html(x, y, path, np.zeros((3, 2, 2))), "`images` must be 4"),
    ):
        with pytest.raises(ValueError, match=match):
            call()
    assert not path.exists()
