"""Part swap against the equation, written out slowly; and its quick networks against the plain ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fakelake.models.generator.blocks import grid
from fakelake.models.generator.folding import UpConvolution, folded
from fakelake.models.generator.network import Generator
from fakelake.models.generator.swap import Swapper
from fakelake.models.generator.winograd import WinogradConvolution
from tests.models.generator.small import SMALL, pictures


def lived_in(config=SMALL, seed=0):
    """A generator whose batch norms have seen something and whose parts differ, so that no factor is 0 or 1 by luck."""
    torch.manual_seed(seed)
    generator = Generator(config)
    for module in generator.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.3)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    nn.init.normal_(generator.segmentation.turn.weight, 0, 0.02)
    nn.init.normal_(generator.segmentation.segment.weight, 0, 0.2)
    with torch.no_grad():
        generator.reconstruction.decoder[-1].weight.mul_(40)
    return generator.eval()


def written_out(generator, source, target, channels, *, hard=False, masks_from="target"):
    """One pair, as the text has it: out = decode(enc_T (1 - M) + warp(enc_S) V M). Pictures [3, px, px]."""
    s, t = generator.segmentation(source[None]), generator.segmentation(target[None])
    z = grid(64, 64)
    moved = t.masks[0, 0, :, :, None] * z
    for k in range(generator.config.parts):
        turn = s.affine[0, k] @ torch.linalg.inv(t.affine[0, k])
        for i in range(64):  # place by place
            for j in range(64):
                moved[i, j] += t.masks[0, k + 1, i, j] * (s.place[0, k] + turn @ (z[i, j] - t.place[0, k]))
    seen = 1 - s.masks[:, 1:].sum(1) * (1 - t.masks[:, 1:].sum(1))

    def sampled(maps):
        side = maps.shape[-1]
        places = F.interpolate(moved.permute(2, 0, 1)[None], (side, side), mode="bilinear", align_corners=True)
        return F.grid_sample(maps, places.permute(0, 2, 3, 1), padding_mode="zeros", align_corners=True)

    mask = sum((t if masks_from == "target" else s).masks[:, k] for k in channels)[None]
    if masks_from == "source":
        mask = sampled(mask)
    if hard:
        mask = (mask > 0.5).float()
    own, theirs = (generator.reconstruction.encode(each[None]) for each in (target, source))
    side = own.shape[-1]
    m, v = (F.interpolate(x, (side, side), mode="bilinear", align_corners=True) for x in (mask, seen[None]))
    return generator.reconstruction.decode(own * (1 - m) + sampled(theirs) * v * m)[0], mask[0]


@pytest.mark.parametrize("masks_from", ["target", "source"])
@pytest.mark.parametrize("hard", [False, True])
def test_a_swap_is_the_equation(hard, masks_from):
    generator, source, targets = lived_in(), pictures(1, seed=1), pictures(2, seed=2)
    made = Swapper(generator, source, [1, 3], hard=hard, masks_from=masks_from).swap(targets)
    for n, target in enumerate(targets):
        with torch.no_grad():
            picture, mask = written_out(generator, source[0], target, [1, 3], hard=hard, masks_from=masks_from)
        torch.testing.assert_close(made.mask[n], mask, atol=1e-3, rtol=0)
        assert (made.picture[n] - picture).abs().max() < 2 / 255
    assert 0.02 < made.mask.mean() < 0.98
    plain = Swapper(generator, source, [2]).swap(targets).picture
    assert (made.picture - plain).abs().max() > 0.02  # so that the parts are seen to matter


def test_a_moved_camera_is_part_of_the_flow():
    generator = lived_in(replace(SMALL, background="affine"))
    with torch.no_grad():
        generator.background.map.bias.copy_(torch.tensor([1.0, 0, 0.4, 0, 1, -0.3]))
    source, target = pictures(1, seed=1), pictures(1, seed=2)
    moved = Swapper(generator, source, [1]).swap(target).picture
    generator.background = None
    assert (moved - Swapper(generator, source, [1]).swap(target).picture).abs().max() > 0.01


def test_every_part_together_with_the_background_gone_is_the_reconstruction():
    """Where M is 1 everywhere, nothing of the target's own features is left."""
    generator, source, target = lived_in(), pictures(1, seed=1), pictures(1, seed=2)
    with torch.no_grad():
        generator.segmentation.segment.bias[0] = -1e4
        drawn = generator(source, target).picture
    made = Swapper(generator, source, [1, 2, 3]).swap(target)
    assert made.mask.min() == pytest.approx(1, abs=1e-5)
    assert (made.picture - drawn).abs().max() < 2 / 255


