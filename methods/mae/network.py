"""The two transformers of a masked autoencoder."""

import torch
from torch import Tensor, nn

from cytobench.training.backbones import import_timm


class Encoder(nn.Module):
    """A vision transformer (Dosovitskiy et al. 2021) that is given the visible patches only."""

    positions: Tensor

    def __init__(self, transformer: nn.Module, width: int, side: int):
        super().__init__()
        self.cut_and_project = transformer.get_submodule("patch_embed")
        self.blocks, self.norm = transformer.get_submodule("blocks"), transformer.get_submodule("norm")
        self.register_buffer("positions", sine_cosine(side, width), persistent=False)

    def forward(self, images: Tensor, visible: Tensor | None = None) -> Tensor:
        """Return tokens (B, V, width) of the patches ``visible`` (B, V) of images in [-1, 1]; of all where None."""
        tokens = self.cut_and_project(images) + self.positions
        if visible is not None:
            tokens = taken(tokens, visible)
        return self.norm(self.blocks(tokens))


class Decoder(nn.Module):
    """A lighter transformer that sees the visible tokens, and one learnt token in place of each hidden one."""

    positions: Tensor

    def __init__(self, inputs: int, width: int, depth: int, heads: int, side: int, pixels: int):
        super().__init__()
        block = import_timm().models.vision_transformer.Block
        self.project = nn.Linear(inputs, width)
        self.hidden_token = nn.Parameter(0.02 * torch.randn(width))  # sd 0.02: He et al. 2022's code
        self.blocks = nn.Sequential(*(block(width, heads, qkv_bias=True) for _ in range(depth)), nn.LayerNorm(width))
        self.predict = nn.Linear(width, pixels)
        self.register_buffer("positions", sine_cosine(side, width), persistent=False)

    def forward(self, tokens: Tensor, order: Tensor) -> Tensor:
        """Return the pixels (B, P, pixels) of all patches; ``tokens`` (B, V, width) are the first V in ``order`` (B, P)."""
        batch, visible, patches = len(tokens), tokens.shape[1], order.shape[1]
        hidden = self.hidden_token.expand(batch, patches - visible, -1)
        everything = taken(torch.cat([self.project(tokens), hidden], dim=1), order.argsort(dim=1))
        return self.predict(self.blocks(everything + self.positions))


class MaskedAutoencoder(nn.Module):
    """Encoder and decoder, which one optimizer trains."""

    def __init__(self, encoder: Encoder, decoder: Decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        for module in self.modules():
            if isinstance(module, nn.Linear):  # He et al. 2022, appendix A.1: Xavier uniform (Glorot and Bengio 2010)
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor, order: Tensor, visible: int) -> Tensor:
        """Return the pixels (B, P, pixels) that the first ``visible`` patches in ``order`` (B, P) tell of all."""
        return self.decoder(self.encoder(images, order[:, :visible]), order)


def taken(tokens: Tensor, which: Tensor) -> Tensor:
    """Return the tokens ``which`` (B, N) of ``tokens`` (B, P, width): (B, N, width)."""
    return tokens.gather(1, which[..., None].expand(-1, -1, tokens.shape[2]))


def sine_cosine(side: int, width: int) -> Tensor:
    """Fixed positions (side * side, width) of a square of patches (Vaswani et al. 2017; He et al. 2022, appendix A.1)."""
    return import_timm().layers.build_sincos2d_pos_embed([side, side], dim=width, interleave_sin_cos=False)
