"""Files of microscopes (CZI, LIF, ND2), read with bioio and its plug-ins where these are installed."""

import importlib

import numpy as np

from helpers.own_images.files import MAX_TOTAL, MICROSCOPES, Channels, PictureError, check_size, ending_of, too_large


def read_microscope(path, size: int, max_pixels: int) -> tuple[list, str]:
    """Return the pages of a microscope's file, `[h, w]`, or `[h, w, channels]` as `Channels`, and a remark.

    Scenes, time points and slices become pages, in this order. A plane is read at a time, so that no more than the
    pages themselves is in memory. Raises PictureError for a file that is too large, and where bioio is missing.
    """
    plugin = MICROSCOPES[ending_of(path)]
    try:
        bioio = importlib.import_module("bioio")
        importlib.import_module(plugin.replace("-", "_"))
    except ImportError as error:
        raise PictureError(
            f"{path.name}: is a file of a microscope, and a package that reads it is missing here: pip install bioio "
            f"{plugin}. Or export it as TIFF."
        ) from error
    picture, places, total = bioio.BioImage(path), [], 0
    for scene in picture.scenes:
        picture.set_scene(scene)
        sides = picture.dims
        check_size(path, sides.X, sides.Y, max_pixels)
        total += int(np.prod(picture.shape))
        if total > MAX_TOTAL:
            raise PictureError(too_large(path, f"its pages hold {total:,} numbers together", max_pixels))
        places += [(scene, t, z) for t in range(sides.T) for z in range(sides.Z)]
    pages = []
    for scene, t, z in places:
        picture.set_scene(scene)
        pages.append(_page(picture, t, z))
    return pages, f"{len(pages)} pages" if len(pages) > 1 else ""


def _page(picture, t, z):
    colored = "S" in picture.dims.order  # the samples of one channel: red, green and blue
    planes = np.asarray(picture.get_image_dask_data("CYXS" if colored else "CYX", T=t, Z=z).compute())
    if colored and len(planes) == 1:
        return planes[0]
    if colored:
        planes = np.moveaxis(planes, -1, 1).reshape(-1, *planes.shape[1:3])
    return planes[0] if len(planes) == 1 else np.moveaxis(planes, 0, -1).view(Channels)
