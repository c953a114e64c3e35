"""The catalogue: algorithms, environments and experiments found by walking the packages. No hand-kept list."""

import ast
import inspect
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from duel.card import Card, Instance
from duel.errors import unknown

KINDS = ("algorithms", "environments", "experiments")


@cache
def folder(package: str) -> Path:
    """Folder of an importable package, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {package!r}: is the lab installed? (pip install -e .)")
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def public_classes(package: str) -> dict[str, str]:
    """Public names of a family package -> module that defines them: classes other than State, read without importing.

    A class is public if it is a NamedTuple at the top of a file whose name does not begin with an underscore, and its
    name is neither `State` nor ends in `State` or `World`. Functions listed in a file's ``__all__`` are public too.
    """
    found: dict[str, str] = {}
    for file in sorted(folder(package).glob("*.py")):
        if file.name.startswith("_"):
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            names: list[str] = []
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                bases = [ast.unparse(b) for b in node.bases]
                if any(b.endswith("NamedTuple") for b in bases) and not node.name.endswith(("State", "World")):
                    names = [node.name]
            elif isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "__all__" for t in node.targets):
                names = list(ast.literal_eval(node.value))
            for name in names:
                found[name] = f"{package}.{file.stem}"
    return found


def lazy(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a family package: its files' classes by name, imported on first use."""

    def load(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = public_classes(package)
        if name not in known:
            error = unknown(package, name, tuple(known))
            raise AttributeError(str(error))
        return getattr(import_module(known[name]), name)

    def names() -> list[str]:
        return sorted(public_classes(package))

    return load, names


def families(package: str) -> list[str]:
    """Sub-packages, for example ``algorithms.finite``."""
    return sorted(f"{package}.{p.name}" for p in folder(package).iterdir() if (p / "__init__.py").exists())


def algorithms() -> dict[str, str]:
    """Algorithm class -> its module."""
    return {n: m for family in families("algorithms") for n, m in public_classes(family).items()}


def environments() -> dict[str, str]:
    """Environment class or constructor -> its module."""
    return {n: m for family in families("envs") for n, m in public_classes(family).items()}


def experiments() -> dict[str, str]:
    """Experiment -> its module: files of `experiments` whose name does not begin with an underscore."""
    names = sorted(file.stem for file in folder("experiments").glob("*.py") if not file.name.startswith("_"))
    return {name: f"experiments.{name}" for name in names}


def listing(kind: str) -> list[tuple[str, str, str]]:
    """Name, family and first words of every member of a kind, by family; nothing is imported.

    Raises
    ------
    InvalidInput
        A kind that is not one of `KINDS`.
    """
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    known = {"algorithms": algorithms, "environments": environments, "experiments": experiments}[kind]()
    plain = kind == "experiments"
    rows = []
    for name, module in sorted(known.items(), key=lambda item: (item[1].rpartition(".")[0], item[0].lower())):
        rows.append((name, "" if plain else module.split(".")[1], summary(module, None if plain else name)))
    return rows


def summary(module: str, name: str | None = None) -> str:
    """First sentence of the docstring of a module, or of one of its classes and functions; no import."""
    package, _, stem = module.rpartition(".")
    tree = ast.parse((folder(package) / f"{stem}.py").read_text(encoding="utf-8"))
    node: Any = tree
    if name is not None:
        node = next((n for n in tree.body if getattr(n, "name", None) == name), tree)
    text = " ".join((ast.get_docstring(node) or ast.get_docstring(tree) or "").partition("\n\n")[0].split())
    plain = re.sub(r"\s*\[[a-z]+\d{4}\w*\]_?", "", text)
    masked = re.sub(r"``.*?``|`[^`]*`", lambda code: "x" * len(code[0]), plain)  # a stop inside code ends no sentence
    return plain[: len(masked.partition(". ")[0])].rstrip(".")


def algorithm(name: str) -> type:
    """The algorithm class called `name`."""
    return _class("algorithm", name, algorithms())


def environment(name: str) -> Any:
    """The environment class or constructor called `name`."""
    return _class("environment", name, environments())


def experiment(name: str) -> ModuleType:
    """The experiment's module."""
    known = experiments()
    if name not in known:
        raise unknown("experiment", name, tuple(known))
    return import_module(known[name])


def build(instance: Instance) -> Any:
    """The environment that a card's Instance names; fields may be Instances themselves.

    Raises
    ------
    InvalidInput
        An unknown environment or field.
    """
    fields = {k: build(v) if isinstance(v, Instance) else v for k, v in instance.fields.items()}
    make = environment(instance.environment)
    known = tuple(inspect.signature(make).parameters)
    for name in fields:
        if name not in known:
            raise unknown(f"field of {instance.environment}", name, known)
    return make(**fields)


def cards() -> dict[str, tuple[Card, type]]:
    """Card by name, with the algorithm class it speaks of. A file has one CARD, or CARDS by the class's name."""
    found: dict[str, tuple[Card, type]] = {}
    for name, module in algorithms().items():
        loaded = import_module(module)
        for card in getattr(loaded, "CARDS", None) or ([loaded.CARD] if hasattr(loaded, "CARD") else []):
            if card.name == name or len(public_in(module)) == 1:
                found[card.name] = (card, getattr(loaded, name))
    return found


def public_in(module: str) -> list[str]:
    """Public names that one module defines."""
    return [n for n, m in public_classes(module.rpartition(".")[0]).items() if m == module]


def _class(argument: str, name: str, known: dict[str, str]) -> Any:
    if name not in known:
        raise unknown(argument, name, tuple(known))
    return getattr(import_module(known[name]), name)
