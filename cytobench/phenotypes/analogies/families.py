"""All analogies that a screen's labels allow: between doses of two compounds, and between compounds of two mechanisms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from cytobench.phenotypes.algebra.space import CodeSpace


@dataclass(frozen=True)
class Family:
    """n analogies ``base + added - subtracted =? one of right``, over P vectors and a gallery of T treatments."""

    title: str
    vectors: np.ndarray
    """(P, D)."""
    owned: np.ndarray
    """(P, T) bool: the treatments behind each vector."""
    compounds: np.ndarray
    """(P,) the compound of each vector."""
    base: np.ndarray
    added: np.ndarray
    subtracted: np.ndarray
    """(n,) indices of vectors."""
    right: np.ndarray
    """(n, T) bool."""
    moas: np.ndarray
    """(n,) the mechanism of action of what is right."""
    differences: np.ndarray
    """(m, 2) vectors whose difference, the first less the second, may stand in for that of an analogy, as a control."""
    eligible: np.ndarray
    """(n, m) bool: which of them may, in each analogy."""
    rescaled: bool
    """Whether what stands in is given the length of what it stands in for."""

    def __len__(self) -> int:
        return len(self.base)

    @property
    def allowed(self) -> np.ndarray:
        """(n, T) bool: the gallery of each analogy, without the treatments behind its three terms."""
        return ~(self.owned[self.base] | self.owned[self.added] | self.owned[self.subtracted])

    @property
    def roles(self) -> tuple[np.ndarray, ...]:
        """The compounds that take part, (n,) for each of the parts that differ in compound."""
        parts = (self.compounds[part] for part in (self.base, self.added, self.subtracted))
        base, added, subtracted = parts
        return (base, added) if np.array_equal(added, subtracted) else (base, added, subtracted)


def dose_family(space: CodeSpace, minimum_cells: int) -> Family:
    """``A@high - A@low + B@low =? B@high`` for all ordered pairs of compounds A, B and all pairs of dose ranks that both have.

    Doses are ranked among a compound's labelled treatments with at least ``minimum_cells`` cells. Needs no MOA.
    """
    ladders, compounds = dose_ladders(space, minimum_cells), space.screen.compounds
    found = [
        (ladders[b][low], ladders[a][high], ladders[a][low], ladders[b][high], low, high)
        for a, b in permutations(sorted(ladders), 2)
        for low, high in combinations(range(min(len(ladders[a]), len(ladders[b]))), 2)
    ]
    base, added, subtracted, answer, *ranks = np.array(found, int).reshape(-1, 6).T
    steps = [(d[high], d[low], low, high) for d in ladders.values() for low, high in combinations(range(len(d)), 2)]
    above, below, *steps_ranks = np.array(steps, int).reshape(-1, 4).T
    another = (compounds[above] != compounds[base][:, None]) & (compounds[above] != compounds[added][:, None])
    own = np.eye(len(compounds), dtype=bool)
    return Family(
        "A@high - A@low + B@low =? B@high",
        space.gallery,
        own,
        compounds,
        base,
        added,
        subtracted,
        own[answer],
        space.screen.moas[answer],
        np.stack([above, below], axis=1),
        another & (np.stack(steps_ranks)[:, None] != np.stack(ranks)[..., None]).any(axis=0),
        rescaled=False,
    )


def dose_ladders(space: CodeSpace, minimum_cells: int) -> dict[str, list[int]]:
    """The treatments of each compound with at least ``minimum_cells`` cells, by rising concentration."""
    treatments, ladders = space.screen.treatments, dict[str, list[int]]()
    for index in sorted(range(len(treatments)), key=lambda i: treatments[i].concentration):
        if space.counts[index] >= minimum_cells:
            ladders.setdefault(treatments[index].compound, []).append(index)
    return ladders


def moa_family(space: CodeSpace, minimum_cells: int) -> Family:
    """``a1 - b1 + b2 =? X`` for compounds a1 of MOA X and b1, b2 of another MOA Y, answered by other compounds of X than a1.

    A compound's vector is the mean of its treatments with at least ``minimum_cells`` cells.
    """
    screen, used = space.screen, space.counts >= minimum_cells
    labels = dict(zip(screen.compounds[used], screen.moas[used], strict=True))  # all treatments of a compound have one MOA
    names = sorted(labels)
    owned = np.array([screen.compounds == name for name in names]).reshape(len(names), len(used))
    vectors = [space.gallery[own & used].mean(axis=0) for own in owned]
    by_moa: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        by_moa.setdefault(labels[name], []).append(index)
    of = np.array([labels[name] for name in names], object)
    found = [
        (a1, b2, b1)
        for x, y in permutations(sorted(by_moa), 2)
        for a1 in by_moa[x]
        if ((screen.moas == x) & ~owned[a1]).any()
        for b1, b2 in permutations(by_moa[y], 2)
    ]
    base, added, subtracted = np.array(found, int).reshape(-1, 3).T
    moas, others = of[base], of[added]
    pairs = np.array([pair for pair in permutations(range(len(names)), 2) if of[pair[0]] != of[pair[1]]], int).reshape(-1, 2)
    neither = [(of[pairs] != moa[:, None, None]).all(axis=2) for moa in (moas, others)]
    right = moas[:, None] == screen.moas[None, :]
    vectors_of = np.array(vectors).reshape(len(names), space.gallery.shape[1])
    return Family(
        "a1 - b1 + b2 =? MOA of a1",
        vectors_of,
        owned,
        np.array(names, object),
        base,
        added,
        subtracted,
        right,
        moas,
        pairs,
        neither[0] & neither[1],
        rescaled=True,
    )
