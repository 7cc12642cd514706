"""The site builds without a warning, and asks for nothing that is not in it."""

import re

import pytest

from tests.docs.site import Site

pytestmark = pytest.mark.slow


def test_links_and_anchors_lead_somewhere(site):
    assert len(site.pages) > 15
    assert site.broken() == []


def test_code_is_shown_as_it_is(site):
    for page in site.pages:
        wrong = re.search(r"<code>[^<]*(?:<em>|<strong>|&amp;#\d).*", page.read_text("utf-8"))
        assert wrong is None, f"{page.name}: {wrong and wrong[0][:200]}"


def test_the_test_sees_broken_links(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="x"><a href="b.html#y">1</a><a href="#x">2</a><a href="b.html#z">3</a>'
        '<a href="c.html">4</a><img src="https://example.org/i.png"><a href="https://example.org">'
        '<link rel="canonical" href="https://example.org">'
    )
    (tmp_path / "b.html").write_text('<p id="y">')
    assert Site(tmp_path).broken() == [
        "a.html loads https://example.org/i.png",
        "a.html: b.html#z",
        "a.html: c.html",
    ]
