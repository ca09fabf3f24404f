"""What all panels share: controls, and the bond between a pure function in Python and the front in web/panels.

How a panel is written, in a file of its own: a function from settings to `PanelResult`, with a default for each setting
and nothing remembered between calls, made of the views of `helpers.panels.views`; and a function that returns
`Panel(title, that function, [Dial(...), ...])`. What is drawn, where it stands and how it looks is the front's
business.
"""

import html
import itertools
import re
from collections.abc import Callable
from typing import NamedTuple

import anywidget
import traitlets
from IPython.display import display

from helpers import ROOT

WEB = ROOT / "web"
PARTS = ("palette.js", *(f"panels/{name}.js" for name in ("paint", "views", "fields", "panel", "notebook")))
_numbers = itertools.count(1)


class Dial(NamedTuple):
    """One control of a panel: the argument it sets, its start, its values and what it does, in words.

    values: `(low, high, step)` of numbers, which makes a slider, or a list of choices: few and short ones are shown
    side by side, others in a menu.
    """

    name: str
    start: object
    values: tuple | list
    help: str

    def check(self, value):
        """Return a value that this control can have, or raise ValueError that names those it can."""
        if isinstance(self.values, list):
            if value not in self.values:
                raise ValueError(f"{self.name} is {value!r}; choose one of {', '.join(map(str, self.values))}.")
            return value
        low, high, step = self.values
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"{self.name} is {value!r}; choose a number from {low} to {high}.")
        value = low + round((value - low) / step) * step
        return value if isinstance(step, int) else round(float(value), self.digits)

    @property
    def digits(self) -> int:
        """How many digits after the point a value is written with."""
        return 0 if isinstance(self.values[-1], int) else 4 if self.values[-1] < 0.01 else 2

    def described(self) -> dict:
        """Return what the front needs to build this control."""
        label = self.name.replace("_", " ")
        about = {"name": self.name, "label": label, "start": self.start, "help": self.help}
        if isinstance(self.values, list):
            return {**about, "choices": self.values}
        low, high, step = self.values
        return {**about, "low": low, "high": high, "step": step, "digits": self.digits}


def script() -> str:
    """Return the front as one module, as anywidget wants it: the modules of web/ one after the other."""
    text = "\n".join((WEB / part).read_text(encoding="utf-8") for part in PARTS)
    return re.sub(r"^import .*$|^export (?!default)", "", text, flags=re.MULTILINE)


