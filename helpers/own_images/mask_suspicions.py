"""What looks wrong with masks as a whole, said before anything is trained."""

import numpy as np

from helpers.own_images.masks import is_outline


def suspicions(records, masks) -> list[str]:
    """Return what looks wrong with the masks as a whole: empty, full, inverted, or outlines only."""
    shares, n = np.array([record.foreground for record in records]), len(records)
    if (shares == 0).all():
        return [f"all masks ({n}) are empty: they hold no foreground. Look at the files, or say what is foreground."]
    if (shares == 1).all():
        return [f"all masks ({n}) are full: they hold no background. Look at the files, or pass foreground=."]
    said, high = [], [record for record in records if record.foreground > 0.5]
    names = ", ".join(record.name for record in high[:5]) + (" ..." if len(high) > 5 else "")
    if high and len(high) == n:
        said.append(
            f"all masks have more foreground than background and look inverted: {names}. "
            "If you look for the dark part, pass invert=True."
        )
    elif high:
        said.append(
            f"{len(high)} of {n} masks look inverted (more foreground than background): {names}. "
            "Look at them; swap black and white in those files."
        )
    outlines = [record.name for record, mask in zip(records, masks) if is_outline(mask[..., 0] == 1)]
    if 2 * len(outlines) > (shares > 0).sum():
        said.append(
            f"{len(outlines)} of {n} masks are outlines, thin lines around areas: {', '.join(outlines[:5])}. A network "
            "would learn the lines. If you look for the areas, pass fill=True."
        )
    return said
