"""DICOM, NIfTI and files of microscopes (CZI, LIF, ND2), read with other packages where these are installed."""

import numpy as np

from helpers.own_images.files import (
    MAX_TOTAL, MICROSCOPES, Channels, PictureError, check_size, ending_of, needed, too_large,
)


def read_medical(path) -> tuple[list, str]:
    """Return the pages of a DICOM or NIfTI file with the scan's own numbers, such as CT numbers, and a remark."""
    pages = _nifti(path) if ending_of(path).startswith(".nii") else _dicom(path)
    return pages, f"{len(pages)} pages" if len(pages) > 1 else ""


def _dicom(path):
    pydicom = needed(path, "DICOM", "pydicom")
    data = pydicom.dcmread(path)
    if "PixelData" not in data:
        raise PictureError(f"{path.name}: is a DICOM file without a picture, such as a report. Move it away.")
    check_size(path, int(data.Columns), int(data.Rows))
    frames = int(data.get("NumberOfFrames", 1) or 1)
    if frames * int(data.Rows) * int(data.Columns) > MAX_TOTAL:
        raise PictureError(too_large(path, f"its {frames:,} frames are too many together"))
    kind = data.PhotometricInterpretation
    try:
        array = data.pixel_array
    except (RuntimeError, NotImplementedError) as error:
        raise PictureError(
            f"{path.name}: is compressed in a way that needs another package (pip install pylibjpeg pylibjpeg-libjpeg "
            "pylibjpeg-openjpeg), or is damaged. Or export it without compression."
        ) from error
    if kind not in ("MONOCHROME1", "MONOCHROME2"):
        if kind.startswith("YBR"):
            array = pydicom.pixels.convert_color_space(array, kind, "RGB")
        elif kind == "PALETTE COLOR":
            array = pydicom.pixels.apply_color_lut(array, data)
        return list(array.reshape(-1, *array.shape[-3:]))
    if kind == "MONOCHROME1":  # the largest number is black
        array = (-1 - array if data.PixelRepresentation else 2 ** int(data.BitsStored) - 1 - array).astype(array.dtype)
    slope, offset = float(data.get("RescaleSlope", 1)), float(data.get("RescaleIntercept", 0))
    if slope != 1 or offset != 0:
        array = array.astype(np.float32) * np.float32(slope) + np.float32(offset)
    return list(array.reshape(-1, *array.shape[-2:]))


def _nifti(path):
    nibabel = needed(path, "NIfTI", "nibabel")
    volume = nibabel.load(path)
    shape = _without_ones(volume.shape)
    if len(shape) not in (2, 3):
        raise PictureError(
            f"{path.name}: holds a volume of the shape {volume.shape}; expected [x, y] or [x, y, slices]. Save one "
            "time point or one channel."
        )
    check_size(path, shape[0], shape[1])
    if np.prod(shape) > MAX_TOTAL:
        raise PictureError(too_large(path, f"its {shape[2]:,} slices are too many together"))
    array = np.asarray(volume.dataobj).reshape(*shape[:2], -1)
    return [np.ascontiguousarray(array[..., i].T) for i in range(array.shape[-1])]  # x runs along a row


def _without_ones(shape):
    """Return the sides of a volume without times and channels of which there is one."""
    sides = list(shape)
    while len(sides) > 3 and sides[-1] == 1:
        sides.pop()
    return tuple(sides)


def placed_like(image, mask, pages: list) -> tuple[list, str]:
    """Return the pages of a NIfTI mask turned to how its picture lies in space, and a remark.

    image, mask: paths of NIfTI files. A file that says nothing of its place is taken as it is stored; so is a mask, or
    a picture, with the place of no scanner (an affine of ones) that turning does not help. Raises PictureError for two
    that lie at different places.
    """
    nibabel = needed(mask, "NIfTI", "nibabel")
    headers = [nibabel.load(path) for path in (image, mask)]
    if not all(_says_where(header) for header in headers):
        return pages, ""
    (here, there), sides = (header.affine for header in headers), _sides(headers[0].shape)
    if _apart(here, there, sides) < 0.5 and sides == _sides(headers[1].shape):
        return pages, ""
    volume = np.stack([page.T for page in pages], axis=-1)
    turns = nibabel.orientations.ornt_transform(*(nibabel.io_orientation(affine) for affine in (there, here)))
    turned_affine = there @ nibabel.orientations.inv_ornt_aff(turns, volume.shape)
    volume = nibabel.orientations.apply_orientation(volume, turns)
    if volume.shape != sides:
        return pages, ""  # its size is told by the caller
    apart = _apart(here, turned_affine, sides)
    if apart < 0.5:
        turned = [np.ascontiguousarray(volume[..., i].T) for i in range(volume.shape[-1])]
        return turned, "mask turned as its affine says"
    if any(np.array_equal(np.abs(affine), np.eye(4)) for affine in (here, there)):
        return pages, "mask and picture: only one says where it lies"
    raise PictureError(
        f"{mask.name}: lies elsewhere in space than its picture {image.name}: their affines put the same voxel up to "
        f"{apart:.3g} voxels apart. Resample the mask onto the picture (nearest neighbor), or export both from one "
        "program."
    )


def _says_where(volume):
    """Whether a NIfTI file says where its voxels lie, by a code and an affine that can be turned."""
    codes = [int(volume.header.get(name, 0)) for name in ("sform_code", "qform_code")]
    affine = volume.affine
    return any(codes) and bool(np.isfinite(affine).all()) and abs(np.linalg.det(affine)) > 1e-12


def _sides(shape):
    sides = _without_ones(shape)
    return (*sides[:2], int(np.prod(sides[2:])))


def _apart(here, there, sides):
    """Return how far two affines put the same corner of a volume apart at most, in voxels."""
    corners = np.array(np.meshgrid(*[(0, side - 1) for side in sides], [1], indexing="ij")).reshape(4, -1)
    away = np.linalg.norm(((here - there) @ corners)[:3], axis=0).max()
    return float(away / max(np.linalg.norm(here[:3, :3], axis=0).min(), 1e-12))


def read_microscope(path) -> tuple[list, str]:
    """Return the pages of a microscope's file, `[h, w]`, or `[h, w, channels]` as `Channels`, and a remark.

    Scenes, time points and slices become pages, in this order. A plane is read at a time, so that no more than the
    pages themselves is in memory. Raises PictureError for a file that is too large, and where bioio is missing.
    """
    bioio = needed(path, "a microscope", "bioio", MICROSCOPES[ending_of(path)], otherwise=". Or export it as TIFF.")
    picture, places, total = bioio.BioImage(path), [], 0
    for scene in picture.scenes:
        picture.set_scene(scene)
        sides = picture.dims
        check_size(path, sides.X, sides.Y)
        total += int(np.prod(picture.shape))
        if total > MAX_TOTAL:
            raise PictureError(too_large(path, f"its pages hold {total:,} numbers together"))
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
