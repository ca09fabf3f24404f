"""Use a network on a whole folder: masks, overlays and one table of all objects, resumable, never over a file."""

import csv
import io
import json
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from helpers.gate import first_line
from helpers.own_images.asking import answered
from helpers.own_images.channels import a_range_is_needed, gray_page
from helpers.own_images.files import PictureError, file_sha256, first_of, page_name, read_picture
from helpers.own_images.keeping import load_kept, save_mask, write_new
from helpers.own_images.layouts import check_page_names, picture_files
from helpers.own_images.names import bare_name, masks_among, without_number, without_word
from helpers.own_images.picture_kinds import SeenPicture, cut_warnings, one_rule_for_colors, picture_hints
from helpers.own_images.objects import label_objects, measure_objects, numbered_contours
from helpers.own_images.tiles import alike_at_once, predict_alike
from helpers.settings import check_switch

COLUMNS = (
    "picture", "object", "row", "column", "area_pixels", "perimeter_pixels", "area", "perimeter", "unit", "roundness",
    "mean_gray", "touches_border",
)
SETTINGS = {"channel": None, "value_range": None, "pixel_size": None, "unit": "", "min_area": 0, "split": False,
            "turned": False}


def predict_folder(model_path, folder, out, progress=True, **changes) -> tuple[int, list[str]]:
    """Predict every picture of a folder; returns how many objects were found, and what could not be read.

    Writes into `out` for each picture NAME_mask.png (0/255) and NAME_overlay.jpg (numbered outlines), and objects.csv,
    one row an object. If it is interrupted, the same call goes on. changes: any of SETTINGS, where they should differ
    from those kept with the network. Raises FileExistsError if `out` holds other files, or results of another network
    or other settings; PictureError if the folder holds no pictures. Warns of masks beside their pictures: they are left
    out.
    """
    kept = load_kept(model_path)
    if kept.model.output_shape[-1] != 1:
        raise PictureError(
            f"{Path(model_path).name}: knows {kept.model.output_shape[-1]} classes, and a folder is predicted with one "
            "foreground. Use load_kept, predict_tiled and class_masks.most_probable picture by picture."
        )
    if unknown := sorted(changes.keys() - SETTINGS.keys()):
        raise TypeError(f"there is no setting {unknown[0]!r}; the settings are {', '.join(SETTINGS)}.")
    settings = {**SETTINGS, **{name: kept.settings[name] for name in SETTINGS if name in kept.settings}, **changes}
    for name in ("split", "turned"):
        check_switch(settings[name], name)
    pictures, out = picture_files(folder), Path(out).expanduser().resolve()
    if out.is_relative_to(Path(folder).expanduser().resolve()):
        pictures = {key: path for key, path in pictures.items() if not path.is_relative_to(out)}
    if partners := _partners(pictures):
        pictures = {key: path for key, path in pictures.items() if key not in partners}
        named = first_of(partners, 1, " and {} more")
        warnings.warn(f"{named}: masks beside their pictures are not predicted.", stacklevel=2)
    table = _begin(out, model_path, settings)
    problems, seen, waiting = [], [], []
    shown = tqdm(pictures.items(), unit="picture", disable=not progress)
    groups = _groups_alike(_pages(shown, pictures, out, settings, problems, seen), kept.model, settings["turned"])
    # While the network computes, the next pictures are read, and the ones before are measured and written.
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(1) as behind:
        coming = ahead.submit(next, groups, None)
        while (group := coming.result()) is not None:
            coming, (names, grays) = ahead.submit(next, groups, None), zip(*group)
            found = predict_alike(kept.model, grays, normalization=kept.normalization, turned=settings["turned"])
            masks = [each >= kept.threshold for each in found]
            for written in waiting:
                written.result()  # no more than one group waits, which limits the memory
            waiting = [behind.submit(_write_page, *page, out, table, settings) for page in zip(grays, masks, names)]
        for written in waiting:
            written.result()
    for remark in [*one_rule_for_colors(seen), *cut_warnings(seen, settings["value_range"])]:
        warnings.warn(remark, stacklevel=2)
    problems = answered(problems, {a_range_is_needed: [each.values for each in seen]})
    with table.open(encoding="utf-8") as file:
        return sum(1 for _ in file) - 1, [text for _, text in problems]


def _partners(pictures):
    """Return the names of masks that lie beside their pictures."""
    marked = masks_among(pictures)
    bare = {bare_name(key) for key in pictures if key not in marked}
    rules = (bare_name, without_word, without_number)
    return sorted(key for key in marked if any(rule(key) in bare for rule in rules))


