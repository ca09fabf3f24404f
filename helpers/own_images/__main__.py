"""See what would be read from a folder, train on it, use a network on new pictures, pack it for other programs.

    python -m helpers.own_images inspect FOLDER [MASKS]
    python -m helpers.own_images index FOLDER [MASKS]
    python -m helpers.own_images train SETTINGS.toml [OUT]
    python -m helpers.own_images predict MODEL FOLDER OUT
    python -m helpers.own_images export MODEL OUT.zip
"""

import argparse
import sys
import warnings

from helpers.gate import printable, printable_lines
from helpers.lean_import import import_tensorflow
from helpers.own_images.files import PictureError
from helpers.own_images.folders import inspect_pictures, predict_folder
from helpers.own_images.index import index_folder
from helpers.own_images.layouts import NoMasksError, find_layout
from helpers.own_images.manifest import foreground_from
from helpers.own_images.package import export_package
from helpers.own_images.pairs import load_pairs
from helpers.own_images.train_folder import read_settings, train_folder


def main(arguments=None) -> int:
    """Run the command line. The exit status is 0, or 1 if something could not be read or written."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.own_images", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect", help="print the table of what would be read; nothing is written")
    index = commands.add_parser("index", help="write a table of all pairs, with sets and fingerprints, to train from")
    for command in (inspect, index):
        command.add_argument("folder")
        command.add_argument("masks", nargs="?", help="folder of the masks, if they lie in another one")
        marked = 'nonzero, half, "above 127", numbers such as "1 3", a color such as "#ff0000"; labels for annotations'
        command.add_argument("--foreground", default="", help=marked)
    index.add_argument("--out", help="the new .csv file; without it, manifest.csv in the folder")
    index.add_argument("--seed", type=int, default=0, help="of the split into training, validation and test")
    index.add_argument("--sources", nargs=3, metavar=("TABLE", "NAMES", "SOURCES"), help="a CSV and two of its columns")
    index.add_argument("--skip-broken", action="store_true", help="leave out pairs that cannot be used")
    index.add_argument("--overwrite", action="store_true", help="replace a manifest that is there")
    train = commands.add_parser("train", help="train on labeled pictures, by the settings of notebook 06")
    train.add_argument("settings", help="a TOML file: names and values as in the settings cell")
    train.add_argument("out", nargs="?", help="a new folder; without it, the settings name it")
    predict = commands.add_parser("predict", help="write masks, overlays and a table of objects into a new folder")
    predict.add_argument("model", help="a .keras file that save_network wrote")
    predict.add_argument("folder")
    predict.add_argument("out")
    predict.add_argument("--pixel-size", type=float, help="side of a pixel, such as 0.65")
    predict.add_argument("--unit", help="of the pixel size, such as um")
    predict.add_argument("--min-area", type=int, help="smaller objects are left out, in pixels")
    split = argparse.BooleanOptionalAction
    predict.add_argument("--split", action=split, default=None, help="cut touching objects apart")
    predict.add_argument("--turned", action=split, default=None, help="mean of eight turned copies, eight times slower")
    export = commands.add_parser("export", help="write a package that Fiji, ilastik, QuPath and others are made for")
    export.add_argument("model", help="a .keras file that save_network wrote")
    export.add_argument("out", help="a new .zip file")
    export.add_argument("--picture", help="a picture to take the package's test from; without it one is drawn")
    export.add_argument("--author", help="your name")
    export.add_argument("--license", help="such as CC-BY-4.0")
    for command in (inspect, index, predict):
        named = "the channel to use, counted from 0, or red, green or blue"
        command.add_argument("--channel", type=lambda text: int(text) if text.isdigit() else text, help=named)
        command.add_argument("--value-range", type=float, nargs=2, metavar=("BLACK", "WHITE"))
    options = parser.parse_args(arguments)
    if options.command in ("train", "predict", "export"):
        import_tensorflow()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"Note: {message}", file=sys.stderr)
            return COMMANDS[options.command](options)
    except (PictureError, ImportError, OSError, ValueError) as error:
        print(printable_lines(error), file=sys.stderr)
        for name, typed in TYPED.items():
            if options.command in ("inspect", "index") and f"{name}=" in str(error):
                print(f"In the command line, {name}= is {typed}.", file=sys.stderr)
        return 1


def _inspect(options):
    try:
        layout = find_layout(options.folder, options.masks)
    except NoMasksError as error:
        print(f"No masks were found: {str(error).splitlines()[0]}\n")
        print(inspect_pictures(options.folder, options.value_range, options.channel))
        return 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the table holds them as notes
        reading = {"value_range": options.value_range, "channel": options.channel}
        if options.foreground and any(match.objects is not None for match in layout.matches):
            foreground = [label.strip() for label in options.foreground.split(",")]
            foreground = foreground[0] if len(foreground) == 1 else foreground
        else:
            foreground = foreground_from(options.foreground)
        pairs = load_pairs(options.folder, options.masks, foreground=foreground, **reading)
    print(pairs.table(rows=1000))
    return 0


def _index(options):
    names = ("out", "seed", "foreground", "value_range", "channel", "skip_broken", "overwrite")
    settings = {name: getattr(options, name) for name in names}
    path, notes = index_folder(options.folder, options.masks, source_table=options.sources, **settings)
    print(*(printable_lines(note) for note in notes), f"{printable(path)} is the manifest.", sep="\n")
    return 0


def _predict(options):
    names = ("channel", "value_range", "pixel_size", "unit", "min_area", "split", "turned")
    changes = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    found, problems = predict_folder(options.model, options.folder, options.out, **changes)
    print(f"{found} objects; masks, overlays and objects.csv are in {options.out}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _export(options):
    path = export_package(options.model, options.out, options.picture, options.author, options.license)
    print(f"{path} is a package in the format of bioimage.io, with ONNX weights and a test input.")
    return 0


def _train(options):
    settings = read_settings(options.settings)
    if not (out := options.out or settings["out"]):
        raise ValueError('no folder for the results is named. Name one after the settings, or in them: out = "mine"')
    file, scores = train_folder(settings, out)
    print("on the test pictures:", "; ".join(f"{name} {value:.3g}" for name, value in scores.items()))
    print(f"{file} holds the network with its card.")
    return 0


TYPED = {
    "foreground": '--foreground, such as --foreground "#ff0000", --foreground "1 3" or --foreground half',
    "value_range": "--value-range, such as --value-range 0 4095", "channel": "--channel, such as --channel 0",
}
COMMANDS = {"inspect": _inspect, "index": _index, "train": _train, "predict": _predict, "export": _export}


if __name__ == "__main__":
    sys.exit(main())
