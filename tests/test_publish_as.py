"""Publishing the course under another address."""

import pytest
import yaml

import rnnlib
from publish_as import CONFIG, published_as

URL, TAG = "https://github.com/some-one/a.course", f"v{rnnlib.__version__}"


def test_two_values_change_and_nothing_else():
    old = CONFIG.read_text()
    new = published_as(old, URL, TAG)
    was, now = yaml.safe_load(old), yaml.safe_load(new)
    assert now == was | {"repository": {"url": URL, "branch": TAG}}
    assert [line.partition("#")[2] for line in new.splitlines()] == [
        line.partition("#")[2] for line in old.splitlines()
    ]
    assert published_as(new, was["repository"]["url"], TAG) == old


@pytest.mark.parametrize(
    ("url", "tag", "said"),
    [
        ("", TAG, "URL is like .*, got ''"),
        ("https://gitlab.com/a/b", TAG, "Colab opens no other host"),
        ("https://github.com/a", TAG, "URL is like"),
        ("https://github.com/a/b/", TAG, "URL is like"),
        ("https://github.com/a/b.git", TAG, "URL is like"),
        ("git@github.com:a/b", TAG, "URL is like"),
        (URL, "", f"TAG is {TAG}, .*, got ''"),
        (URL, "main", "first set it there and in CITATION.cff"),
    ],
)
def test_what_is_no_address_is_refused(url, tag, said):
    with pytest.raises(ValueError, match=said):
        published_as(CONFIG.read_text(), url, tag)


def test_a_configuration_without_the_two_lines_is_refused():
    with pytest.raises(ValueError, match="needs `repository:`"):
        published_as("title: a\n", URL, TAG)
