"""The trainer: what update() does, what it logs and where it stops."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, TrainableMethod
from cytobench.training.checkpoint import load_state, load_weights, save_weights
from cytobench.training.recipe import Recipe
from cytobench.training.trainer import Trainer


class Line(TrainableMethod):
    """One weight that is pulled to the mean of the pixels."""

    seen: list

    def setup(self) -> None:
        self.line = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.line.weight)
        self.seen = []

    def embed(self, cells):
        return self.line.weight.expand(len(cells), 1)

    def training_step(self, batch, update):
        self.seen.append(batch.images)
        update("line", (self.line.weight - batch.images.mean()).square().sum())


def recipe(**training) -> Recipe:
    optimizer = {"line": {"lr": 0.1, **training.pop("optimizer", {})}}
    return Recipe.model_validate({"optimizer": optimizer, "training": {"steps": 30, "batch_size": 4, **training}})


def batches(value: float = 1.0):
    while True:
        yield CellBatch(torch.full((4, 1, 2, 2), value), None, ("DNA",))


def fit(folder: Path, given: Recipe, stream=None, method: type[TrainableMethod] = Line) -> TrainableMethod:
    made = method(given, ("DNA",), 2, 0)
    Trainer(made, seed=0, folder=folder).fit(lambda step: stream or batches(), progress=False)
    return made


def test_a_step_is_adams_own(tmp_path: Path):
    method = fit(tmp_path, recipe(steps=3))
    weight = torch.zeros(1, 1, requires_grad=True)
    adam = torch.optim.Adam([weight], lr=0.1)
    for _ in range(3):
        adam.zero_grad()
        (weight - 1).square().sum().backward()
        adam.step()
    assert torch.equal(method.line.weight, weight)


def test_it_learns_and_logs(tmp_path: Path):
    fit(tmp_path, recipe(steps=100))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(10, 101, 10))
    assert lines[-1]["cells"] == 400
    assert lines[-1]["loss"]["line"] < 0.1 * lines[0]["loss"]["line"]


def test_learning_rate_decays(tmp_path: Path):
    method = Line(recipe(steps=4, optimizer={"decay": {"factor": 0.5, "every": 2}}), ("DNA",), 2, 0)
    Trainer(method, seed=0, folder=tmp_path).fit(lambda step: batches(), progress=False)
    (group,) = load_state(tmp_path / "training_state.pt")["updates"]["optimizers"]["line"]["param_groups"]
    assert group["lr"] == pytest.approx(0.1 / 2)  # updates 0 and 1 at 0.1, 2 and 3 at half of it


def test_gradients_are_clipped(tmp_path: Path):
    """With plain descent's scale lost to Adam, the gradient itself is looked at."""
    method = fit(tmp_path, recipe(steps=1, clip=0.01), batches(1000.0))
    assert float(method.line.weight.grad.norm()) == pytest.approx(0.01)


def test_divergence_stops_with_the_step_and_what_to_do(tmp_path: Path):
    with pytest.raises(CytoBenchError, match=r"training diverged: the loss of line is nan at step 10; lower optimizer.line.lr"):
        fit(tmp_path, recipe(), batches(float("nan")))


def test_an_unknown_optimizer_is_named(tmp_path: Path):
    class Wrong(Line):
        def training_step(self, batch, update):
            update("lime", batch.images.mean())

    with pytest.raises(CytoBenchError, match="the recipe has no optimizer 'lime', only line"):
        fit(tmp_path, recipe(), method=Wrong)


def test_an_optimizer_of_no_network_is_named(tmp_path: Path):
    given = recipe().model_copy(update={"optimizer": {"lime": recipe().optimizer["line"]}})
    with pytest.raises(CytoBenchError, match="optimizer.lime names no network of it; it has line"):
        fit(tmp_path, given)


def test_flips_and_rotations_are_the_eight_symmetries(tmp_path: Path):
    corner = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).expand(4, 1, 2, 2)

    def stream():
        while True:
            yield CellBatch(corner, None, ("DNA",))

    method = fit(tmp_path, recipe(steps=100, augment="flips-rotations"), stream())
    assert len({tuple(images[0].flatten().tolist()) for images in method.seen}) == 8
    assert all(torch.equal(images[0], images[3]) for images in method.seen)


def test_without_augmentation_cells_are_as_they_are(tmp_path: Path):
    assert all(torch.equal(images, torch.ones(4, 1, 2, 2)) for images in fit(tmp_path, recipe()).seen)


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [(b"", "not a whole safetensors file"), (b"\x80\x04pickle", "not a whole safetensors file"), (None, "no such file")],
)
def test_damaged_or_hostile_weights_are_refused(tmp_path: Path, contents: bytes | None, sentence: str):
    path = tmp_path / "weights.safetensors"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(CytoBenchError, match=sentence):
        load_weights(Line(recipe(), ("DNA",), 2, 0), path)


def test_truncated_weights_are_refused(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    save_weights(Line(recipe(), ("DNA",), 2, 0), path)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(CytoBenchError, match="not a whole safetensors file"):
        load_weights(Line(recipe(), ("DNA",), 2, 0), path)


def test_weights_of_another_architecture_are_refused_naming_the_key(tmp_path: Path):
    class Wide(Line):
        def setup(self) -> None:
            self.wide = nn.Linear(2, 2)

    save_weights(Wide(recipe(), ("DNA",), 2, 0), tmp_path / "weights.safetensors")
    with pytest.raises(CytoBenchError, match="weights of another architecture .*line.weight"):
        load_weights(Line(recipe(), ("DNA",), 2, 0), tmp_path / "weights.safetensors")
