"""The algebra benchmark: where the truth is known it is found, and where there is none it is not."""

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cytobench import registry
from cytobench.errors import CytoBenchError
from cytobench.phenotypes.algebra.space import CodeSpace
from cytobench.phenotypes.analogies.benchmark import FIGURE
from cytobench.phenotypes.analogies.equations import PosedEquation
from cytobench.phenotypes.analogies.families import dose_family, moa_family
from cytobench.phenotypes.analogies.measures import COLUMNS, Everyone, family_block
from cytobench.phenotypes.analogies.scoring import of_length, score_family
from cytobench.results.measures import Measure
from cytobench_benchmarks.bbbc021_algebra.benchmark import BBBC021Algebra

WELLS, CELLS = 3, 4
"""Wells of a treatment and cells of a well."""


@pytest.fixture(scope="module")
def algebra():
    return quick(BBBC021Algebra())


def quick(benchmark):
    """The benchmark with fewer random drawings."""
    fewer = {"groups": 40, "random_differences": 3, "bootstrap_samples": 300}
    benchmark.protocol = benchmark.protocol.model_copy(update=fewer)
    return benchmark


@dataclass(frozen=True)
class Screened:
    """A screen of all treatments, with codes instead of cells: what :class:`CodeSpace` asks of a model and its store."""

    codes: np.ndarray
    cells: pd.DataFrame
    name: str = "known codes"
    title: str = "SIMULATED data: known codes"

    @property
    def store(self):
        return self

    def __len__(self):
        return len(self.cells)

    def encode(self, rows):
        return self.codes[rows]

    @cached_property
    def _levels(self):
        return {column: sorted(self.cells[column].astype(str).unique()) for column in ("compound", "concentration")}

    def groups(self, column):
        levels = self._levels[column]
        return self.cells[column].astype(str).map({level: n for n, level in enumerate(levels)}).to_numpy(), tuple(levels)


def screened(algebra, effect, noise=0.01, size=80, **changed):
    """All treatments and DMSO, each cell at ``effect(treatment, rank)`` (size,) with a little noise."""
    generator = np.random.default_rng(5)
    rows, codes, ranks = [], [], {}
    for treatment in sorted(algebra.screen.treatments.values(), key=lambda t: t.concentration):
        rank = ranks[treatment.compound] = ranks.get(treatment.compound, -1) + 1
        for plate in ("Week1_22123", "Week1_22141", "Week1_22161")[:WELLS]:
            rows += [(plate, f"{'D05' if treatment.name == 'taxol@0.3' else treatment.name}", *key(treatment))] * CELLS
            codes += [effect(treatment, rank)] * CELLS
    for well in range(60):
        rows += [("Week1_22123", f"A{well:02d}", "DMSO", 0.0)] * CELLS
        codes += [np.zeros(size)] * CELLS
    values = np.array(codes) + noise * generator.normal(size=(len(rows), size))
    return Screened(values, pd.DataFrame(rows, columns=["plate", "well", "compound", "concentration"]), **changed)


def key(treatment):
    return treatment.compound, treatment.concentration


def directions(names, generator, size=80):
    return dict(zip(names, np.linalg.qr(generator.normal(size=(size, size)))[0], strict=False))


def additive(algebra):
    """A compound has its own direction, and each dose a step in one direction that all compounds share."""
    own = directions([*sorted({t.compound for t in algebra.screen.treatments.values()}), "dose"], np.random.default_rng(1))
    return screened(algebra, lambda treatment, rank: own[treatment.compound] + 4.0 * rank * own["dose"])


def without_direction(algebra):
    """Doses of a compound lie near it, each in a random direction of its own."""
    generator = np.random.default_rng(2)
    own = directions(sorted({t.compound for t in algebra.screen.treatments.values()}), generator)
    return screened(algebra, lambda treatment, _: own[treatment.compound] + 0.15 * generator.normal(size=80))


