"""Train MONAI's U-Net as its tutorials do, on the discs saved by recipes.py; print the seconds to a Dice of 0.94.

    python benchmarks/monai_unet.py DISCS.npz SEED          (needs torch and monai, in an environment of their own)
"""

import sys
import time

import numpy as np
import torch
from monai.losses import DiceLoss
from monai.networks.nets import UNet


def main(path: str, seed: int) -> None:
    """Train until 0.94 or 30 epochs, batch 10, Adam 1e-3, Dice loss; validation is counted in."""
    torch.manual_seed(seed)
    arrays = np.load(path)
    x, y, x_val, y_val = (torch.from_numpy(arrays[k].transpose(0, 3, 1, 2).astype(np.float32)) for k in ("x", "y", "x_val", "y_val"))
    started = time.perf_counter()
    net = UNet(spatial_dims=2, in_channels=1, out_channels=1, channels=(16, 32, 64, 128, 256), strides=(2, 2, 2, 2), num_res_units=2)
    loss, optimizer = DiceLoss(sigmoid=True), torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(30):
        net.train()
        for chosen in torch.randperm(len(x)).split(10):
            optimizer.zero_grad()
            loss(net(x[chosen]), y[chosen]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            found = torch.cat([net(part) > 0 for part in x_val.split(50)]).float()
        dice = (2 * (found * y_val).sum((1, 2, 3)) / (found.sum((1, 2, 3)) + y_val.sum((1, 2, 3))).clamp(min=1)).mean().item()
        if dice >= 0.94:
            break
    print(f"{time.perf_counter() - started:.2f} {dice:.4f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
