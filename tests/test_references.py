"""Every citation key resolves in references.bib; entries are whole, unique, and cited somewhere."""

import ast
import re
from pathlib import Path

import duel

ROOT = Path(duel.__file__).parent.parent
PACKAGES = ("duel", "envs", "algorithms", "experiments")
KEY = r"[a-z]+\d{4}[a-z]\w*"


def entries() -> list[tuple[str, str, str]]:
    """(type, key, body) of every entry."""
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    starts = list(re.finditer(r"^@(\w+)\{([^,\s]+),", text, re.M))
    ends = [*[m.start() for m in starts[1:]], len(text)]
    return [(m[1].lower(), m[2], text[m.end() : end]) for m, end in zip(starts, ends)]


def cited() -> dict[str, set[str]]:
    """Key -> files that cite it: ``[key]`` in a docstring, or ``citation="key"`` in a card."""
    found: dict[str, set[str]] = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            keys: set[str] = set()
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    keys.update(re.findall(rf"\[({KEY})\]", node.value))
                if isinstance(node, ast.keyword) and node.arg == "citation" and isinstance(node.value, ast.Constant):
                    keys.update({str(node.value.value)} - {"none"})
            for key in keys:
                found.setdefault(key, set()).add(str(file.relative_to(ROOT)))
    return found


def test_every_citation_resolves() -> None:
    known = {key for _, key, _ in entries()}
    missing = {key: sorted(files) for key, files in cited().items() if key not in known}
    assert not missing


def test_entries_are_unique_and_whole() -> None:
    keys = [key for _, key, _ in entries()]
    assert len(keys) == len(set(keys)), {k for k in keys if keys.count(k) > 1}
    assert keys == sorted(keys)
    for kind, key, body in entries():
        assert re.fullmatch(r"[a-z]+(\d{4}[a-z]\w*)?", key), key
        fields = {name.lower() for name in re.findall(r"(?:^|,)\s*(\w+)\s*=\s*[{\"\d]", body, re.M)}
        needed = ({"title"} if kind == "misc" else {"title", "year"}) | (
            {"author"} if "editor" not in fields else set()
        )
        venue = {"journal", "booktitle", "publisher", "school", "howpublished", "eprint", "institution", "note", "url"}
        assert needed <= fields, (kind, key, needed - fields)
        assert kind == "misc" or fields & venue, (kind, key)
        assert body.count("{") + 1 == body.count("}"), key


def test_year_is_near_that_of_the_key() -> None:
    """A key carries the year of a preprint or of the publication."""
    for kind, key, body in entries():
        if kind == "misc":  # a web site
            continue
        year = re.search(r"year\s*=\s*[{\"]?(\d{4})", body)
        assert year is not None, key
        for named in re.findall(r"\d{4}", key):
            assert abs(int(year[1]) - int(named)) <= 4, key
