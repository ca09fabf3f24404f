"""Objects drawn as polygons: labelme, COCO, GeoJSON as QuPath writes it, and ImageJ's regions (ROI)."""

import base64
import io
import unicodedata
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.gate import GateError, first_line, open_archive, read_json, read_member, read_whole
from helpers.own_images.files import MAX_PIXELS, MAX_TOTAL, PictureError, ending_of, needed, unreadable
from helpers.own_images.object_outlines import Marked, Outline, Patch, outline_points, unpacked_runs

ENDINGS = (".json", ".geojson", ".roi", ".zip")
MOST_BYTES = 100_000_000  # of all regions in an archive
_NO_AREA = ("point", "points", "line", "linestrip")
_CORNERS = ("rectangle", "rotation", "oriented_rectangle")


class NotAnnotationsError(PictureError):
    """A file that is JSON or an archive, but holds no objects of a picture."""


def read_annotations(path) -> dict[str | None, Marked]:
    """Return the objects of an annotation file by the name of their picture, None if it is the file's own name.

    A name is the path that COCO states, without its ending. Raises NotAnnotationsError for another kind of file,
    PictureError for one that is damaged.
    """
    path = Path(path)
    if ending_of(path) in (".roi", ".zip"):
        return {None: Marked(_regions(path))}
    try:
        content = read_json(read_whole(path), "text")
    except PermissionError as error:
        raise PictureError(unreadable(path, error)) from error
    except GateError as error:
        raise PictureError(f"{path.name}: is damaged or is not JSON: it {error}. Export it again.") from error
    try:
        if isinstance(content, dict) and "shapes" in content:
            return {None: _labelme(content, path)}
        if isinstance(content, dict) and "annotations" in content and "images" in content:
            return _coco(content, path)
        features = content.get("features", [content]) if isinstance(content, dict) else content
        return {None: Marked([part for each in features for part in _geojson(each["geometry"], _class_of(each))])}
    except PictureError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise NotAnnotationsError(
            f"{path.name}: is JSON, but not of labelme, COCO or GeoJSON ({type(error).__name__} {first_line(error)}). "
            "Export the objects in one of these formats, or as a mask."
        ) from error


def _size(width, height):
    """Return a stated size `(width, height)`, or None where a file states none: some write 0 or null."""
    if all(isinstance(side, (int, float)) and not isinstance(side, bool) and side > 0 for side in (width, height)):
        return round(width), round(height)
    return None


def _check_total(path, outlines):
    """Yield objects, and raise before the masks inside an annotation file fill the memory."""
    total = 0
    for outline in outlines:
        total += sum(part.inside.size for part in outline.parts if isinstance(part, Patch))
        if total > MAX_TOTAL:
            raise PictureError(
                f"{path.name}: its masks hold {total:,} pixels, more than the {MAX_TOTAL:,} that load at once. Export "
                "the objects of fewer pictures in one file."
            )
        yield outline


def _labelme(content, path):
    objects = list(_check_total(path, (_labelme_shape(shape, path) for shape in content["shapes"])))
    return Marked(objects, _size(content.get("imageWidth"), content.get("imageHeight")))


def _labelme_shape(shape, path):
    points, kind = outline_points(shape["points"]), shape.get("shape_type", "polygon")
    label = str(shape.get("label") or "")
    if kind in _NO_AREA or kind == "polygon" and len(points) < 3:
        return Outline([], label, f"labelme shapes of the kind {kind!r}")
    if kind == "mask":
        return Outline([_stored_mask(shape["mask"], points, path)], label)
    if kind == "rectangle" and len(points) == 2:
        (left, top), (right, bottom) = points
        return Outline([[np.array([(left, top), (right, top), (right, bottom), (left, bottom)])]], label)
    if kind == "circle":
        if len(points) != 2:
            raise ValueError(f"a circle of {len(points)} points")
        angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)[:, None]
        radius = np.linalg.norm(points[1] - points[0])
        return Outline([[points[0] + radius * np.hstack([np.cos(angle), np.sin(angle)])]], label)
    if kind != "polygon" and (kind not in _CORNERS or len(points) < 3):
        raise PictureError(
            f"{path.name}: shapes of the kind {kind!r} with {len(points)} points are not read here. Outline the "
            "objects as polygons, rectangles or circles."
        )
    return Outline([[points]], label)


def _stored_mask(text, points, path):
    """Return the mask of a labelme shape, a PNG in the text; its two points are its first and last pixel."""
    (left, top), (right, bottom) = np.floor(points).astype(int).tolist()
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=("PNG",)) as picture:
            wide, high = picture.size
            if (wide, high) != (right - left + 1, bottom - top + 1) or wide * high > MAX_PIXELS:
                raise ValueError(f"it has {wide}x{high} pixels, its corners say {right - left + 1}x{bottom - top + 1}")
            return Patch(left, top, np.array(picture.convert("L")) > 0)
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise PictureError(
            f"{path.name}: holds a damaged mask of labelme ({first_line(error)}). Save it again, or outline the object "
            "as a polygon."
        ) from error


