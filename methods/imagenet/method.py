"""Features of a network trained on photographs (Pawlowski et al. 2016, doi:10.1101/085118; Ando et al. 2017).

No cell was seen in training. Any backbone of timm's by name, with its published weights or those of a file.
"""

from pathlib import Path
from typing import Any

from pydantic import Field

from cytobench.training.hub import pretrained_file
from cytobench.training.keymap import find_keymap
from cytobench.training.pretrained import load_pretrained
from cytobench.training.transfer import BackboneMethod, BackboneOptions
from cytobench.training.weight_files import check_sha256, find_file

RANDOM = "random"
"""The word for weights of no file."""


class ImageNet(BackboneMethod):
    """A pretrained backbone's features of each channel taken as a grey photograph, or of three as red, green and blue."""

    class Options(BackboneOptions):
        """The backbone and where its weights are."""

        backbone: str = "inception_v3.tf_in1k"
        """A name of timm's, with the tag of the weights where it has several (``resnet50.a1_in1k``)."""
        weights: str | None = None
        """A safetensors file or a torch checkpoint, looked up from the working directory and then under ``CYTOBENCH_DATA``; None
        for those that timm names, which are fetched once. ``random``: no file, but the random weights of the seed, those of
        ``random-network`` with the same options (a file of that name is ``./random``); the next three are then ignored."""
        weights_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
        """The sha256 that the file must have."""
        keymap: str | None = None
        """How the file's keys become timm's: the name of a map in this folder, or a path to one (``.yaml``)."""
        strict: bool = True
        """Refuse a file that does not fit the backbone tensor by tensor; else a note says what does not."""

    @classmethod
    def given_files(cls, options: Any) -> dict[str, Path]:
        """The weights and the key map; none where the weights are random."""
        if options.weights == RANDOM:
            return {}
        weights = find_file(options.weights, "the weights") if options.weights else pretrained_file(options.backbone)
        check_sha256(weights, options.weights_sha256)
        keymap = {"keymap": find_keymap(options.keymap, Path(__file__).parent)} if options.keymap else {}
        return {"weights": weights, **keymap}

    def setup(self) -> None:
        """Make the backbone and load its weights, where it is to have other than random ones."""
        files = self.given_files(self.options)
        super().setup()
        if files:
            load_pretrained(self.network, files["weights"], keymap=files.get("keymap"), strict=self.options.strict)
