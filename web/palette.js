// Written by `python -m helpers.palette` from helpers/palette.py; change it there.
export const COLORS = {"rest": "#1F1F1F", "truth": "#E69F00", "prediction": "#0072B2", "hit": "#FFFFFF", "ink": "#262626", "quiet": "#767676", "faint": "#E2E2E2", "paper": "#FFFFFF", "encoder": "#0072B2", "bottleneck": "#A04B82", "decoder": "#007A5A", "skip": "#E69F00", "warning": "#D55E00"};
export const RAMPS = {"gray": ["#000000", "#FFFFFF"], "probability": ["#1F1F1F", "#0072B2", "#DDF1FF"], "features": ["#440154", "#482878", "#3E4A89", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6DCD59", "#B4DE2C", "#FDE725"]};
export const KINDS = {"mask": ["rest", "truth"], "answer": ["rest", "prediction"], "errors": ["rest", "prediction", "truth", "hit"]};
export const LEGENDS = {"mask": [["truth", "lesion"]], "answer": [["prediction", "called lesion"]], "errors": [["hit", "found"], ["truth", "missed"], ["prediction", "too much"]], "outlines": [["truth", "truth"], ["prediction", "prediction (dashed)"]]};
