"""The command line is light, and dependencies point one way."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
HEAVY = {"torch", "pandas", "sklearn"}
ROOTS = {"cytobench": "cytobench", "methods": "cytobench_methods", "benchmarks": "cytobench_benchmarks"}
NO_TORCH = ("profiling", "scoring", "results", "boards")
"""Packages that work on arrays and tables."""


def modules():
    """Module name -> file, for all that is installed."""
    found = {}
    for top, package in ROOTS.items():
        for path in sorted((CHECKOUT / top).rglob("*.py")):
            parts = path.relative_to(CHECKOUT / top).with_suffix("").parts
            if parts[0] not in ("performance", "segmentation"):
                found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def named(*packages):
    """The modules in these packages of ``cytobench``."""
    prefixes = tuple(f"cytobench.{package}" for package in packages)
    return [name for name in MODULES if name.startswith(tuple(f"{p}." for p in prefixes)) or name in prefixes]


@cache
def imports_of(module, *, at_once=False):
    """What a module imports, type checking aside; with ``at_once`` only what is imported with it, not inside functions."""
    found = set()

    def left_out(node):
        type_checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        return type_checking or (at_once and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))

    def visit(node):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found.update(submodules or {str(node.module)})
        for child in ast.iter_child_nodes(node):
            if not left_out(child):
                visit(child)

    visit(ast.parse(MODULES[module].read_text(encoding="utf-8")))
    return frozenset(found)


def reached_from(module):
    """All modules that come with ``module``, through the suite's own."""
    reached, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        parents = {name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)} & MODULES.keys()
        new = (imports_of(name, at_once=True) | parents if name in MODULES else set()) - reached
        reached |= new
        waiting += new
    return reached


def modules_after(code):
    """The heavy packages in ``sys.modules`` after ``code`` in a fresh interpreter."""
    report = (
        f"import atexit, json, sys\natexit.register(lambda: print(json.dumps(list({HEAVY} & set(sys.modules))), file=sys.stderr))"
    )
    ended = subprocess.run([sys.executable, "-c", f"{report}\n{code}"], capture_output=True, text=True, check=True)
    return set(json.loads(ended.stderr.splitlines()[-1])), ended.stdout


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--help", "leaderboard"), ("ls", "lsgan"), ("ls methods", "lsgan"), ("ls datasets", "simulated"),
        ("ls benchmarks", "bbbc021-moa"), ("ls recipes", "small"), ("info lsgan", "Least squares GAN"),
        ("info simulated", "simulated"), ("info bbbc021-moa", "sphering-lw"), ("leaderboard --help", "compare"),
    ],
)  # fmt: skip
def test_help_and_listings_import_nothing_heavy(words, shown):
    code = f"sys.argv = ['cytobench', *{words.split()}]\nfrom cytobench.cli import main\nmain()"
    heavy, out = modules_after(code)
    assert heavy == set()
    assert shown in out


def test_the_package_imports_nothing_heavy_until_it_is_used():
    heavy, out = modules_after("import cytobench\nprint(dir(cytobench))")
    assert heavy == set()
    assert "load_method" in out


