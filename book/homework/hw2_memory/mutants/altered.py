"""Wrong answers, made of right ones."""


def altered(source: str, *changes: tuple[str, str]) -> str:
    """Change a right source; every change must change something."""
    for old, new in changes:
        assert old in source, old
        source = source.replace(old, new)
    return source
