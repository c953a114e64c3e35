"""Identity of code: a digest that changes when an algorithm, an environment or anything of this project it runs does.

Two users: the sweep store (an edited algorithm never meets its old results) and the compile cache (never stale machine
code). The digest covers the syntax trees, without comments and docstrings, of the object's own module and of every
module that it imports, directly or not, of this project or of the user's own (not installed) code. Objects without a
source file (a notebook cell, the prompt, classes made at run time) are covered by the bytecode of their functions, with
the values that these close over.

Left out, because no number can depend on them: modules that hold errors, cards, the catalogue and tables (`NEUTRAL`),
imports for type checkers, and what a file claims about its algorithm (`CARD`, and functions that only it names).
"""

import ast
import dataclasses
import hashlib
import inspect
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

PROJECT = ("duel", "envs", "algorithms", "experiments")
NEUTRAL = ("duel", "duel.errors", "duel.card", "duel.catalog", "duel.source", "duel.trace")
CLAIMS = ("CARD", "CARDS")
# Of a module with a text, values that could be patched; its containers are caches as often as constants.
_SHOWN = (bool, int, float, complex, str, bytes, tuple, np.ndarray, FunctionType, ModuleType)


def code_digest(*objects: Any) -> str:
    """Digest (32 hex digits) of the code behind classes or functions, comments and docstrings aside."""
    h = hashlib.blake2b(digest_size=16)
    modules: dict[str, Path] = {}
    seen: dict[int, Any] = {}
    for obj in objects:
        h.update(f"{_home(obj)}.{obj.__qualname__}".encode())
        file = _file_of(obj.__module__)
        if file is not None:
            _collect(file, _home(obj), modules)
        elif inspect.isclass(obj):
            _hash_class(obj, h, seen, modules)
        for function in functions_of(obj):
            _hash_runtime(function, h, seen, modules)
    for name, file in sorted(modules.items()):
        h.update(f"\n{name}:{_read(file, name)[0]}".encode())
    return h.hexdigest()


def functions_of(obj: Any) -> list[FunctionType]:
    """The plain functions of a class in order of name, or the function itself."""
    if isinstance(obj, FunctionType):
        return [obj]
    members = sorted((n, m) for n, m in vars(obj).items() if not n.startswith("__") and _function(m) is not None)
    return [f for _, m in members if (f := _function(m)) is not None]


def names_of(code: CodeType) -> set[str]:
    """Names that a code object and the ones nested in it look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_of(constant)
    return names


def is_library(function: FunctionType) -> bool:
    """Whether a function belongs to the standard library or an installed package other than the lab."""
    root = (function.__module__ or "").split(".")[0]
    if root in PROJECT or root in {"__main__", "__mp_main__"}:
        return False
    file = getattr(sys.modules.get(function.__module__), "__file__", None) or ""
    return root in sys.stdlib_module_names or "site-packages" in file or "dist-packages" in file


def _function(member: Any) -> FunctionType | None:
    if isinstance(member, staticmethod | classmethod):
        member = member.__func__
    return member if isinstance(member, FunctionType) else None


def _home(obj: Any) -> str:
    """Module name of an object; the script is called the same in spawned workers."""
    return "__main__" if obj.__module__ == "__mp_main__" else obj.__module__


def _file_of(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None or (module in {"__main__", "__mp_main__"} and not str(file).endswith(".py")):
        return None
    return Path(file) if Path(file).suffix == ".py" and Path(file).exists() else None


def _collect(file: Path, name: str, found: dict[str, Path]) -> None:
    """Add `file` and the modules that it imports to `found`."""
    if name in found or name in NEUTRAL:
        return
    found[name] = file
    for base, alias in _read(file, name)[1]:
        submodule = _own_file(f"{base}.{alias}") if alias else None
        path = submodule or _own_file(base)
        if path is not None:
            _collect(path, f"{base}.{alias}" if submodule else base, found)


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size


def _read(file: Path, name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    return _digest_and_imports(str(file), *_stamp(file), name)


@lru_cache(maxsize=4096)
def _digest_and_imports(file: str, _mtime: int, _size: int, name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Digest of a module's syntax tree, and its imports as (module, name imported from it or "")."""
    tree = ast.parse(Path(file).read_bytes())
    _Stripped().visit(tree)
    _drop_claims(tree)
    package = name if Path(file).name == "__init__.py" else name.rpartition(".")[0]
    imports: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imports.update((_absolute(node, package), alias.name) for alias in node.names)
    # Unparsed text rather than ast.dump: the latter's format differs between Python versions.
    digest = hashlib.blake2b(ast.unparse(tree).encode(), digest_size=16).hexdigest()
    return digest, tuple(sorted(imports))