def test_every_public_name_is_where_the_package_says():
    import cytobench

    assert all(getattr(cytobench, name) is not None for name in cytobench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lod_method'"):
        _ = cytobench.lod_method


def test_the_console_script_is_installed():
    script = Path(sys.executable).with_name("cytobench")
    ended = subprocess.run([script, "ls", "datasts"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "datasts" in ended.stderr


def test_arrays_and_tables_need_no_torch():
    names = named(*NO_TORCH)
    heavy, _ = modules_after("\n".join(f"import {name}" for name in names))
    assert len(names) > len(NO_TORCH)
    assert "torch" not in heavy
    assert [name for name in names if any(i.split(".")[0] in {"torch", "timm"} for i in imports_of(name))] == []


def forbidden(importers, *packages):
    """``importer -> imported`` for every import, direct or through others, of ``packages`` of ``cytobench``."""
    targets = set(named(*packages))
    return [f"{name} -> {found}" for name in importers for found in sorted((imports_of(name) | reached_from(name)) & targets)]


@pytest.mark.parametrize(
    ("importers", "packages"),
    [
        (named("scoring", "profiling"), ("training", "method", "phenotypes", "boards", "registry")),
        (named("results"), ("training", "method", "boards")),
        (named("training"), ("datasets", "boards", "registry")),
        (
            named("datasets", "imaging", "training", "profiling", "scoring", "phenotypes", "results", "boards", "method"),
            ("runner", "evaluation", "plan", "representing", "fitting", "loading", "outline"),
        ),
        ([name for name in MODULES if not name.startswith(("cytobench.cli", "cytobench.__main__"))], ("cli",)),
    ],
    ids=["scoring-profiling", "results", "training", "below-the-runner", "cli"],
)
def test_dependencies_point_one_way(importers, packages):
    assert importers
    assert forbidden(importers, *packages) == []


def test_methods_import_the_contract_and_nothing_else_of_the_suite():
    allowed = {"cytobench.errors", "cytobench.workers", *named("method", "training", "imaging", "schema")}
    methods = [name for name in MODULES if name.startswith("cytobench_methods.")]
    found = {(name, i) for name in methods for i in imports_of(name) if i.startswith("cytobench") and i not in allowed}
    others = [f"{name} -> {i}" for name, i in found if not i.startswith(f"{name.rsplit('.', 1)[0]}.")]  # but for its own folder
    assert methods
    assert others == []


DECIDES_NOTHING = {
    "benchmark", "card", "checkpoints", "construction", "datasets.growing_array", "datasets.manifest",
    "datasets.mapped_parts", "datasets.opening", "datasets.part_writer", "datasets.plate_map", "datasets.profile_table",
    "datasets.profiles", "datasets.store", "datasets.store_files", "errors", "figures", "files", "imaging.overlay",
    "locations", "method", "plan",
    "plugin",
    "profiling.covariance", "profiling.postprocess", "progress", "registry", "results.keys", "results.measures",
    "results.provenance",
    "results.record", "results.reuse",
    "results.runs", "results.schema", "results.training_figures", "results.training_history", "schema",
    "scoring.moa", "scoring.outcome", "scoring.protocol", "scoring.retrieval", "scoring.screen", "scoring.uncertainty",
    "sharing.manifest", "training.allocation", "training.checkpoint", "training.collapse", "training.evaluations",
    "training.feed", "training.interrupts", "training.launch", "training.log", "versions", "workers",
}  # fmt: skip
"""What training imports and what changes no weight: it finds, checks, shows or writes. A store's content is in the key."""


def test_whatever_decides_weights_is_in_their_key():
    from cytobench.results.keys import EMBEDDING, MAKING, MASKING

    packages = {name.rsplit(".", 1)[0] for name in MODULES}
    reached = {name for name in reached_from("cytobench.fitting") if name.startswith("cytobench.")} - packages
    assert sorted(reached - {*MAKING, *EMBEDDING, *MASKING} - {f"cytobench.{name}" for name in DECIDES_NOTHING}) == []
    assert {*MAKING, *EMBEDDING, *MASKING} <= MODULES.keys()


def test_whatever_decides_masks_or_vectors_is_in_their_key():
    from cytobench.results.keys import EMBEDDING, MASKING

    packages = {name.rsplit(".", 1)[0] for name in MODULES}
    begun = ["cytobench.imaging.crop_masks", "cytobench.imaging.watershed"]  # the one makes the other when it is first called
    segmenting = set(begun).union(*map(reached_from, begun))
    assert {name for name in segmenting - packages if name.startswith("cytobench.imaging.")} == set(MASKING)
    assert {name for name in MODULES if name.startswith("cytobench.embedding.")} <= set(EMBEDDING)
