"""What the documentation makes out of the project: pages of the catalogue, of the modules, of pictures and notebooks.

Pages are written to ``docs/generated`` before Sphinx reads its sources: there is no list to edit. A new algorithm, its
card and its bib entry are enough to have a section, with citation and BibTeX. Docstrings are prose with code in
backticks, indented blocks after ``::`` and numpydoc sections; `prose` protects what Sphinx would take for mark-up
(the stars of ``pi*``, the bars of ``|C|``), and turns ``[key]`` into a citation.
"""

import ast
import gc
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterable
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import figures
import measured
from pybtex import plugin

from duel import catalog
from duel.card import Card, Instance

HERE = Path(__file__).parent
ROOT = HERE.parent
GENERATED = HERE / "generated"
INNER = {  # modules of duel/ that are no one's first read
    "cli", "compiling", "console", "driver", "identity", "linalg", "source", "special",
}  # fmt: skip
FAMILIES = {
    "finite": "Finite-armed duels: regret",
    "identification": "Finite-armed duels: identification",
    "contextual": "Contextual duels",
    "subsets": "Choices from subsets",
    "games": "Preference games",
    "alignment": "Alignment: learning from preferences",
    "mdps": "Markov decision processes",
    "nonlinear": "Beyond linear utilities",
}


# ------------------------------------------------------------------------------------------------- text to mark-up

CODE = re.compile(r"(:[a-z:]+:`[^`]+`|``.+?``|`[^`]+`)", re.S)
LEAD = re.compile(r"^(Assumptions|Guarantees?|Source|Deviations|Cost):(?= |\n)", re.M)
"""Lines of a docstring that begin a paragraph of their own."""


def prose(text: str, keys: Iterable[str] = ()) -> str:
    """Plain text with code in backticks as reStructuredText: nothing else in it is mark-up."""
    known = set(keys) or set(bibliography())
    parts = []
    for k, part in enumerate(CODE.split(text)):
        if k % 2:
            parts.append(part)
            continue
        part = part.replace("\\", "\\\\").replace("|", "\\|")
        part = re.sub(r"(?<!^)(?<!\n)\*|\*(?!\s)", lambda m: "\\*", part)
        part = re.sub(r"(\w)_(?![\w`])", r"\1\\_", part)
        part = re.sub(r"\[([a-z]+\d{4}\w*)\](?:\\?_)?", lambda m: cited(m[1]) if m[1] in known else m[0], part)
        parts.append(part)
    return "".join(parts)


def cited(key: str) -> str:
    """A citation."""
    return f":cite:p:`{key}`"


def escaped_docstring(lines: list[str]) -> list[str]:
    """The lines of a docstring with `prose` applied to all but literal blocks, directives, doctests and headings."""
    done: list[str] = []
    block: list[str] = []
    literal: int | None = None  # indentation of the line that opened a literal block
    table = sections = False

    def flush() -> None:
        if block:
            if not sections:
                block[:] = straightened(block)
            done.extend(LEAD.sub(r"**\1:**", prose("\n".join(block))).split("\n"))
            block.clear()

    for line in lines:
        indent = len(line) - len(line.lstrip())
        if literal is not None and (not line.strip() or indent > literal):
            done.append(line)
            continue
        literal = None
        bare = line.strip()
        if set(bare) == {"=", " "} and not table:  # the border of a table, which ends at an empty line: kept as it is
            flush()
            done += [f"{' ' * indent}::", ""]
            table = True
        if table and bare:
            done.append(f"   {line}")
            continue
        table = False
        if not bare or set(bare) <= {"-"} or bare.startswith(">>>"):
            sections |= len(bare) > 3 and set(bare) == {"-"}
            flush()
            done.append(line)
            continue
        if bare.startswith(".. ") or bare.endswith("::"):
            flush()
            done.append(line if bare.startswith(".. ") else prose(line[: line.rindex("::")]) + "::")
            literal = indent
            continue
        if LEAD.match(bare) and block and not block[-1].startswith(" " * (indent + 1)):
            flush()
            done.append("")
        block.append(line)
    flush()
    return done


def straightened(lines: list[str]) -> list[str]:
    """A paragraph without hanging lines, which would end it: those after two or more lines of its own indentation."""
    base = len(lines[0]) - len(lines[0].lstrip())
    own = [len(line) - len(line.lstrip()) == base for line in lines]
    if len(lines) < 3 or not own[1] or any(re.match(r"\s*([*+-]|\d+\.) ", line) for line in lines):
        return lines  # a list, or a term and its definition
    return [" " * base + line.lstrip() for line in lines]


def heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"


@cache
def bibliography() -> dict[str, str]:
    """Key -> entry of references.bib, as text."""
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    starts = list(re.finditer(r"^@\w+\{([^,\s]+),", text, re.M))
    ends = [*[m.start() for m in starts[1:]], len(text)]
    return {m[1]: text[m.start() : end].strip() for m, end in zip(starts, ends)}


# --------------------------------------------------------------------------------------------------- the catalogue


def instance_text(instance: Instance) -> str:
    """An instance as one would write it, arrays and long tuples abbreviated."""
    fields = ", ".join(f"{k}={textwrap.shorten(repr(v), 60, placeholder=' …)')}" for k, v in instance.fields.items())
    return f"{instance.environment}({fields})"


def card_text(card: Card, said: str) -> str:
    """What the card claims, its citation and BibTeX; of assumptions and deviations, what the docstring has not said."""
    lines = []
    for theorem in card.theorems:
        on = f"``{instance_text(theorem.instance)}``"
        lines.append(f"**Claim**, metric ``{theorem.metric}``: {prose(theorem.statement)} Checked on {on}.\n")
    for comparison in getattr(card, "comparisons", ()):
        lines.append(f"**Claim**, comparison: {prose(str(comparison.statement))}\n")
    if card.assumptions and "Assumptions:" not in said:
        lines.append("**Assumptions**: " + prose("; ".join(card.assumptions)) + ".\n")
    if "Deviations:" not in said:
        lines.append("**Deviations from the source**: " + (prose("; ".join(card.deviations)) or "none") + ".\n")
    entry = bibliography().get(card.citation)
    where = f"{cited(card.citation)}, " if entry else ""
    lines.append(f"**Source**: {where}{prose(card.source)}.\n")
    if entry:
        lines.append('.. raw:: html\n\n   <details class="bibtex"><summary>BibTeX</summary>\n')
        lines.append(".. code-block:: bibtex\n\n" + textwrap.indent(entry, "   ") + "\n")
        lines.append(".. raw:: html\n\n   </details>\n")
    return "\n".join(lines)


def member(module: str, name: str) -> str:
    """The directive that documents a public class or function."""
    kind = "autoclass" if isinstance(getattr(import_module(module), name), type) else "autofunction"
    options = "   :no-members:\n" if kind == "autoclass" else ""
    return f".. {kind}:: {module}.{name}\n{options}"


def family_page(family: str) -> str:
    """One family: its algorithms with their cards, then its environments."""
    algorithms = catalog.public_classes(f"algorithms.{family}") if _has("algorithms", family) else {}
    environments = catalog.public_classes(f"envs.{family}") if _has("envs", family) else {}
    page = [heading(FAMILIES.get(family, family.capitalize()), "=")]
    package = [f"``from algorithms.{family} import …``"] * bool(algorithms)
    package += [f"``from envs.{family} import …``"] * bool(environments)
    page.append(
        f"{' and '.join(package)}. The text of each entry is its docstring; *source* shows the file. *Remembered* is "
        "what could not be checked against the text of the paper. What was measured of the claims stands in the "
        ":doc:`ledger </ledger>`.\n"
    )
    for title, names in (("Algorithms", algorithms), ("Environments", environments)):
        if not names:
            continue
        page.append(heading(title, "-"))
        for name, module in sorted(names.items(), key=lambda item: item[0].lower()):
            page += [f".. _{anchor(family, name)}:\n", heading(name, "^"), member(module, name)]
            told = cards_of(name, module)
            said = inspect.getdoc(getattr(import_module(module), name)) or ""
            page += [(f"*{prose(c.name)}*\n\n" if c.name != name else "") + card_text(c, said) for c in told]
    return "\n".join(page)


def cards_of(name: str, module: str) -> list[Card]:
    """Cards that speak of a class: its own, and the aliases in the same file where it is the only class."""
    if not module.startswith("algorithms."):
        return []
    loaded = import_module(module)
    mine = getattr(loaded, "CARDS", None) or ([loaded.CARD] if hasattr(loaded, "CARD") else [])
    alone = len(catalog.public_in(module)) == 1
    return [c for c in mine if c.name == name or alone]