def _coco(content, path):
    names, found = {}, {}
    for picture in content["images"]:
        number, name = picture["id"], _coco_name(picture["file_name"])
        if number in names or name in found:
            raise PictureError(
                f"{path.name}: lists {f'the number {number!r}' if number in names else picture['file_name']} twice "
                "among its pictures. Give each picture one entry with a number of its own."
            )
        names[number] = name
        found[name] = Marked([], _size(picture.get("width"), picture.get("height")))
    labels = {each["id"]: str(each["name"]) for each in content.get("categories") or ()}
    objects = content["annotations"]
    objects = list(objects.values()) if isinstance(objects, dict) else objects  # as LIVECell numbers them
    outlines = _check_total(path, (_coco_object(each, labels, path) for each in objects))
    for annotation, outline in zip(objects, outlines):
        if annotation["image_id"] not in names:
            raise PictureError(
                f"{path.name}: has an object in the picture {annotation['image_id']!r}, which is not in its list of "
                "pictures. Export it again."
            )
        name = names[annotation["image_id"]]
        found[name].objects.append(outline)
        found[name] = _with_size_of_runs(found[name], annotation.get("segmentation"), path, name)
    return found


def _coco_name(file_name):
    """Return the path that COCO states without its ending, with / between its folders."""
    name = unicodedata.normalize("NFC", str(file_name).replace("\\", "/")).removeprefix("./")
    ending = ending_of(name)
    return name[: -len(ending)] if ending else name


def _coco_object(annotation, labels, path):
    shape, label = annotation.get("segmentation"), annotation.get("category_id")
    label = labels.get(label, "" if label is None else str(label))
    if not shape:
        kind = "box" if annotation.get("bbox") else "number of points" if annotation.get("keypoints") else ""
        if not kind and shape is None:
            raise KeyError("segmentation")
        return Outline([], label, kind or "empty outline")
    if isinstance(shape, list):
        return Outline([[outline_points(np.reshape(np.array(one, float), (-1, 2)))] for one in shape], label)
    if not isinstance(shape["counts"], list):
        raise PictureError(
            f"{path.name}: holds compressed run lengths. Decode them with pycocotools, or export polygons."
        )
    height, width = shape["size"]
    if not 0 < height * width <= MAX_PIXELS:
        raise ValueError("run lengths of a picture that is too large")
    return Outline([unpacked_runs(shape["counts"], height, width)], label)


def _with_size_of_runs(marked, shape, path, name):
    """Return the objects of a picture with the size that run lengths state. Raises if the file states two sizes."""
    if not isinstance(shape, dict):
        return marked
    size = _size(shape["size"][1], shape["size"][0])
    if marked.size not in (None, size):
        raise PictureError(
            f"{path.name}: says that {name} is {marked.size[0]}x{marked.size[1]} pixels, and the run lengths of one of "
            f"its objects say {size[0]}x{size[1]}. Export it again."
        )
    return Marked(marked.objects, size)


def _class_of(feature):
    """Return the class of a GeoJSON object as QuPath writes it, or which kind of object it is, or ""."""
    properties = feature.get("properties") or {}
    given = properties.get("classification") or properties.get("objectType") or ""
    if isinstance(given, dict):
        given = given.get("name") or ": ".join(map(str, given.get("names") or ()))
    return str(given)


def _geojson(geometry, label):
    kind, coordinates = geometry["type"], geometry.get("coordinates")
    if kind == "GeometryCollection":
        return [part for each in geometry["geometries"] for part in _geojson(each, label)]
    polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(kind if isinstance(kind, str) else "", [])
    parts = [[outline_points(one) for one in polygon] for polygon in polygons if polygon]
    return [Outline(parts, label, "" if parts else f"GeoJSON objects of the kind {str(kind)[:40]!r}")]


def _regions(path):
    roifile = needed(path, "regions of ImageJ", "roifile")
    try:
        regions = [roifile.ImagejRoi.frombytes(content) for content in _members(path)]
        return [_region(roifile, region) for region in regions]
    except GateError as error:
        raise PictureError(f"{path.name}: {error}. Save the regions again.") from error
    except PictureError:
        raise
    except PermissionError as error:
        raise PictureError(unreadable(path, error)) from error
    except Exception as error:
        raise PictureError(
            f"{path.name}: is damaged, or does not hold regions of ImageJ ({first_line(error)}). Save them again."
        ) from error


def _region(roifile, region):
    """Return an area with its holes, or what a selection is that has none."""
    kind = roifile.ROI_TYPE(region.roitype).name
    if kind in ("POINT", "LINE", "FREELINE", "POLYLINE", "ANGLE", "NOROI"):
        return Outline([], lacks=f"selections of ImageJ of the kind {kind.lower()}")
    return Outline([[outline_points(ring) for ring in region.coordinates(multi=True)]])


def _members(path):
    """Yield the regions of a file as bytes: one each in an archive."""
    if ending_of(path) == ".roi":
        yield read_whole(path)
        return
    left = MOST_BYTES
    with open_archive(path) as archive:
        members = [info.filename for info in archive.infolist() if not info.is_dir()]
        if members and not any(name.lower().endswith(".roi") for name in members):
            raise NotAnnotationsError(
                f"{path.name}: is an archive of other files, such as {members[0]}, not of regions of ImageJ. Unzip it, "
                "and give the folder."
            )
        for name in members:
            content = read_member(archive, name, left)
            left -= len(content)
            if content:
                yield content
