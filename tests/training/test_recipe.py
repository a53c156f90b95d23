"""Recipes: what is accepted, what is refused and how they are changed from the command line."""

from pathlib import Path

import pytest

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.training.recipe import Recipe, choose_recipe, read_recipes

RECIPES = read_recipes(registry.method("lsgan").recipe_file)


def chosen(*overrides: str, variant: str | None = None) -> Recipe:
    return choose_recipe(RECIPES, variant, overrides, "lsgan")[1]


@pytest.mark.parametrize("name", registry.methods())
def test_every_recipe_in_the_repository_is_valid(name: str):
    entry = registry.method(name)
    for recipe in read_recipes(entry.recipe_file).values():
        assert entry.load_class().Options.model_validate(recipe.options) is not None


def test_a_method_without_file_has_one_variant(tmp_path: Path):
    assert read_recipes(tmp_path / "recipe.yaml") == {"default": Recipe()}


@pytest.mark.parametrize(
    ("override", "where", "value"),
    [
        ("optimizer.discriminator.lr=1e-4", ("optimizer", "discriminator", "lr"), 1e-4),
        ("training.steps=5", ("training", "steps"), 5),
        ("input.scaling=range", ("input", "scaling"), "range"),
        ("options.latent=7", ("options", "latent"), 7),
        ("latent=7", ("options", "latent"), 7),
        ("widths=[4, 8]", ("options", "widths"), [4, 8]),
    ],
)
def test_overrides(override: str, where: tuple[str, ...], value: object):
    data: object = chosen(override).model_dump()
    for key in where:
        data = data[key]
    assert data == value


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.batchsize=5", r"lsgan, recipe small: unknown key 'batchsize' in training; did you mean 'batch_size'\?"),
        ("training.steps=0", "training.steps: Input should be greater than 0"),
        ("input.scaling=brightness", "input.scaling: Input should be 'luminance', 'percentile' or 'range'"),
        ("optimizer.generator.lr=fast", "optimizer.generator.lr: Input should be a valid number"),
        ("steps", "-o 'steps': write key=value"),
        ("widths=[4,", "the value is not valid YAML"),
    ],
)
def test_wrong_overrides_are_one_sentence(override: str, sentence: str):
    with pytest.raises(CytoBenchError, match=sentence) as error:
        chosen(override)
    assert "\n" not in str(error.value)


def test_unknown_variant_suggests_the_nearest():
    with pytest.raises(CytoBenchError, match="lsgan has no recipe 'smal'; it has small, cytogan, gpu; did you mean 'small'"):
        chosen(variant="smal")


def test_an_unknown_option_of_the_method_names_the_nearest(tiny_store):
    method = registry.method("lsgan").load_class()
    with pytest.raises(CytoBenchError, match="unknown key 'latnt'; did you mean 'latent'"):
        method(chosen("latnt=3"), tiny_store.channels, 64, 0)


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path):
    (tmp_path / "recipe.yaml").write_text("- small\n")
    with pytest.raises(CytoBenchError, match="holds no recipe"):
        read_recipes(tmp_path / "recipe.yaml")
