"""Panels: sliders over pictures that answer while you drag, and the stills that stay in a saved notebook.

Each panel is a pure function from settings to `PanelResult` (views, as numbers, and facts in words), in a file of its
own, and a binding that all of them share, the class `Panel`: over anywidget it talks to the front in `web/panels`,
which draws. `helpers.panels.shell` says how a panel is written.

TensorFlow is imported only by what needs a network, inside the functions, so notebook 01 never loads it. The callbacks
that watch a training, `TrainingMonitor` and `FlipBook`, need it at once: they are in `helpers.panels.callbacks`.
"""

from helpers.panels.class_balance import balance, balance_panel
from helpers.panels.counting import count_lesions, counting_panel
from helpers.panels.difficulty_dial import difficulty, difficulty_panel
from helpers.panels.feature_viewer import feature_levels, feature_maps, feature_panel, read_features
from helpers.panels.flip_book import flip, flip_panel
from helpers.panels.rate_schedule import learning_rates, schedule, schedule_panel
from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady, draw_steady_classes
from helpers.panels.stills import show_result, show_still
from helpers.panels.stress_test import stress, stress_panel
from helpers.panels.training_curves import training_curves
from helpers.panels.unet_architect import architect, architect_panel
from helpers.panels.views import PanelResult

__all__ = [
    "Dial", "Panel", "PanelResult", "architect", "architect_panel", "balance", "balance_panel", "count_lesions",
    "counting_panel", "difficulty", "difficulty_panel", "draw_steady", "draw_steady_classes", "feature_levels",
    "feature_maps", "feature_panel", "flip", "flip_panel", "learning_rates", "read_features", "schedule",
    "schedule_panel", "show_result", "show_still", "stress", "stress_panel", "training_curves",
]