def anchor(family: str, name: str) -> str:
    return f"{family}-{name}".lower().replace("_", "-")


def _has(package: str, family: str) -> bool:
    return f"{package}.{family}" in catalog.families(package)


def families() -> list[str]:
    """Families of algorithms and environments, in the order of `FAMILIES`, unknown ones last."""
    found = {name.rpartition(".")[2] for package in ("algorithms", "envs") for name in catalog.families(package)}
    return [f for f in FAMILIES if f in found] + sorted(found - set(FAMILIES))


def catalogue_index() -> str:
    """All names, a table a family."""
    rows = {kind: catalog.listing(kind) for kind in catalog.KINDS}
    counts = ", ".join(f"{len(r)} {kind}" for kind, r in rows.items())
    page = [heading("Catalogue", "=")]
    page.append(
        f"{counts}, found by walking the packages (``duel list`` prints the same). Every algorithm has a card: what "
        "its paper claims, where, under which assumptions, and how this lab checks it.\n"
    )
    page.append(".. toctree::\n   :maxdepth: 1\n\n" + "".join(f"   {f}\n" for f in families()))
    for family in families():
        page.append(heading(FAMILIES.get(family, family.capitalize()), "-"))
        for kind in ("algorithms", "environments"):
            for name, home, words in rows[kind]:
                if home == family:
                    page.append(f":ref:`{name} <{anchor(family, name)}>`\n   {prose(words)}\n")
    return "\n".join(page)


# ------------------------------------------------------------------------------------------------- the other pages


def api_modules() -> list[str]:
    """Modules of the core that a user meets."""
    files = sorted(p.stem for p in catalog.folder("duel").glob("*.py"))
    return [f for f in files if not f.startswith("_") and f not in INNER]


def api_page(module: str) -> str:
    return heading(f"duel.{module}", "=") + f"\n.. automodule:: duel.{module}\n"


def api_index() -> str:
    page = [heading("Modules", "=")]
    page.append("The core of the lab, module by module. ``import duel`` offers the names of daily use: ")
    page.append("`duel.protocols.simulate`, `duel.store.load`, `duel.trace.Trace`, `duel.card.Card`.\n")
    for module in api_modules():
        words = " ".join(docstring(catalog.folder("duel") / f"{module}.py").partition("\n\n")[0].split())
        page.append(f":doc:`duel.{module} <{module}>`\n   {prose(words)}\n")
    page.append(".. toctree::\n   :hidden:\n\n" + "".join(f"   {m}\n" for m in api_modules()))
    return "\n".join(page)


def docstring(file: Path) -> str:
    """Docstring of a module, which is not imported."""
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def plots_page() -> str:
    """Every experiment with its reference picture, the size at which it was drawn and the command of the full size."""
    drawn = figures.index()
    page = ["# Reference plots\n"]
    page.append(
        "Every experiment of the lab, drawn at a *reference size*: at most 16 runs and 100,000 rounds, or what "
        "`docs/figures.py` lists, so that one machine computes all of them in hours. **Many of these pictures are "
        "smaller than the experiment's own size**; the line below each says how large it is, and which command draws "
        "the full size. `make figures` draws them all anew; it resumes when killed, and computes only what is missing. "
        "Seeds are fixed: on other machines the same command gives the same numbers, to rounding.\n"
    )
    for name, module in catalog.experiments().items():
        text = docstring(catalog.folder("experiments") / f"{module.rpartition('.')[2]}.py")
        first, _, rest = text.partition("\n\n")
        title = " ".join(first.split()).rstrip(".")
        page += [f"({name.replace('_', '-')})=", f"## {markdown(title)}\n"]
        if rest:
            page.append(markdown(rest) + "\n")
        line = drawn.get(name)
        files = [f for f in (line or {}).get("files", ()) if (figures.FIGURES / f).exists()]
        for file in files:
            if file.endswith(".png"):
                page.append(f"![{markdown(title)}](../figures/{file})\n")
            else:
                page.append((figures.FIGURES / file).read_text(encoding="utf-8") + "\n")
        if line and files:
            page.append(size_line(name, line))
        else:
            page.append(f"*Not drawn yet:* `duel run {name}`\n")
    return "\n".join(page)


