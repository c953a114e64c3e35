"""Identity of code: a digest that changes when an algorithm, an environment or anything of this project it runs does.

Two users: the sweep store (an edited algorithm never meets its old results) and the compile cache (never stale machine
code). The digest covers the syntax trees, without comments and docstrings, of the object's own module and of every
module of this project that it imports, directly or not. Objects without a source file (a notebook cell, the prompt,
classes made at run time) are covered by the bytecode of their functions, with the values that these close over.
"""

import ast
import hashlib
import inspect
import sys
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

PROJECT = ("duel", "envs", "algorithms", "experiments")


def code_digest(*objects: Any) -> str:
    """Digest (32 hex digits) of the code behind classes or functions, comments and docstrings aside."""
    h = hashlib.blake2b(digest_size=16)
    modules: dict[str, str] = {}
    for obj in objects:
        h.update(f"{obj.__module__}.{obj.__qualname__}".encode())
        file = _file_of(obj.__module__)
        if file is not None:
            _collect(file, obj.__module__, modules)
        for function in functions_of(obj):
            _hash_runtime(function, h, set(), with_bytecode=file is None)
    for name in sorted(modules):
        h.update(f"\n{name}:{modules[name]}".encode())
    return h.hexdigest()


def functions_of(obj: Any) -> list[FunctionType]:
    """The plain functions of a class in order of name, or the function itself."""
    if isinstance(obj, FunctionType):
        return [obj]
    return [f for _, f in sorted(vars(obj).items()) if isinstance(f, FunctionType) and not f.__name__.startswith("__")]


def _file_of(module: str) -> Path | None:
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None or (module == "__main__" and not str(file).endswith(".py")):
        return None
    return Path(file) if Path(file).suffix == ".py" and Path(file).exists() else None


def _collect(file: Path, name: str, found: dict[str, str]) -> None:
    """Add `file` and the modules of this project that it imports to `found`: name -> digest of the syntax tree."""
    if name in found:
        return
    stat = file.stat()
    digest, imports = _module_digest(str(file), stat.st_mtime_ns, stat.st_size, name)
    found[name] = digest
    for module in imports:
        path = _project_file(module)
        if path is not None:
            _collect(path, module, found)


@lru_cache(maxsize=4096)
def _module_digest(file: str, _mtime: int, _size: int, name: str) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(Path(file).read_bytes())
    package = name if Path(file).name == "__init__.py" else name.rpartition(".")[0]
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            imports.add(base)
            imports.update(f"{base}.{alias.name}" for alias in node.names)
        _strip_docstring(node)
    # Unparsed text rather than ast.dump: the latter's format differs between Python versions.
    digest = hashlib.blake2b(ast.unparse(tree).encode(), digest_size=16).hexdigest()
    return digest, tuple(sorted(m for m in imports if m.split(".")[0] in PROJECT))


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base


def _strip_docstring(node: ast.AST) -> None:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = node.body[1:] or [ast.Pass()]


@lru_cache(maxsize=4096)
def _project_file(module: str) -> Path | None:
    root = Path(__file__).resolve().parent.parent
    base = root.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


def _hash_runtime(function: FunctionType, h: Any, seen: set[int], *, with_bytecode: bool) -> None:
    """Hash what the text does not show: closed-over values, module-level numbers; bytecode where there is no text."""
    if id(function) in seen:
        return
    seen.add(id(function))
    if with_bytecode:
        _hash_code(function.__code__, h)
    for cell_name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            _hash_value(cell_name, cell.cell_contents, h, seen)
        except ValueError:  # an empty cell
            continue
    for name in sorted(names_of(function.__code__)):
        if name in function.__globals__:
            _hash_value(name, function.__globals__[name], h, seen)


def names_of(code: CodeType) -> set[str]:
    """Names that a code object and the ones nested in it look up."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= names_of(constant)
    return names


def _hash_code(code: CodeType, h: Any) -> None:
    h.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _hash_code(constant, h)
        else:
            h.update(repr(constant).encode())


def _hash_value(name: str, value: Any, h: Any, seen: set[int]) -> None:
    h.update(name.encode())
    if isinstance(value, FunctionType):
        root = (value.__module__ or "").split(".")[0]
        if root in PROJECT or root in {"__main__", "tests", "__mp_main__"} or _file_of(value.__module__) is None:
            _hash_runtime(value, h, seen, with_bytecode=_file_of(value.__module__) is None)
        else:
            h.update(value.__qualname__.encode())
    elif isinstance(value, ModuleType):
        h.update(value.__name__.encode())
    elif inspect.isclass(value) or callable(value):
        h.update(getattr(value, "__qualname__", type(value).__qualname__).encode())
    elif hasattr(value, "tobytes"):
        h.update(value.tobytes())
    else:
        h.update(repr(value).encode())
