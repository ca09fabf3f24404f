"""DICOM and NIfTI files, read with pydicom and nibabel where these are installed."""

import importlib

import numpy as np

from helpers.own_images.files import MAX_TOTAL, PictureError, check_size, ending_of, too_large


def needed(package: str, path, kind: str):
    """Return an imported package, or raise PictureError with the command that installs it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise PictureError(
            f"{path.name}: is a file of {kind}, and the package that reads it is missing here: pip install {package}"
        ) from error


def read_medical(path, size: int, max_pixels: int) -> tuple[list, str]:
    """Return the pages of a DICOM or NIfTI file with the scan's own numbers, such as CT numbers, and a remark."""
    pages = _nifti(path, max_pixels) if ending_of(path).startswith(".nii") else _dicom(path, max_pixels)
    return pages, f"{len(pages)} pages" if len(pages) > 1 else ""


def _dicom(path, max_pixels):
    pydicom = needed("pydicom", path, "DICOM")
    data = pydicom.dcmread(path)
    if "PixelData" not in data:
        raise PictureError(f"{path.name}: is a DICOM file without a picture, such as a report. Move it away.")
    check_size(path, int(data.Columns), int(data.Rows), max_pixels)
    frames = int(data.get("NumberOfFrames", 1) or 1)
    if frames * int(data.Rows) * int(data.Columns) > MAX_TOTAL:
        raise PictureError(too_large(path, f"its {frames:,} frames are too many together", max_pixels))
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


def _nifti(path, max_pixels):
    nibabel = needed("nibabel", path, "NIfTI")
    volume = nibabel.load(path)
    if len(volume.shape) not in (2, 3):
        raise PictureError(
            f"{path.name}: holds a volume of the shape {volume.shape}; expected [x, y] or [x, y, slices]. Save one "
            "time point or one channel."
        )
    check_size(path, volume.shape[0], volume.shape[1], max_pixels)
    if np.prod(volume.shape) > MAX_TOTAL:
        raise PictureError(too_large(path, f"its {volume.shape[2]:,} slices are too many together", max_pixels))
    array = np.asarray(volume.dataobj)
    array = array.reshape(*array.shape[:2], -1)
    return [np.ascontiguousarray(array[..., i].T) for i in range(array.shape[-1])]  # x runs along a row
