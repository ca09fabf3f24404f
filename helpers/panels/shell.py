"""The shell that all panels share: sliders, a picture, its facts and two buttons, bound to a pure function."""

import html
from typing import NamedTuple

import ipywidgets as widgets

from helpers import drawing
from helpers.panels.canvas import WIDTH


class Dial(NamedTuple):
    """One slider of a panel: the argument it sets, its start, its values and what it does, in words.

    values: `(low, high, step)` of numbers, or a list of choices.
    """

    name: str
    start: object
    values: tuple | list
    help: str


class Panel:
    """Sliders, a picture, its facts and two buttons, bound to a pure function.

    name: the heading. draw: takes the dials' values by name and returns `PanelResult`. dials: a list of `Dial`.
    new: the dial that the button "New picture" turns on, round and round; or `(label, settings)`, a button that goes
    through a list of settings.

    An error while drawing is shown in words under the picture, and the panel goes on working. `settings` holds the
    dials' values; `image`, `message` and `dials` are the widgets.
    """

    def __init__(self, name, draw, dials, new="seed"):
        self.name, self.draw, self.new = name, draw, new
        self.start = {dial.name: dial.start for dial in dials}
        self.dials = {dial.name: _slider(dial) for dial in dials}
        self.image = widgets.Image(format="png", layout=widgets.Layout(width=f"{WIDTH}px", max_width="100%"))
        self.facts, self.message = widgets.HTML(), widgets.HTML()
        reset = widgets.Button(description="Reset", tooltip="Put every slider back to its start")
        label = "New picture" if isinstance(new, str) else new[0]
        another = widgets.Button(description=label, tooltip="Draw the next one")
        self.buttons = {"reset": reset, "new": another}
        reset.on_click(lambda _: self.reset())
        another.on_click(lambda _: self.next())
        self._busy, self._turn = False, 0
        for slider in self.dials.values():
            slider.observe(self._moved, "value")
        rows = [_row(self.dials[dial.name], dial.help) for dial in dials]
        heading = widgets.HTML(f"<b style='font-size:15px'>{html.escape(name)}</b>")
        buttons = widgets.HBox([reset, another], layout=widgets.Layout(margin="6px 0 0 0"))
        layout = widgets.Layout(padding="6px 10px 4px", border="1px solid #d0d7de", width="850px", max_width="100%")
        self.box = widgets.VBox([heading, self.image, self.facts, *rows, buttons, self.message], layout=layout)
        for part, mark in ((self.box, "unet-panel"), (self.facts, "unet-facts"), (self.message, "unet-message")):
            part.add_class(mark)  # by which tests find them in a page
        self.redraw()

    @property
    def settings(self) -> dict:
        """The values of the dials, by name."""
        return {name: slider.value for name, slider in self.dials.items()}

    def set(self, **settings) -> None:
        """Turn several dials at once and draw the picture once."""
        self._busy = True
        try:
            for name, value in settings.items():
                self.dials[name].value = value
        finally:
            self._busy = False
        self.redraw()

    def reset(self) -> None:
        """Put every dial back to its start."""
        self._turn = 0
        self.set(**self.start)

    def next(self) -> None:
        """Show the next picture."""
        if isinstance(self.new, str):
            slider = self.dials[self.new]
            self.set(**{self.new: slider.value + 1 if slider.value < slider.max else slider.min})
        else:
            self.set(**{**self.start, **self.new[1][self._turn % len(self.new[1])]})
            self._turn += 1

    def redraw(self) -> None:
        """Draw the picture for the present settings; an error becomes a message in the panel."""
        try:
            shown = self.draw(**self.settings)
            picture = drawing.as_png(shown.picture, quick=True)
        except Exception as error:  # whatever a student's own function raises must not kill the panel
            self.message.value = _complaint(error)
            return
        self.image.value, self.facts.value, self.message.value = picture, _facts(shown.facts), _NO_MESSAGE

    def _moved(self, _change):
        if not self._busy:
            self.redraw()

    def _repr_mimebundle_(self, include=None, exclude=None):
        # Written by hand: ipywidgets' own text holds the picture's bytes, which would differ between saved notebooks.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}

    def __repr__(self):
        return f"[{self.name}: run this cell to move its sliders. A still picture of it stands below.]"


_TOOLTIP = "tooltip" if "tooltip" in widgets.IntSlider.class_trait_names() else "description_tooltip"  # 8, or 7


def _slider(dial):
    label = dial.name.replace("_", " ")
    common = {
        "description": label, "style": {"description_width": "110px"},
        "layout": widgets.Layout(width="390px", flex="0 0 auto", margin="2px"), _TOOLTIP: dial.help,
    }
    if isinstance(dial.values, list):
        slider = widgets.SelectionSlider(options=dial.values, value=dial.start, continuous_update=True, **common)
    else:
        low, high, step = dial.values
        if isinstance(step, int):
            kind, form = widgets.IntSlider, "d"
        else:
            kind, form = widgets.FloatSlider, ".4f" if step < 0.01 else ".2f"
        slider = kind(
            value=dial.start, min=low, max=high, step=step, readout_format=form, continuous_update=True, **common
        )
    return slider


def _row(slider, words):
    words = widgets.HTML(f"<span style='opacity:.75; font-size:12px; margin-left:10px'>{html.escape(words)}</span>")
    return widgets.HBox([slider, words], layout=widgets.Layout(align_items="center", flex_flow="row wrap"))


def _facts(facts):
    cells = "".join(
        f"<td style='padding:3px 8px; text-align:left; border-left:3px solid #56B4E9'>"
        f"<div style='font-size:11px; line-height:14px; opacity:.75; white-space:nowrap'>{html.escape(name)}</div>"
        f"<div style='font-size:15px; line-height:20px; white-space:nowrap; font-variant-numeric:tabular-nums'>"
        f"{html.escape(value)}</div></td>"
        for name, value in facts.items()
    )
    # A fixed table: its columns stay where they are, however long a number grows.
    return (
        f"<table role='presentation' style='table-layout:fixed; width:{WIDTH}px; max-width:100%; "
        f"border-collapse:collapse; margin:4px 0'><tr style='background:none'>{cells}</tr></table>"
    )


_HEIGHT = "min-height:40px; margin-top:4px; line-height:20px"
_NO_MESSAGE = f"<div style='{_HEIGHT}'></div>"


def _complaint(error):
    words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    words = words[:300].rstrip(". ") + "."
    return (
        f"<div role='alert' style='{_HEIGHT}; border-left:4px solid #D55E00; padding-left:8px'><b>This setting cannot "
        f"be shown.</b> {html.escape(words)} The picture above is the last one that could. Move a slider, or press "
        f"Reset.</div>"
    )