class _Stripped(ast.NodeTransformer):
    """Removes docstrings and imports that only type checkers see."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            text = first.value if isinstance(first, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            return [self.visit(n) for n in node.orelse] or ast.Pass()
        return self.generic_visit(node)


def _drop_claims(tree: ast.Module) -> None:
    """Remove CARD, CARDS and the functions that nothing else in the module names; bounds may call others."""
    claims = [n for n in tree.body if _targets(n) & set(CLAIMS)]
    if not claims:
        return
    tree.body = [n for n in tree.body if n not in claims]
    named = _names(claims)
    while True:
        elsewhere = _names([n for n in tree.body if not (isinstance(n, ast.FunctionDef) and n.name in named)])
        gone = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in named - elsewhere]
        # A function that only dropped functions call is dropped with them.
        wider = named | _names(gone)
        if wider == named:
            break
        named = wider
    tree.body = [n for n in tree.body if n not in gone]


def _targets(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Assign):
        return {t.id for t in node.targets if isinstance(t, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


def _names(nodes: list[Any]) -> set[str]:
    """Names that the nodes mention, the ones that they define aside."""
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


@lru_cache(maxsize=4096)
def _own_file(module: str) -> Path | None:
    """File of a module of this project, or of the user's own code: neither the standard library nor installed."""
    root, *rest = module.split(".")
    if root in PROJECT:
        base = Path(__file__).resolve().parent.parent / root
    elif root in sys.stdlib_module_names:
        return None
    else:
        spec = PathFinder.find_spec(root)
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        if {"site-packages", "dist-packages"} & set(Path(spec.origin).parts):
            return None
        base = Path(spec.origin)
        base = base.parent if base.name == "__init__.py" else base.with_suffix("")
    base = base.joinpath(*rest)
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


def _hash_runtime(function: FunctionType, h: Any, seen: dict[int, Any], modules: dict[str, Path]) -> None:
    """Hash what the text does not show: closed-over values, module-level values, and code that differs from the text.

    The text of a function's file goes into `modules`. The bytecode counts only where there is no text, or where it is
    not what the text compiles to: a file edited after its import must not file old results under the new text.
    """
    if id(function) in seen:
        return
    seen[id(function)] = function  # kept, so that no other object takes its id
    file = _file_of(function.__module__ or "")
    if file is not None:
        _collect(file, _home(function), modules)
    if file is None or not _is_of_text(function, file):
        _hash_code(function.__code__, h)
        _hash_value("defaults", [function.__defaults__, function.__kwdefaults__], h, seen, modules)
    for cell_name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            _hash_value(cell_name, cell.cell_contents, h, seen, modules)
        except ValueError:  # an empty cell
            continue
    names = names_of(function.__code__)
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        if file is not None and not isinstance(value, _SHOWN):
            continue
        _hash_value(name, value, h, seen, modules)
        if (
            isinstance(value, ModuleType) and value.__name__ not in NEUTRAL and _own_file(value.__name__)
        ):  # links.cdf(...)
            for attribute in sorted(names & vars(value).keys()):
                if isinstance(vars(value)[attribute], _SHOWN):
                    _hash_value(attribute, vars(value)[attribute], h, seen, modules)


