"""Plugins come in through entry points; cards are read, code is not imported until it is asked for."""

import configparser
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from cytobench import catalogue, registry
from cytobench.benchmark import Benchmark
from cytobench.card import MethodCard
from cytobench.datasets.simulated import ScreenParameters
from cytobench.errors import CytoBenchError
from cytobench.method import Method
from cytobench.schema import read_yaml, validate
from cytobench.sensitivity.declaration import read_declaration
from cytobench.sensitivity.published import read_published
from cytobench.training.keymap import read_keymap
from cytobench.training.recipe import read_recipes

CHECKOUT = Path(__file__).parents[1]
CARD = "name: sharp\ntitle: Sharp\nkind: other\ncitation: doi:10.1/x\nsupervision: none\nlicence: MIT\n"
PLUGIN = """
from cytobench.method import Method


class Mine(Method):
    card = {"name": "mine", "title": "Mine", "kind": "other", "citation": "doi:10.1/x", "supervision": "none", "licence": "MIT"}

    def embed(self, cells):
        return cells.images.mean((2, 3))
"""


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """Install a distribution, as pip would leave it, whose method cannot be imported."""

    def install(name="rival", method="sharp", card=CARD, requires=()):
        site = tmp_path / name
        package, info = site / f"{name}_package", site / f"{name}-1.0.dist-info"
        package.mkdir(parents=True)
        info.mkdir()
        (package / "__init__.py").write_text("raise RuntimeError('imported')")
        (package / "method.py").write_text("raise RuntimeError('imported')")
        (package / "card.yaml").write_text(card)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", "Provides-Extra: fancy"]
        (info / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {what}" for what in requires)]) + "\n")
        (info / "entry_points.txt").write_text(f"[cytobench.methods]\n{method} = {name}_package.method:Sharp\n")
        monkeypatch.syspath_prepend(str(site))
        return package

    return install


@pytest.fixture
def plugin(tmp_path):
    """Write a plugin file."""

    def write(text=PLUGIN, name="mine.py"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


FOLDERS = sorted(path.parent for path in (CHECKOUT / "methods").glob("*/method.py"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_method_has_a_card_a_citation_and_where_trained_a_recipe(folder):
    entry = registry.methods()[folder.name.replace("_", "-")]
    assert entry.distribution == "cytobench"
    assert re.match(r"doi:10\.\d{4,}/\S+$|@\w+\{|none; .+", entry.card.citation)
    recipes = read_recipes(folder / "recipe.yaml")
    assert all((recipe.training is not None) == entry.card.trained for recipe in recipes.values())
    assert issubclass(entry.load_class(), Method)


def test_every_registered_data_set_and_benchmark_loads():
    assert all(callable(entry.load()) for entry in registry.datasets().values())
    assert all(issubclass(entry.load(), Benchmark) for entry in registry.benchmarks().values())


def test_ls_methods_lists_what_is_registered(cli):
    listed = cli("ls", "methods").out
    assert [line.split()[0] for line in listed.splitlines()[2:]] == sorted(registry.methods())
    assert "not installed" not in listed


def test_two_distributions_with_one_name_are_both_named(distribution, cli):
    distribution("first")
    distribution("second")
    named = "cytobench: two plugins are named 'sharp': in first and in second; uninstall one of them"
    assert cli("ls", "methods").sentence == named


def test_a_name_of_the_suite_itself_is_taken(distribution):
    distribution(method="lsgan", card=CARD.replace("sharp", "lsgan"))
    with pytest.raises(CytoBenchError, match="two plugins are named 'lsgan': in cytobench and in rival;"):
        registry.methods()


def test_listing_imports_no_code(distribution):
    distribution()
    row = next(row for row in catalogue.methods() if row["method"] == "sharp")
    assert (row["title"], row["state"]) == ("Sharp", "installed")
    assert not any(name.startswith("rival_package") for name in sys.modules)
    with pytest.raises(RuntimeError, match="imported"):
        registry.method("sharp").load_class()


def test_a_missing_extra_shows_as_not_installed_and_refuses_to_load(distribution, cli, tiny_store, tmp_path):
    distribution(card=CARD + "extras: [fancy]\n", requires=('cytobench-has-no-such-package; extra == "fancy"', "numpy"))
    assert "not installed: pip install 'rival[fancy]'" in cli("ls", "methods").out
    sentence = "sharp is not installed; install it with pip install 'rival[fancy]'"
    with pytest.raises(CytoBenchError, match=f"^{re.escape(sentence)}$"):
        registry.method("sharp").load_class()
    assert sentence in cli("run", "--method", "sharp", "--dataset", tiny_store.path, "--runs", tmp_path / "runs").sentence


def test_an_extra_that_is_there_is_installed(distribution):
    distribution(card=CARD + "extras: [fancy]\n", requires=('numpy; extra == "fancy"', 'no-such-package; extra == "other"'))
    assert registry.method("sharp").missing == ()


@pytest.mark.parametrize(
    ("card", "named"),
    [
        (CARD.replace("licence", "license"), r"card\.yaml: unknown key 'license'; did you mean 'licence'\?"),
        (CARD.replace("citation: doi:10.1/x\n", ""), r"card\.yaml: the key 'citation' is missing"),
        (CARD.replace("sharp", "blunt"), r"card\.yaml: names the method 'blunt', but it is registered as 'sharp'"),
        ("a: [", r"card\.yaml: not valid YAML"),
    ],
)
def test_a_wrong_card_is_named(distribution, card, named):
    """And stops no other method."""
    distribution(card=card)
    with pytest.raises(CytoBenchError, match=named):
        registry.method("sharp")
    assert "lsgan" in registry.methods() and "sharp" not in registry.methods()
    (row,) = [row for row in catalogue.methods() if row["method"] == "sharp"]
    assert row["state"].startswith("broken: ")


def test_a_method_without_a_card_is_named(distribution):
    (distribution() / "card.yaml").unlink()
    with pytest.raises(CytoBenchError, match=r"rival_package/card\.yaml: no such file"):
        registry.method("sharp")


@pytest.mark.parametrize(
    ("look_up", "sentence"),
    [
        (
            lambda: registry.method("lsgna"),
            "no method is named 'lsgna'; did you mean 'lsgan'? ('cytobench ls methods' lists them)",
        ),
        (lambda: registry.benchmark("bbbc021"), "no benchmark is named 'bbbc021'; did you mean 'bbbc021-moa'?"),
        (lambda: registry.benchmark("bbbc021-moa/9"), "bbbc021-moa is at version 1 here, not 9;"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(look_up, sentence):
    with pytest.raises(CytoBenchError, match=re.escape(sentence)):
        look_up()


def test_a_benchmark_may_be_asked_for_by_its_version():
    assert registry.benchmark("bbbc021-moa/1").identity == registry.benchmark("bbbc021-moa").identity == "bbbc021-moa/1"


def test_a_plugin_file_adds_a_method(plugin):
    entry = registry.method("mine", plugin())
    assert (entry.card.title, entry.load_class().__name__) == ("Mine", "Mine")
    assert "mine" not in registry.methods()


def test_a_plugin_file_runs_and_its_run_says_how_to_repeat_it(plugin, tiny_store, tmp_path):
    from cytobench import run

    made = run("mine", str(tiny_store.path), runs=tmp_path / "runs", plugin=plugin())
    assert made.record.status == "finished"
    assert f"--plugin {plugin()}" in made.record.command


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (PLUGIN.replace("    card", "    title"), "holds 0 methods with a card; it must hold one subclass of Method"),
        (PLUGIN + PLUGIN.replace("class Mine", "class Second").replace('"mine"', '"second"'), "holds 2 methods with a card"),
        ("x = 1", "holds 0 methods with a card"),
        ("def broken(:", "importing it failed with SyntaxError"),
        ("import cytobench_has_no_such_module", "importing it failed with ModuleNotFoundError: No module named"),
        (PLUGIN.replace('"licence"', '"license"'), "card: unknown key 'license'; did you mean 'licence'?"),
        (PLUGIN.replace('"mine"', '"lsgan"'), "in cytobench; rename yours"),
    ],
    ids=["no-card", "two-cards", "no-method", "syntax", "import", "wrong-card", "clash"],
)
def test_a_plugin_file_that_will_not_do_is_one_sentence(plugin, cli, text, sentence):
    file = plugin(text)
    said = cli("ls", "methods", "--plugin", file).sentence
    assert sentence in said
    assert str(file) in said


@pytest.mark.parametrize(("name", "sentence"), [("nowhere.py", "no such plugin file"), ("mine.txt", "a plugin is a Python file")])
def test_a_plugin_that_is_no_python_file_is_one_sentence(plugin, tmp_path, name, sentence):
    plugin(name="mine.txt")
    with pytest.raises(CytoBenchError, match=sentence):
        registry.methods(tmp_path / name)


SETUP = configparser.ConfigParser()
SETUP.read(CHECKOUT / "setup.cfg")
PACKAGE_ROOTS = {"cytobench": "cytobench", "methods": "cytobench_methods", "benchmarks": "cytobench_benchmarks"}
NOT_INSTALLED = {"cytobench_benchmarks.performance", "cytobench_benchmarks.segmentation"}
"""Folders that are tools of the checkout."""


def packages_of_the_tree():
    """Package name -> folder."""
    found = {}
    for top, package in PACKAGE_ROOTS.items():
        for folder in {path.parent for path in (CHECKOUT / top).rglob("*.py")}:
            found[".".join([package, *folder.relative_to(CHECKOUT / top).parts])] = folder
    return {name: folder for name, folder in found.items() if name not in NOT_INSTALLED}


def test_setup_lists_every_package_and_no_other():
    assert sorted(SETUP["options"]["packages"].split()) == sorted(packages_of_the_tree())


def test_setup_registers_every_method():
    registered = re.findall(r"= (cytobench_methods\.\w+)\.method:", SETUP["options.entry_points"]["cytobench.methods"])
    assert sorted(registered) == sorted(f"cytobench_methods.{folder.name}" for folder in FOLDERS)


def test_package_data_covers_every_yaml_and_csv_file():
    patterns = {name: [p.strip() for p in text.split(",")] for name, text in SETUP["options.package_data"].items()}
    forgotten = [
        str(file.relative_to(CHECKOUT))
        for name, folder in packages_of_the_tree().items()
        for file in folder.iterdir()
        if file.suffix in {".yaml", ".csv"} and not any(fnmatch(file.name, pattern) for pattern in patterns.get(name, []))
    ]
    assert forgotten == []


READERS = {
    "card.yaml": lambda path: validate(MethodCard, read_yaml(path), str(path)),
    "recipe.yaml": read_recipes,
    "protocol.yaml": lambda path: registry.benchmark(path.parent.name.replace("_", "-")).protocol,
    "sensitivity.yaml": read_declaration,
    "published.yaml": read_published,
    "screen.yaml": lambda path: validate(ScreenParameters, read_yaml(path), str(path)),
    "mobilenetv1-biubug6.keymap.yaml": read_keymap,
}
"""What reads each kind of YAML file."""

ELSEWHERE = {"culture.yaml"}
"""Read by a script of the checkout and validated by its tests."""

YAML_FILES = sorted(
    path for top in (*PACKAGE_ROOTS, "leaderboards") for path in (CHECKOUT / top).rglob("*.yaml") if path.name not in ELSEWHERE
)


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_yaml_file_passes_the_schema_that_reads_it(path):
    assert READERS[path.name](path)