@pytest.fixture(scope="module")
def measured(algebra, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    return SimpleNamespace(
        folder=folder,
        additive=algebra.measure(additive(algebra), folder / "additive"),
        without=algebra.measure(without_direction(algebra), folder / "without"),
    )


def test_where_doses_add_up_every_dose_analogy_is_right(measured):
    found = measured.additive.result.measures
    assert found["dose_mrr"].value == found["dose_top1"].value == 1
    assert found["dose_base"].value < 0.9
    assert found["dose_gain"].low > 0
    assert found["dose_gain"].value == pytest.approx(1 - found["dose_base"].value)
    equation = next(line for line in measured.additive.parts if line.name == "equation: dose")
    assert equation.measures["poster_top1"].value == 1
    assert not any(warning.startswith("dose analogies") for warning in measured.additive.warnings)


def test_where_doses_have_no_direction_the_algebra_does_not_beat_its_base(measured):
    gain = measured.without.result.measures["dose_gain"]
    assert gain.low <= 0 and gain.value < 0.02
    assert any(w.startswith("dose analogies: the algebra adds nothing here") for w in measured.without.warnings)


def test_every_column_is_filled_and_chance_is_known(measured):
    names = [column.name for column in COLUMNS]
    assert list(measured.additive.result.measures) and set(measured.additive.result.measures) == set(names)
    assert measured.additive.headline in names
    (chance,) = measured.additive.references
    assert chance.measures["dose_top1"].value == pytest.approx(1 / 100)  # 103 treatments less the three terms
    assert chance.measures["dose_top3"].value == pytest.approx(3 / 100)
    assert chance == measured.without.references[0]
    assert (measured.folder / "additive" / FIGURE).stat().st_size > 10_000
    assert "dose gain" in str(measured.additive)


def test_all_analogies_of_the_labels_are_asked(measured, algebra):
    doses = pd.Series([t.compound for t in algebra.screen.treatments.values()]).value_counts()
    steps = sum(k * (k - 1) // 2 for k in (min(a, b) for x, a in doses.items() for y, b in doses.items() if x != y))
    assert measured.additive.result.measures["dose_mrr"].n == steps
    compounds = pd.Series({t.compound: t.moa for t in algebra.screen.treatments.values()}).value_counts()
    pairs = sum(x * y * (y - 1) for m, x in compounds.items() for n, y in compounds.items() if m != n)
    assert measured.additive.result.measures["moa_mrr"].n == pairs


def test_equal_seeds_give_equal_measures(measured, algebra, tmp_path):
    assert algebra.measure(without_direction(algebra), tmp_path) == measured.without


def test_dose_analogies_and_profiles_never_see_a_mechanism(measured, algebra, tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    names = list(algebra.screen.treatments)
    compounds = sorted({t.compound for t in algebra.screen.treatments.values()})
    moa_of = {t.compound: t.moa for t in algebra.screen.treatments.values()}
    shuffled = dict(zip(compounds, generator.permutation([moa_of[c] for c in compounds]), strict=True))
    changed = quick(BBBC021Algebra())
    for name in names:
        treatment = changed.screen.treatments[name]
        changed.screen.treatments[name] = type(treatment)(name, *key(treatment), str(shuffled[treatment.compound]))
    found = changed.measure(without_direction(algebra), tmp_path).result.measures
    before = measured.without.result.measures
    assert {k: m for k, m in found.items() if k.startswith("dose")} == {k: m for k, m in before.items() if k.startswith("dose")}
    assert found["moa_mrr"] != before["moa_mrr"]


def space_of(algebra, counts=None):
    """A space of random profiles of all treatments, without cells."""
    treatments = list(algebra.screen.treatments.values())
    compounds, moas = (np.array([getattr(t, what) for t in treatments], object) for what in ("compound", "moa"))
    screen = SimpleNamespace(treatments=treatments, compounds=compounds, moas=moas)
    gallery = np.random.default_rng(3).normal(size=(len(treatments), 30))
    return SimpleNamespace(screen=screen, gallery=gallery, counts=np.full(len(treatments), 5) if counts is None else counts)


@pytest.mark.parametrize("family_of", [dose_family, moa_family])
def test_no_term_is_in_its_own_gallery_and_an_answer_is(algebra, family_of):
    family = family_of(space_of(algebra), 2)
    for part in (family.base, family.added, family.subtracted):
        assert not (family.allowed & family.owned[part]).any()
    assert (family.allowed & family.right).any(axis=1).all()
    base, added, subtracted = (family.compounds[part] for part in (family.base, family.added, family.subtracted))
    assert (base != added).all() and (base != subtracted).all()


def test_treatments_with_few_cells_are_no_terms_and_stay_in_the_gallery(algebra):
    counts = np.full(103, 5)
    counts[7] = 1
    family = dose_family(space_of(algebra, counts), 2)
    used = np.concatenate([family.base, family.added, family.subtracted])
    assert 7 not in used and not family.right[:, 7].any()
    assert family.allowed[:, 7].all()
    assert len(family) < len(dose_family(space_of(algebra), 2))


def test_random_profiles_do_as_well_as_chance(algebra):
    space = space_of(algebra)
    family = dose_family(space, 2)
    scores = score_family(family, space.gallery, algebra.protocol)
    assert scores.base.top1.mean() == pytest.approx(0.01, abs=0.02)
    assert scores.chance.top1 == pytest.approx(0.01)
    block = family_block(family, scores, algebra.protocol)
    assert block.rates["random"]["mrr"].value == Measure(value=scores.random.reciprocal.mean()).value


def test_intervals_need_compounds_and_cover_the_mean(algebra):
    few = Everyone((np.array(["A", "B"]), np.array(["B", "A"])), algebra.protocol).mean(np.array([0.0, 1.0]))
    assert few.value == 0.5 and few.low is None and "2 compounds" in few.reason
    names = np.array([f"c{n}" for n in range(20)], object)
    first, second = (a.ravel() for a in np.meshgrid(names, names))
    apart = first != second
    values = np.random.default_rng(0).random(apart.sum())
    many = Everyone((first[apart], second[apart]), algebra.protocol).mean(values)
    assert many.low < many.value < many.high and many.value == pytest.approx(values.mean())
    alone = Everyone((first[apart], second[apart]), algebra.protocol).mean(np.ones(apart.sum()))
    assert (alone.low, alone.high) == (1, 1)


def test_equations_that_these_cells_do_not_allow_are_named(algebra, tmp_path):
    whole = without_direction(algebra)
    kept = ~whole.cells["compound"].isin(["emetine"]).to_numpy()
    found = algebra.measure(Screened(whole.codes[kept], whole.cells[kept].reset_index(drop=True)), tmp_path)
    equation = next(line for line in found.parts if line.name == "equation: dose")
    assert equation.measures["poster_top1"].value is None
    assert "emetine@1" in equation.measures["poster_top1"].reason
    assert any(warning.startswith("equation 'dose' was not asked") for warning in found.warnings)
    assert found.result.measures["poster_top1"].n == 2


def test_one_compound_allows_no_analogy(algebra, tmp_path):
    whole = without_direction(algebra)
    kept = whole.cells["compound"].isin(["AZ-A", "DMSO"]).to_numpy()
    found = algebra.measure(Screened(whole.codes[kept], whole.cells[kept].reset_index(drop=True)), tmp_path)
    assert found.result.measures["dose_gain"].value is None
    assert found.result.measures["dose_gain"].reason == "these cells allow no such analogy"
    assert "dose analogies: none, these cells allow no such analogy" in found.warnings
    assert (tmp_path / FIGURE).is_file()


def test_cells_that_allow_no_analogy_are_refused_before_training(algebra, monkeypatch):
    whole = without_direction(algebra)
    assert algebra.check(whole, (), 0) is None

    def kept(chosen):
        return Screened(whole.codes[chosen], whole.cells[chosen].reset_index(drop=True))

    compounds = whole.cells["compound"]
    with pytest.raises(CytoBenchError, match="known codes allows no dose analogy: bbbc021-algebra/1 needs two compounds"):
        algebra.check(kept(compounds.isin(["AZ-A", "DMSO"]).to_numpy()), (), 0)
    with pytest.raises(CytoBenchError, match="control well"):
        algebra.check(kept(((compounds != "DMSO") | (whole.cells["well"] == "A00")).to_numpy()), (), 0)


def test_what_has_no_interval_says_why(measured):
    for found in (measured.additive, measured.without):
        lines = (found.result, *found.references, *found.parts)
        assert all(m.reason for line in lines for m in line.measures.values() if m.low is None)


def test_nobody_is_ranked_by_a_gain_that_noise_has_too(measured):
    headline = next(column for column in COLUMNS if column.name == measured.additive.headline)
    assert (headline.name, headline.better) == ("dose_gain", "neither")
    assert "Noise gets 0, too" in headline.meaning


def test_what_stands_in_is_of_other_compounds_and_as_long(algebra):
    dose, moa = dose_family(space_of(algebra), 2), moa_family(space_of(algebra), 2)
    for family in (dose, moa):
        assert family.eligible.any(axis=1).all()
        analogy, chosen = np.nonzero(family.eligible[::97])
        analogy, (first, second) = analogy * 97, family.differences[chosen].T
        assert not (family.right[analogy] & (family.owned[first] | family.owned[second])).any()
        for part in (family.base, family.added, family.subtracted):
            assert (family.compounds[first] != family.compounds[part[analogy]]).all()
        assert ((family.compounds[first] == family.compounds[second]) == (family is dose)).all()
    assert not dose.rescaled and moa.rescaled
    vectors = np.random.default_rng(0).normal(size=(2, 5, 3))
    assert np.linalg.norm(of_length(*vectors), axis=1) == pytest.approx(np.linalg.norm(vectors[1], axis=1))
    assert not of_length(np.zeros((1, 3)), vectors[0][:1]).any()


@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_stands_in_for_an_equation_is_as_long(algebra, number):
    space = CodeSpace(without_direction(algebra), algebra.screen)
    posed = PosedEquation(algebra.protocol.equations[number], space, 2)
    group = posed._draw(np.random.default_rng(0))
    if number:
        assert np.linalg.norm(group.random - group.base) == pytest.approx(np.linalg.norm(group.result - group.base))
    else:
        high, low = (space.screen.treatments[index] for index in group.strangers)
        assert high.compound == low.compound not in ("emetine", "taxol") and high.concentration > low.concentration
        assert group.random - group.base == pytest.approx(space.gallery[group.strangers[0]] - space.gallery[group.strangers[1]])


def test_registered_and_without_variants():
    assert registry.benchmark("bbbc021-algebra").identity == "bbbc021-algebra/1"
    with pytest.raises(CytoBenchError, match="has no variants; leave out 'x'"):
        BBBC021Algebra("x")