def test_a_picture_does_not_depend_on_its_batch():
    targets = pictures(5, seed=2)
    swapper = Swapper(lived_in(), pictures(1, seed=1), [2])
    together, alone = swapper.swap(targets).picture, torch.cat([swapper.swap(each[None]).picture for each in targets])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


def test_bfloat16_draws_nearly_the_same():
    source, targets = pictures(1, seed=1), pictures(3, seed=2)
    generator = lived_in()
    fine, coarse = (Swapper(generator, source, [1, 3], precision=p).swap(targets) for p in ("fp32", "bf16"))
    assert torch.equal(fine.mask, coarse.mask) and coarse.picture.dtype == torch.float32
    difference = (fine.picture - coarse.picture).abs().flatten()
    assert difference.quantile(0.999) < 4 / 255


def test_the_source_is_looked_at_once_and_the_generator_stays_as_it_was():
    generator, source = lived_in(), pictures(1, seed=1)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    swapper = Swapper(generator, source, [1])
    first = swapper.swap(pictures(1, seed=2)).picture
    source.zero_()  # another picture in the same memory changes nothing
    assert torch.equal(swapper.swap(pictures(1, seed=2)).picture, first)
    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())


def test_what_cannot_be_swapped_is_refused_in_words():
    generator, source = lived_in(), pictures(1)
    with pytest.raises(ValueError, match="channels 1 to 3, not \\[4\\]"):
        Swapper(generator, source, [4])
    with pytest.raises(ValueError, match="channels 1 to 3, not \\[\\]"):
        Swapper(generator, source, [])
    with pytest.raises(ValueError, match="from target or source, not 'both'"):
        Swapper(generator, source, [1], masks_from="both")
    with pytest.raises(ValueError, match="fp32 or bf16"):
        Swapper(generator, source, [1], precision="fp16")


# ---- the quick networks ----


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (8, 8)])
def test_doubling_and_convolving_is_four_small_convolutions(size):
    torch.manual_seed(0)
    convolution, x = nn.Conv2d(6, 4, 3, padding=1), torch.randn(2, 6, *size)
    with torch.no_grad():
        wanted = convolution(F.interpolate(x, scale_factor=2, mode="nearest"))
        torch.testing.assert_close(UpConvolution(convolution)(x), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(4, 4), (16, 16), (7, 9), (1, 3)])
def test_winograds_products_are_the_convolution(size):
    torch.manual_seed(0)
    convolution = nn.Conv2d(128, 130, 3, padding=1)
    x = torch.randn(2, 128, *size)
    with torch.no_grad():
        torch.testing.assert_close(WinogradConvolution(convolution)(x), convolution(x), atol=1e-4, rtol=1e-4)


def test_wide_networks_use_them_on_a_cpu_and_draw_the_same():
    wide = lived_in(replace(SMALL, rec_base=64, rec_cap=128))
    source, target = pictures(1, seed=1), pictures(1, seed=2)
    swapper = Swapper(wide, source, [1, 3])
    kinds = [type(module) for module in swapper._generator.modules()]
    assert kinds.count(WinogradConvolution) >= 2 * SMALL.rec_blocks
    with torch.no_grad():
        picture, _ = written_out(wide, source[0], target[0], [1, 3])
    assert (swapper.swap(target).picture[0] - picture).abs().max() < 2 / 255


def test_folded_networks_have_no_batch_norm_after_a_convolution_and_say_the_same():
    generator, x = lived_in(), pictures(2, seed=3)
    quick = folded(generator)
    before, after = (sum(isinstance(m, nn.BatchNorm2d) for m in each.modules()) for each in (generator, quick))
    assert after == SMALL.rec_blocks  # the first of each residual block, which no convolution precedes
    assert before > after
    assert not any(isinstance(m, nn.Upsample) for m in quick.modules())
    with torch.no_grad():
        torch.testing.assert_close(quick.segmentation(x).masks, generator.segmentation(x).masks, atol=1e-4, rtol=0)
        assert (quick(x[:1], x[1:]).picture - generator(x[:1], x[1:]).picture).abs().max() < 2 / 255