class Panel(anywidget.AnyWidget):
    """Controls, pictures and facts, bound to a pure function.

    title: the heading. draw: takes the controls' values by name and returns `PanelResult`. dials: a list of `Dial`.
    new: the control that the button "New picture" turns on, round and round; or `(label, settings)`, a button that
    goes through a list of settings; or "" for none. play: a control that a button "Play" moves from start to end.
    action: `(label, function)`, a button for what takes longer: the function takes the settings and yields results.

    `panel.noise = 0.3` moves the slider of that name, and `panel.noise` is where it stands; `settings` holds them all.
    An error while drawing is shown in words under the pictures, and the panel goes on working.
    """

    _esm = script()
    _css = "".join((WEB / name).read_text(encoding="utf-8") for name in ("palette.css", "panels/panel.css"))
    spec = traitlets.Dict().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)

    def __init__(self, title, draw, dials, new="seed", play="", action: tuple[str, Callable] | None = None):
        self.dials = {dial.name: dial for dial in dials}
        self.title, self.draw, self.start = title, draw, {dial.name: dial.start for dial in dials}
        self.action = action
        one = isinstance(new, str)
        following = {"label": "New picture", "control": new} if one else {"label": new[0], "examples": new[1]}
        spec = {
            "title": title, "id": f"{re.sub('[^a-z]+', '-', title.lower())}-{next(_numbers)}",
            "controls": [dial.described() for dial in dials], "next": following if new else None, "play": play,
            "action": action[0] if action else "",
        }
        super().__init__(spec=spec, settings=self.start)
        self._handle = None
        self.redraw()
        self.observe(lambda _: self.redraw(), "settings")
        self.on_msg(self._told)

    def __setattr__(self, name, value):
        if name in self.__dict__.get("dials", ()):
            self.set(**{name: value})
        else:
            super().__setattr__(name, value)

    def __getattribute__(self, name):  # a control's name comes first: every widget has a method `blur`, for one
        own = super().__getattribute__
        return own("settings")[name] if name in own("__dict__").get("dials", ()) else own(name)

    def __getattr__(self, name):  # only what is found nowhere else
        known = ", ".join(self.__dict__.get("dials", ()))
        raise AttributeError(f"this panel has no {name!r}; its settings are {known}.")

    def set(self, **settings) -> None:
        """Move several controls at once and draw once.

        Raises ValueError for a value that a control cannot have, and for a control that is not there.
        """
        unknown = sorted(set(settings) - set(self.dials))
        if unknown:
            raise ValueError(f"there is no control {unknown[0]!r}; this panel has {', '.join(self.dials)}.")
        self.settings = {**self.settings, **{name: self.dials[name].check(value) for name, value in settings.items()}}

    def reset(self) -> None:
        """Put every control back to its start."""
        self.set(**self.start)

    def redraw(self) -> None:
        """Draw for the present settings; an error becomes a message in the panel."""
        try:
            self._show(self.draw(**self.settings))
        except Exception as error:  # whatever a student's own function raises must not kill the panel
            self._show(None, _complaint(error))

    def act(self) -> None:
        """Do what the button for longer work does, and show what comes of it as it comes."""
        try:
            for result in self.action[1](**self.settings):
                self._show(result, more=True)
            self._show(None)
        except Exception as error:
            self._show(None, _complaint(error))

    def _show(self, result, message="", more=False):
        new = {} if result is None else {
            "views": result.views, "facts": [list(fact) for fact in result.facts.items()], "caption": result.caption,
            "note": result.note, "offers": [list(offer) for offer in result.offers],
        }
        # The number makes each answer a new one, even if nothing else changed; `more` says that another one follows.
        number = self.answer.get("number", 0) + 1
        self.answer = {**self.answer, **new, "message": message, "number": number, "more": more}

    def _told(self, _widget, content, _buffers):
        if content.get("kind") == "action":
            self.act()
        elif content.get("kind") == "rest" and self._handle is not None:
            # Written under the panel, hidden while it lives: it is there when the kernel is not.
            still = {"text/html": self.still_html(content["html"]), "text/plain": self.answer.get("caption", "")}
            self._handle.update(still, raw=True)

    def view(self) -> dict:
        """Return the output that shows the panel, for `display(..., raw=True)`."""
        # ipywidgets' own text holds an address in memory, which would differ between saved notebooks.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}

    def _ipython_display_(self):
        display(self.view(), raw=True)
        place = {"text/html": f'<div class="unet-still" data-unet-still="{self.spec["id"]}"></div>', "text/plain": ""}
        self._handle = display(place, raw=True, display_id=True)

    def still_html(self, pictures: str) -> str:
        """Return pictures, as the front sent them, and how to bring the panel back: HTML that needs no kernel."""
        where = html.escape(", ".join(f"{name} {value}" for name, value in self.settings.items()))
        return (
            f'<div class="unet-still" data-unet-still="{self.spec["id"]}">{pictures}'
            f"<p>The last picture of this panel ({where}). Run this cell to move its sliders again.</p>"
            f"<style>{_HIDE_MISSING}</style></div>"
        )

    def __repr__(self):
        return f"[{self.title}: run this cell to move its sliders. A still picture of it stands below.]"


# JupyterLab says "model not found" where a panel stood, if its kernel has gone; the still picture below says more.
_HIDE_MISSING = (
    ".jp-OutputArea-child:not(:has(.unet-panel)):has(+ .jp-OutputArea-child .unet-still) { display: none; }"
)


def _complaint(error):
    words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    words = words[:300].rstrip(". ") + "."
    return f"This setting cannot be shown. {words} The picture is the last one that could. Press Reset."
