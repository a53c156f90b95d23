"""MAE (He et al. 2022): a transformer that sees a quarter of a cell's patches is to predict the pixels of the others."""

from pydantic import Field, PositiveInt
from torch import Tensor
from torch.nn import functional

from cytobench.errors import CytoBenchError
from cytobench.method import CellBatch, TrainableMethod, Update
from cytobench.schema import Record
from cytobench.training.backbones import make_backbone
from cytobench.training.processes import uniform
from cytobench_methods.mae.network import Decoder, Encoder, MaskedAutoencoder, taken


class MAE(TrainableMethod):
    """The mean of all patches' tokens is the cell: there is no class token, which they find to serve no better (appendix A.1)."""

    class Options(Record):
        """Patches, masking and the sizes of the transformers."""

        patch: PositiveInt = 8
        masked: float = Field(default=0.75, gt=0, lt=1)
        """Share of the patches that are hidden in training."""
        encoder: str = "vit_tiny_patch16_224"
        """The name of one of timm's vision transformers, made for patches of ``patch`` pixels."""
        width: PositiveInt = Field(default=192, multiple_of=4)
        depth: PositiveInt = 12
        heads: PositiveInt = 3
        decoder_width: PositiveInt = Field(default=512, multiple_of=4)
        decoder_depth: PositiveInt = 8
        decoder_heads: PositiveInt = 16

    def setup(self) -> None:
        """Build encoder and decoder."""
        options, channels, patch = self.options, len(self.channels), self.options.patch
        side, rest = divmod(self.size, patch)
        if rest:
            raise CytoBenchError(
                f"a crop of {self.size} px has no whole patches of {patch} px; set -o input.crop_size to a multiple"
            )
        self.patches = side * side
        self.visible = max(1, int(self.patches * (1 - options.masked)))
        sizes = {"patch_size": patch, "embed_dim": options.width, "depth": options.depth, "num_heads": options.heads}
        plain = {"class_token": False, "global_pool": "avg", "fc_norm": False, "pos_embed": "none"}
        encoder = Encoder(make_backbone(options.encoder, channels, self.size, **sizes, **plain), options.width, side)
        decoder_sizes = options.decoder_width, options.decoder_depth, options.decoder_heads
        self.network = MaskedAutoencoder(encoder, Decoder(options.width, *decoder_sizes, side, channels * patch**2))

    def embed(self, cells: CellBatch) -> Tensor:
        """Return (B, width): the mean token of the whole, unmasked cell."""
        return self.network.encoder(2 * cells.images - 1).mean(dim=1)

    def training_step(self, batch: CellBatch, update: Update) -> None:
        """Predict the normalised pixels of the hidden patches."""
        order = self.random_order(batch.images)
        predicted, target = self.network(2 * batch.images - 1, order, self.visible), normalised(self.patches_of(batch.images))
        hidden = order[:, self.visible :]
        update("network", (taken(predicted.float(), hidden) - taken(target, hidden)).square().mean())

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return images (B, C, H, W) in [0, 1] with hidden patches predicted, but for their mean and contrast; to look at."""
        order, patches = self.random_order(images), self.patches_of(images)
        mean, deviation = patches.mean(dim=2, keepdim=True), deviation_of(patches)
        predicted = self.network(2 * images - 1, order, self.visible) * deviation + mean
        seen = (order.argsort(dim=1) < self.visible)[..., None]
        pixels = patches.where(seen, predicted).mT.clamp(0, 1)
        return functional.fold(pixels, (self.size, self.size), self.options.patch, stride=self.options.patch)

    def random_order(self, images: Tensor) -> Tensor:
        """Draw an order (B, P) of each cell's patches; the first ``visible`` ones are shown, the others hidden."""
        return uniform((len(images), self.patches), images.device).argsort(dim=1)

    def patches_of(self, images: Tensor) -> Tensor:
        """Cut (B, C, H, W) into (B, P, pixels)."""
        return functional.unfold(images, self.options.patch, stride=self.options.patch).mT


def normalised(patches: Tensor) -> Tensor:
    """Subtract each patch's mean and divide by its standard deviation (He et al. 2022, section 3)."""
    return (patches - patches.mean(dim=2, keepdim=True)) / deviation_of(patches)


def deviation_of(patches: Tensor) -> Tensor:
    """The standard deviation (B, P, 1) of each patch; 1e-6 on the variance as in their code."""
    return (patches.var(dim=2, keepdim=True) + 1e-6).sqrt()
