"""Objects, not pixels: number touching lesions, teach a network their borders, score the counting (notebook 08).

Labels are whole numbers, 0 for background and one number for each object of a picture. Numbers are names: gaps between
them are allowed, and what has one number is one object, even in two pieces.
"""

from helpers.instances.finding import (
    Splitting, circle_objects, connected_objects, cut_at_waists, drop_small, grow_objects, peak_objects, split_objects,
    tune_splitting,
)
from helpers.instances.matching import (
    ObjectScores, average_precision, count_error, count_objects, match_objects, object_ious,
)
from helpers.instances.rays import fill_rays, ray_table
from helpers.instances.targets import border_weights, check_labels, cut_gaps, distance_map

__all__ = [
    "ObjectScores", "Splitting", "average_precision", "border_weights", "check_labels", "circle_objects",
    "connected_objects", "count_error", "count_objects", "cut_at_waists", "cut_gaps", "distance_map", "drop_small",
    "fill_rays", "grow_objects", "match_objects", "object_ious", "peak_objects", "ray_table", "split_objects",
    "tune_splitting",
]
