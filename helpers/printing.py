"""Print sentences in lines that fit a notebook: JupyterLab breaks a longer line anywhere, even inside a number."""

import re
import textwrap

WIDTH = 88  # characters; JupyterLab at 1280 pixels, with its file browser open, fits a few more


def say(*words) -> None:
    """Print words as `print` does, but break lines longer than WIDTH at a space.

    What follows a break is indented as far as the line itself, or two spaces further in a list. Single words that are
    too long, such as paths, stay whole.
    """
    for line in " ".join(map(str, words)).split("\n"):
        indent = re.match(r" *(- )?", line).group()
        print(textwrap.fill(line, WIDTH, subsequent_indent=" " * len(indent), break_long_words=False,
                            break_on_hyphens=False, drop_whitespace=True) if len(line) > WIDTH else line)
