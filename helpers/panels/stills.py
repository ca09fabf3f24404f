"""What stays in a saved notebook: a panel's views at several settings, drawn as one figure, with its words."""

import base64
import io
import textwrap

import numpy as np
from IPython.display import display

from helpers import drawing, palette
from helpers.printing import say

# How many of the four columns a view takes; a sum of products is left to the panel.
COLUMNS = {"picture": 1, "chart": 1, "maps": 2, "u": 3}


def picture_output(results, captions=(), title="", alt="") -> dict:
    """Return what `IPython.display.display(**...)` takes to show results that outlive the kernel, one below the other.

    results: a list of `PanelResult`; captions: a heading for each; alt: what stands in its place for those who cannot
    see it.
    """
    buffer = io.BytesIO()
    figure = figure_of(results, captions, title)
    figure.savefig(buffer, format="png", dpi=200)  # two pixels of the file for one of the browser's
    width = round(figure.get_figwidth() * 100)
    data = {"image/png": base64.b64encode(buffer.getvalue()).decode(), "text/plain": alt}
    return {"data": data, "metadata": {"image/png": {"width": width, "alt": alt}}}


def figure_of(results, captions=(), title=""):
    """Return a Matplotlib figure of results, a row of views for each; rows that are too long are broken."""
    from matplotlib.figure import Figure

    import helpers.figures  # noqa: F401  for the style that all figures share

    rows = [(caption, row) for result, caption in zip(results, [*captions, *[""] * len(results)])
            for caption, row in zip([caption, *[""] * 9], _rows(result.views))]
    figure = Figure(figsize=(8.4, 2.75 * len(rows) + 0.3 * bool(title)), layout="constrained")
    grid = figure.add_gridspec(len(rows), 4)
    for i, (caption, row) in enumerate(rows):
        place = 0
        for view, wide in row:
            axis = figure.add_subplot(grid[i, place : place + wide])
            DRAW[view["kind"]](axis, view)
            heading = f"{caption}\n" if place == 0 and caption else "\n" if caption else ""
            axis.set_title(heading + view["title"], fontsize=10)
            place += wide
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    return figure


def _rows(views):
    rows, used = [[]], 0
    for view in views:
        wide = 4 if view.get("wide") else COLUMNS.get(view["kind"], 0)
        if used + wide > 4:
            rows, used = [*rows, []], 0
        if wide:
            rows[-1].append((view, wide))
            used += wide
    return rows


def _picture(axis, view):
    from matplotlib.patches import Rectangle

    values = np.frombuffer(view["values"], np.uint8).reshape(view["shape"])
    zoom = max(1, 384 // max(view["shape"]))
    large = drawing.enlarged(drawing.colored(values, view["colors"]), zoom)
    if "under" in view:  # a heat map over a scan, which shows through where the map is dark
        scan = drawing.enlarged(np.frombuffer(view["under"], np.uint8).reshape(view["shape"]), zoom)[..., None]
        large = (255 - (255 - large.astype(float)) * (1 - 0.45 * scan / 255)).astype(np.uint8)
    for kind, mask in view["outlines"].items():
        drawing.outline(large, drawing.enlarged(np.frombuffer(mask, np.uint8).reshape(view["shape"]), zoom), kind)
    axis.imshow(large, extent=(0, view["shape"][1], view["shape"][0], 0))
    for name, (x, y, wide, tall) in _squares(view):
        for color, width in ((palette.COLORS["paper"], 3.5), (name, 2)):
            axis.add_patch(Rectangle((x, y), wide, tall, fill=False, color=color, linewidth=width))
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    names = [*palette.LEGENDS.get(view["colors"], ()), *(
        (kind, word) for kind, word in palette.LEGENDS["outlines"] if kind in view["outlines"])]
    for i, (color, word) in enumerate(names):
        axis.plot([], [], "s", color=palette.COLORS[color], label=word, markeredgecolor=palette.COLORS["quiet"])
    if names:
        axis.legend(loc="upper left", bbox_to_anchor=(-0.04, 0), ncols=3, fontsize=8, handletextpad=0.1,
                    columnspacing=0.6)
    if view["below"] and "pick" not in view:  # a still cannot be clicked
        words = "\n".join(textwrap.wrap(view["below"], 34))  # Matplotlib's own breaks get no room in the figure
        axis.set_xlabel(words, fontsize=8, loc="left", labelpad=16 if names else None)


def _squares(view):
    if "box" in view:
        yield palette.COLORS["prediction"], view["box"]
    if "mark" in view:
        row, column = view["mark"]
        yield palette.RAMPS["gray"][0], (column, row, 1, 1)


def _chart(axis, view):
    for line in view["lines"]:
        x, y = np.asarray(line["points"], float).reshape(-1, 2).T
        color = palette.COLORS[line["color"]]
        if line["style"] == "bars":
            x, y = [*x, 2 * x[-1] - x[-2]], [*y, y[-1]]  # the last bar is as wide as the others
            axis.fill_between(x, y, step="post", color=color, alpha=0.75, label=line["name"])
        else:
            axis.plot(x, y, "--" if line["style"] == "dashed" else "-", color=color, label=line["name"], linewidth=2)
    for place, words in view["marks"]:
        axis.axvline(place, color=palette.COLORS["prediction"], linewidth=1.2, label=words)
    axis.set(xlim=view["x"][:2], ylim=view["y"][:2], xlabel=view["x"][2], ylabel=view["y"][2])
    axis.tick_params(labelsize=8)
    if len(view["lines"]) + len(view["marks"]) > 1:
        place = {"loc": "upper left", "bbox_to_anchor": (-0.04, -0.2), "ncols": 2}
        axis.legend(fontsize=8, handlelength=1.2, columnspacing=0.8, **place)


def _maps(axis, view):
    height, width, count = view["shape"]
    maps = np.frombuffer(view["values"], np.uint8).reshape(count, height, width)
    columns = int(np.ceil(np.sqrt(2 * count)))
    gap = max(height // 24, 1)
    sheet = np.full((-(-count // columns) * (height + gap), columns * (width + gap), 3), 255, np.uint8)
    for i, one in enumerate(maps):
        y, x = i // columns * (height + gap), i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = drawing.colored(one, "features")
    axis.imshow(sheet)
    axis.axis("off")


def _u(axis, view):
    from helpers.figures.unet_drawing import draw_stages

    draw_stages(axis, view["stages"], view["skips"])


DRAW = {"picture": _picture, "chart": _chart, "maps": _maps, "u": _u}


def show_result(result, title="") -> None:
    """Show a panel's answer as a picture, and print its caption."""
    output = picture_output([result], title=title, alt=result.caption)
    display(output["data"], metadata=output["metadata"], raw=True)
    say(result.caption)


def show_still(draw, settings, captions=(), title="The panel at several settings", caption="", **fixed) -> None:
    """Show a panel's views at several settings as one static image, and print what each one shows.

    draw: a panel's function; settings: dictionaries of its arguments; captions: by default written from the settings;
    fixed: arguments that all of them share, such as model=model; title: what the image shows; caption: words to print
    in place of the panel's own, where those would differ from one training to the next.
    """
    captions = captions or [", ".join(f"{k} {v}" for k, v in one.items()) or "as it starts" for one in settings]
    results = [draw(**fixed, **one) for one in settings]
    alt = f"{title}. The lines below say what it shows."
    output = picture_output(results, captions, title, alt)
    display(output["data"], metadata=output["metadata"], raw=True)
    say(caption or "\n".join(f"{name}: {result.caption}" for name, result in zip(captions, results)))
