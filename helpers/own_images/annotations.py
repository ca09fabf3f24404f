"""Objects drawn as polygons: labelme, COCO, GeoJSON as QuPath writes it, and ImageJ's regions (ROI)."""

from pathlib import Path

import numpy as np
from skimage import draw

from helpers.gate import GateError, first_line, open_archive, read_json, read_member, read_whole
from helpers.own_images.files import MAX_PIXELS, PictureError, ending_of

ENDINGS = (".json", ".geojson", ".roi", ".zip")
FARTHEST = 1e6  # pixels; no picture that is read is so long
MOST_BYTES = 100_000_000  # of all regions in an archive


def read_annotations(path) -> dict[str | None, list]:
    """Return the objects of an annotation file by the name of their picture, None if it is the file's own name.

    An object is a list of rings `[k, 2]`, each point `(x, y)` in pixels from the picture's upper left corner; a ring
    inside another one is a hole. Raises PictureError for another kind of file.
    """
    path = Path(path)
    if ending_of(path) in (".roi", ".zip"):
        return {None: _regions(path)}
    try:
        content = read_json(read_whole(path), "text")
    except GateError as error:
        raise PictureError(f"{path.name}: is damaged or is not JSON: it {error}. Export it again.") from error
    try:
        if isinstance(content, dict) and "shapes" in content:
            return {None: [_labelme(shape) for shape in content["shapes"]]}
        if isinstance(content, dict) and "annotations" in content and "images" in content:
            return _coco(content, path)
        features = content.get("features", [content]) if isinstance(content, dict) else content
        return {None: [part for feature in features for part in _geojson(feature["geometry"])]}
    except PictureError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise PictureError(
            f"{path.name}: is JSON, but not of labelme, COCO or GeoJSON ({type(error).__name__} {first_line(error)}). "
            "Export the objects in one of these formats, or as a mask."
        ) from error


def drawn(objects, height: int, width: int) -> np.ndarray:
    """Return objects as numbers from 1 in a page `[height, width]` int32; later objects lie over earlier ones."""
    page = np.zeros((height, width), np.int32)
    for number, rings in enumerate(objects, 1):
        inside = np.zeros((height, width), bool)
        for ring in rings:
            if isinstance(ring, np.ndarray) and ring.dtype == bool:
                inside[: ring.shape[0], : ring.shape[1]] ^= ring[:height, :width]
                continue
            x, y = np.asarray(ring, float).T
            inside[draw.polygon(y - 0.5, x - 0.5, (height, width))] ^= True  # the middle of a pixel is at 0.5
        page[inside] = number
    return page


def _ring(points):
    """Return the points of one outline `[k, 2]`, or raise ValueError."""
    ring = np.array(points, float)
    if ring.ndim != 2 or ring.shape[1] < 2 or not len(ring) or not (np.abs(ring) < FARTHEST).all():
        raise ValueError(f"an outline with points of the shape {ring.shape}, or far outside every picture")
    return ring[:, :2]


def _labelme(shape):
    points, kind = _ring(shape["points"]), shape.get("shape_type", "polygon")
    if kind == "rectangle":
        (left, top), (right, bottom) = points
        return [np.array([(left, top), (right, top), (right, bottom), (left, bottom)])]
    if kind == "circle":
        angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)[:, None]
        return [points[0] + np.linalg.norm(points[1] - points[0]) * np.hstack([np.cos(angle), np.sin(angle)])]
    if kind != "polygon":
        raise PictureError(
            f"labelme shapes of the kind {kind!r} have no area. Outline the objects as polygons, rectangles or circles."
        )
    return [points]


def _coco(content, path):
    names = {picture["id"]: Path(picture["file_name"]).stem for picture in content["images"]}
    found = {name: [] for name in names.values()}
    for annotation in content["annotations"]:
        shape = annotation["segmentation"]
        if isinstance(shape, list):
            rings = [_ring(np.reshape(np.array(ring, float), (-1, 2))) for ring in shape]
        elif isinstance(shape["counts"], list):
            height, width = shape["size"]
            if min(shape["counts"], default=0) < 0 or not 0 < sum(shape["counts"]) == height * width <= MAX_PIXELS:
                raise ValueError("run lengths that do not fill their picture")
            runs = np.repeat(np.arange(len(shape["counts"])) % 2 == 1, shape["counts"])
            rings = [runs.reshape(width, height).T]
        else:
            raise PictureError(
                f"{path.name}: holds compressed run lengths. Decode them with pycocotools, or export polygons."
            )
        found[names[annotation["image_id"]]].append(rings)
    return found


def _geojson(geometry):
    kind, coordinates = geometry["type"], geometry.get("coordinates")
    if kind == "GeometryCollection":
        return [part for each in geometry["geometries"] for part in _geojson(each)]
    if kind == "Polygon":
        return [[_ring(ring) for ring in coordinates]]
    if kind == "MultiPolygon":
        return [[_ring(ring) for polygon in coordinates for ring in polygon]]
    raise PictureError(f"GeoJSON objects of the kind {kind!r} have no area. Export polygons.")


def _regions(path):
    try:
        import roifile
    except ImportError as error:
        raise PictureError(
            f"{path.name}: holds regions of ImageJ, and the package for them is missing here: pip install roifile"
        ) from error
    try:
        regions = [roifile.ImagejRoi.frombytes(content) for content in _members(path)]
        return [[_ring(region.coordinates())] for region in regions]
    except GateError as error:
        raise PictureError(f"{path.name}: {error}. Save the regions again.") from error
    except Exception as error:
        raise PictureError(
            f"{path.name}: is damaged, or does not hold regions of ImageJ ({first_line(error)}). Save them again."
        ) from error


def _members(path):
    """Yield the regions of a file as bytes: one each in an archive."""
    if ending_of(path) == ".roi":
        yield read_whole(path)
        return
    left = MOST_BYTES
    with open_archive(path) as archive:
        for info in archive.infolist():
            content = b"" if info.is_dir() else read_member(archive, info.filename, left)
            left -= len(content)
            if content:
                yield content