def _is_of_text(function: FunctionType, file: Path) -> bool:
    return _fingerprint(function.__code__) in _fingerprints_of_text(str(file), *_stamp(file))


@lru_cache(maxsize=4096)
def _fingerprints_of_text(file: str, _mtime: int, _size: int) -> frozenset[bytes]:
    """Fingerprints of every function that the file's present text compiles to."""
    found: set[bytes] = set()
    waiting = [compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        found.add(_fingerprint(code))
        waiting += [c for c in code.co_consts if isinstance(c, CodeType)]
    return frozenset(found)


@lru_cache(maxsize=65536)
def _fingerprint(code: CodeType) -> bytes:
    h = hashlib.blake2b(code.co_name.encode(), digest_size=16)
    _hash_code(code, h)
    return h.digest()


def _hash_class(cls: type, h: Any, seen: dict[int, Any], modules: dict[str, Path]) -> None:
    """Hash a class that has no file: fields, defaults and plain attributes (functions come apart)."""
    h.update(f"{cls.__qualname__}:{getattr(cls, '_fields', ())}".encode())
    _hash_value("defaults", dict(getattr(cls, "_field_defaults", {})), h, seen, modules)
    for name, value in sorted(vars(cls).items(), key=lambda item: item[0]):
        if not name.startswith("_") and isinstance(value, bool | int | float | str | tuple | None):
            _hash_value(name, value, h, seen, modules)


def _hash_code(code: CodeType, h: Any) -> None:
    h.update(code.co_code)
    h.update(repr((code.co_names, code.co_varnames, code.co_freevars)).encode())
    for k, constant in enumerate(code.co_consts):
        if isinstance(constant, CodeType):
            _hash_code(constant, h)
        elif k > 0 or not isinstance(constant, str | None):  # not the docstring
            _hash_value(str(k), constant, h, {}, {})


def _hash_value(name: str, value: Any, h: Any, seen: dict[int, Any], modules: dict[str, Path]) -> None:
    """Hash a value by its content, the same in every process: no addresses, no order of sets."""
    h.update(f"{name}={type(value).__name__}:".encode())
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        h.update(repr(value).encode())
    elif isinstance(value, FunctionType):
        h.update(value.__qualname__.encode())
        if not is_library(value) and value.__module__ not in NEUTRAL:
            _hash_runtime(value, h, seen, modules)
    elif isinstance(value, ModuleType):
        h.update(value.__name__.encode())
    elif isinstance(value, set | frozenset):
        h.update(repr(sorted(map(repr, value))).encode())
    elif id(value) in seen:
        return
    elif inspect.isclass(value):
        seen[id(value)] = value
        h.update(value.__qualname__.encode())
        if _file_of(value.__module__) is None and value.__module__ in {"__main__", "__mp_main__"}:
            _hash_class(value, h, seen, modules)
            for function in functions_of(value):
                _hash_runtime(function, h, seen, modules)
    elif isinstance(value, list | tuple):
        seen[id(value)] = value
        for k, member in enumerate(value):
            _hash_value(str(k), member, h, seen, modules)
    elif isinstance(value, Mapping):
        seen[id(value)] = value
        for key in sorted(value, key=repr):
            _hash_value(repr(key), value[key], h, seen, modules)
    elif dataclasses.is_dataclass(value):
        seen[id(value)] = value
        for field in dataclasses.fields(value):
            _hash_value(field.name, getattr(value, field.name), h, seen, modules)
    elif hasattr(value, "tobytes"):
        h.update(value.tobytes())
    elif isinstance(inner := getattr(value, "__wrapped__", None) or getattr(value, "py_func", None), FunctionType):
        _hash_value("wrapped", inner, h, seen, modules)
    else:
        h.update(getattr(value, "__qualname__", type(value).__qualname__).encode())
