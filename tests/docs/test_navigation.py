"""A folder in the navigation stands for its pages."""

from navigation import expanded


def test_folders(tmp_path):
    for name in ("a/index.md", "a/2.md", "a/1.md", "a/named.md", "index.md", "guides/one.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# T\n")
    nav = [
        {"Home": "index.md"},
        {"A": "a/"},
        {"B": ["guides/missing.md", "guides/one.md", {"N": "a/named.md"}]},
        {"None": "empty/"},
        {"Missing": "missing.md"},  # left for mkdocs to complain of
    ]
    assert expanded(nav, tmp_path) == [
        {"Home": "index.md"},
        {"A": ["a/index.md", "a/1.md", "a/2.md"]},
        {"B": ["guides/one.md", {"N": "a/named.md"}]},
        {"Missing": "missing.md"},
    ]