def _pages(shown, pictures, out, settings, problems, seen):
    """Yield name and gray levels of each page that has no mask yet; what cannot be read goes into `problems`."""
    for key, path in shown:
        try:
            pages = read_picture(path).pages
            check_page_names(key, path, len(pages), pictures)
            for i, page in enumerate(pages, 1):
                name = page_name(key, i) if len(pages) > 1 else key
                if not (out / f"{name}_mask.png").exists():
                    gray, how, cut, values = gray_page(page, path.name, settings["value_range"], settings["channel"])
                    seen.append(SeenPicture(name, how, values, cut))
                    yield name, gray
        except PictureError as error:
            problems.append((key, error))


def _groups_alike(pages, model, turned):
    """Yield lists of pages that follow each other and have one shape, as many as the network should get at once."""
    group, most = [], 1
    for page in pages:
        shape = page[1].shape
        if group and (shape != group[0][1].shape or len(group) >= most):
            yield group
            group = []
        group.append(page)
        most = 1 if turned else alike_at_once(model, shape)
    if group:
        yield group


def _write_page(gray, mask, name, out, table, settings):
    labels = label_objects(mask, settings["min_area"], settings["split"])
    rows = measure_objects(labels, gray)
    size, unit = settings["pixel_size"] or 1, settings["unit"] if settings["pixel_size"] else "pixels"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        (name, r.number, r.row, r.column, r.area, r.perimeter, round(r.area * size**2, 4), round(r.perimeter * size, 4),
         unit, r.roundness, r.mean_gray, int(r.touches_border)) for r in rows
    )
    overlay = io.BytesIO()
    low = float(gray.min())
    shown = numbered_contours(gray, labels, ends=(low, max(float(gray.max()), low + 1e-6)), objects=rows)
    Image.fromarray(shown).save(overlay, "JPEG", quality=90)
    (out / f"{name}_overlay.jpg").unlink(missing_ok=True)  # of a run that was interrupted here
    write_new(out / f"{name}_overlay.jpg", lambda file: file.write(overlay.getvalue()))
    with table.open("a", encoding="utf-8") as file:
        file.write(text.getvalue())
    save_mask(labels > 0, out / f"{name}_mask.png")  # last, because a picture with a mask is done


def _begin(out, model_path, settings):
    """Return the table to append to: a new one, or that of an interrupted run without its half-done picture."""
    model = file_sha256(Path(model_path).expanduser())
    text = json.dumps({"network": Path(model_path).name, "sha256": model, "settings": settings}, indent=2)
    table, note = out / "objects.csv", out / "predict.json"
    if not note.exists():
        if out.exists() and any(out.iterdir()):
            raise FileExistsError(
                f"the folder {out} holds other files, and nothing is written over. Choose a new folder for the results."
            )
        write_new(table, lambda file: file.write((",".join(COLUMNS) + "\n").encode()))
        write_new(note, lambda file: file.write(text.encode()))
        return table
    try:
        then = json.loads(note.read_text(encoding="utf-8"))
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        raise FileExistsError(
            f"the folder {out} holds results that cannot be gone on with: {note.name} or {table.name} is missing or "
            f"damaged ({first_line(error)}). Choose a new folder for the results."
        ) from None
    if then != json.loads(text):
        raise FileExistsError(
            f"the folder {out} holds results of another network or other settings. Choose a new folder for the results."
        )
    done = [row for row in rows[1:] if len(row) == len(COLUMNS) and (out / f"{row[0]}_mask.png").exists()]
    draft = table.with_suffix(".draft")
    with draft.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *done])
    os.replace(draft, table)
    return table


def inspect_pictures(folder, value_range=None, channel=None) -> str:
    """Return in words what would be read from a folder of pictures without masks, one line a page."""
    lines, seen, problems = [f"{'name':<30}  {'size':<11}{'picture':<28}values"], [], []
    for key, path in picture_files(folder).items():
        try:
            raw = read_picture(path)
            for i, page in enumerate(raw.pages, 1):
                name = page_name(key, i) if len(raw.pages) > 1 else key
                size = f"{page.shape[1]}x{page.shape[0]}"
                try:
                    _, how, cut, values = gray_page(page, path.name, value_range, channel)
                    lines.append(f"{name:<30}  {size:<11}{how:<28}{values[0]:g}..{values[1]:g}")
                    seen.append(SeenPicture(name, how, values, cut))
                except PictureError as error:
                    problems.append((len(lines), error))
                    lines.append(f"{name:<30}  {size:<11}NOT READ. ")
        except PictureError as error:
            lines.append(f"{key:<30}  NOT READ. {error}")
    for line, text in answered(problems, {a_range_is_needed: [each.values for each in seen]}):
        lines[line] += text
    notes = [*one_rule_for_colors(seen), *picture_hints(seen, value_range)]
    return "\n".join([*lines, *(f"Note: {note}" for note in [*notes, *cut_warnings(seen, value_range)])])