def size_line(name: str, line: dict[str, Any]) -> str:
    """How large a picture is, whether that is the experiment's own size, and the command of the full size."""
    drawn = f"{line['runs']} runs, horizon {line['horizon']:,}, seed {line['seed']}"
    full = f"{line['full_runs']} runs, horizon {line['full_horizon']:,}"
    if (line["runs"], line["horizon"]) == (line["full_runs"], line["full_horizon"]):
        return f"*Full size, {drawn}:* `duel run {name}`\n"
    return f"*Reference size, {drawn}. Full size, {full}:* `duel run {name}`\n"


def markdown(text: str) -> str:
    """Docstring prose as Markdown: citations as citations, stars and dollars as they are."""
    parts = []
    for k, part in enumerate(CODE.split(text)):
        if k % 2:
            parts.append(part.replace("``", "`"))
            continue
        part = re.sub(r"([*_$\\<|])", r"\\\1", part)
        part = re.sub(
            r"\[([a-z]+\d{4}\w*)\](?:\\_)?", lambda m: f"{{cite:p}}`{m[1]}`" if m[1] in bibliography() else m[0], part
        )
        parts.append(part)
    return "".join(parts)


def notebooks_page(names: list[str]) -> str:
    page = ["# Notebooks\n"]
    page.append("Plain, short, and executed by the test suite; the outputs below are those that are committed.\n")
    page.append("```{toctree}\n:maxdepth: 1\n\n" + "\n".join(names) + "\n```\n")
    return "\n".join(page)


# ------------------------------------------------------------------------------------------------------------ hooks


def write(file: Path, text: str) -> Path:
    """Write a page unless it is there already as it is (so that Sphinx reads only what has changed)."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")
    return file


def generate(app: Any) -> None:
    """Write all generated pages and remove those of what is gone."""
    kept = {write(GENERATED / "catalogue" / "index.rst", catalogue_index())}
    kept |= {write(GENERATED / "catalogue" / f"{f}.rst", family_page(f)) for f in families()}
    kept.add(write(GENERATED / "api" / "index.rst", api_index()))
    kept |= {write(GENERATED / "api" / f"{m}.rst", api_page(m)) for m in api_modules()}
    kept.add(write(GENERATED / "plots.md", plots_page()))
    kept.add(write(GENERATED / "benchmark.md", measured.benchmark_page()))
    kept.add(write(GENERATED / "reproductions.md", measured.reproductions_page()))
    names = []
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        kept.add(write(GENERATED / "notebooks" / notebook.name, notebook.read_text(encoding="utf-8")))
        names.append(notebook.stem)
    kept.add(write(GENERATED / "notebooks" / "index.md", notebooks_page(names)))
    for file in GENERATED.rglob("*"):
        if file.is_file() and file not in kept:
            file.unlink()


def process_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = escaped_docstring(lines)


def skip_member(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Fields of NamedTuples say nothing by themselves; their classes' docstrings do."""
    if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number"):
        return True
    return None


def share_navigation(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Make the navigation of pages without a document once a folder: source files are most pages, and none is in it."""
    if doctree is not None or "toctree" not in context:
        return
    original, folder = context["toctree"], pagename.rpartition("/")[0]

    def toctree(**options: Any) -> str:
        key = (folder, *sorted(options.items()))
        if key not in app.shared_navigation:
            app.shared_navigation[key] = original(**options)
        return app.shared_navigation[key]

    context["toctree"] = toctree


def copy_mathjax(app: Any, error: Exception | None) -> None:
    """Put MathJax and its fonts beside the pages."""
    if error is not None or app.builder.format != "html":
        return
    files = [Path(str(f.locate())) for f in metadata.files("sphinx-mathjax-offline") or ()]
    script = next(f for f in files if f.name == "tex-chtml.js")
    target = Path(app.outdir) / "_static" / "mathjax"
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(script, target / script.name)
    for part in ("output/chtml/fonts", "input/tex/extensions"):
        shutil.copytree(script.parent / part, target / part, dirs_exist_ok=True)


def setup(app: Any) -> dict[str, Any]:
    plugin._load_entry_point = cache(plugin._load_entry_point)  # read anew for every citation, a tenth of the time
    gc.set_threshold(50_000)  # JAX has work of its own in every collection, another tenth
    app.shared_navigation = {}
    app.connect("html-page-context", share_navigation, priority=100)  # before the theme
    app.connect("builder-inited", generate)
    app.connect("autodoc-process-docstring", process_docstring, priority=100)  # before napoleon
    app.connect("autodoc-skip-member", skip_member)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
