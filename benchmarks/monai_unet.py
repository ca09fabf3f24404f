"""Train MONAI's U-Net as its tutorial for two dimensions does, on the pictures that recipes.py wrote; print seconds and Dice.

    python benchmarks/monai_unet.py FOLDER SEED          (needs torch and monai, in an environment of their own)

As in the tutorial: pictures and masks are read from PNG files by two workers, scaled, cropped to 96x96 and turned; batches
of 4, Adam at 1e-3, Dice loss; validation by a sliding window of 96. It stops at the first epoch with a Dice of 0.94.
"""

import sys
import time
from pathlib import Path

import torch
from monai.data import ArrayDataset, DataLoader, decollate_batch
from monai.inferers import sliding_window_inference
from monai.losses import DiceLoss
from monai.metrics import DiceMetric
from monai.networks.nets import UNet
from monai.transforms import Activations, AsDiscrete, Compose, LoadImage, RandRotate90, RandSpatialCrop, ScaleIntensity
from monai.utils import set_determinism

MOST = 30  # epochs


def loader(folder, which, training):
    """Return the batches of one set, read from its files.

    Pictures and masks have transforms of their own, as in the tutorial: MONAI gives both the same seed for each picture,
    and of transforms that they share the masks would be cut and turned otherwise than their pictures.
    """
    def transforms():
        turned = [RandSpatialCrop((96, 96), random_size=False), RandRotate90(prob=0.5, spatial_axes=(0, 1))]
        return Compose([LoadImage(image_only=True, ensure_channel_first=True), ScaleIntensity(), *(turned if training else [])])

    images, masks = (sorted(str(path) for path in (folder / which / kind).glob("*.png")) for kind in ("images", "masks"))
    dataset = ArrayDataset(images, transforms(), masks, transforms())
    return DataLoader(dataset, batch_size=4 if training else 1, shuffle=training, num_workers=2, persistent_workers=True)


def main(folder: str, seed: int) -> None:
    """Train until 0.94 or 30 epochs; reading and validation are counted in, imports are not."""
    set_determinism(seed)
    started = time.perf_counter()
    train, validation = (loader(Path(folder), which, which == "train") for which in ("train", "validation"))
    net = UNet(spatial_dims=2, in_channels=1, out_channels=1, channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2), num_res_units=2)
    loss, optimizer = DiceLoss(sigmoid=True), torch.optim.Adam(net.parameters(), 1e-3)
    metric, as_mask = DiceMetric(include_background=True, reduction="mean"), Compose([Activations(sigmoid=True), AsDiscrete(threshold=0.5)])
    for epoch in range(MOST):
        net.train()
        for x, y in train:
            optimizer.zero_grad()
            loss(net(x), y).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            for x, y in validation:
                metric(y_pred=[as_mask(one) for one in decollate_batch(sliding_window_inference(x, (96, 96), 4, net))], y=y)
        dice = metric.aggregate().item()
        metric.reset()
        if dice >= 0.94:
            break
    print(f"{time.perf_counter() - started:.2f} {epoch + 1} {dice:.4f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
