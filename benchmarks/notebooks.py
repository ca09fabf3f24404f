"""How long does each notebook run, and how much memory does its kernel take at its peak?

    python benchmarks/notebooks.py         measures all notebooks; writes notebooks.md, the README's map and the notebooks'
                                           own headers, so that all three say the same (Linux)
    python benchmarks/notebooks.py 01 02   measures and prints some
    python benchmarks/notebooks.py --map   measures nothing; writes the README's map, and that of notebook 00, from the headers
"""

import os
import re
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tools")]

import nbformat  # noqa: E402
import notebooks as tool  # noqa: E402
from nbclient import NotebookClient  # noqa: E402


def measure(path: Path) -> tuple[float, float]:
    """Run a notebook's cells in a fresh kernel; returns its minutes and the kernel's peak memory in GB."""
    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    peak = "import re; print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read()).group(1))"
    notebook.cells.append(nbformat.v4.new_code_cell(peak))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update(UNET_COURSE_RUNS=f"{scratch}/runs", UNET_COURSE_PROGRESS=f"{scratch}/progress")
        started = time.perf_counter()
        NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(path.parent)}}).execute()
        minutes = (time.perf_counter() - started) / 60
    return minutes, int(notebook.cells[-1].outputs[0].text) / 1e6


MAP = re.compile(r"(?<=<!-- map -->\n).*?(?=<!-- end of map -->)", re.DOTALL)


def in_words(minutes: float) -> str:
    """Return a time as the header of a notebook says it, such as "about two minutes"."""
    for most, words in ((0.2, "ten seconds"), (0.4, "twenty seconds"), (0.75, "half a minute"), (1.5, "a minute")):
        if minutes <= most:
            return f"about {words}"
    return f"about {dict(enumerate('two three four five six seven eight nine ten'.split(), 2)).get(round(minutes))} minutes"


def write_header(path: Path, minutes: float, gigabytes: float) -> None:
    """Write measured numbers into a notebook's header, in both halves of the pair."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"(cells themselves run in ).+?(?= on two CPU cores)", rf"\g<1>{in_words(minutes)}", text, count=1)
    text = re.sub(r"^# - [\d.]+ GB of memory", f"# - {gigabytes:.1f} GB of memory", text, count=1, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    tool.write(tool.pair(path), path)


def write_map() -> None:
    """Write the table of notebooks into the README from their headers: title, what happens, time, memory."""
    rows = ["| notebook | what happens there | the cells take | memory |", "| --- | --- | --- | --- |"]
    for path in tool.sources():
        text = nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells[0].source
        title = re.search(r"^# (.+)$", text, re.MULTILINE).group(1)
        does = " ".join(re.search(r"## What you'll do\n+(.+?)\n\n", text, re.DOTALL).group(1).split())
        takes = re.search(r"cells themselves run in (.+?) on two CPU cores", text).group(1)
        memory = re.search(r"^- ([\d.]+ GB) of memory", text, re.MULTILINE).group(1)
        rows.append(f"| {path.stem[:2]} [{title}](notebooks/{path.stem}.ipynb) | {does} | {takes} | {memory} |")
    readme = HERE.parent / "README.md"
    readme.write_text(MAP.sub(lambda _: "\n".join(rows) + "\n", readme.read_text(encoding="utf-8")), encoding="utf-8")


def times_of(path: Path) -> tuple[str, str]:
    """Return what a notebook's header says: the reader's time, and that of the cells alone."""
    head = nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells[0].source
    return re.search(r"^- About (.+?) of your time; the cells themselves run in (.+?) on two CPU cores", head, re.MULTILINE).groups()


def write_times() -> None:
    """Write the times of all headers into the map of notebook 00, the last two columns of its table."""
    start = tool.sources()[0]
    text = start.read_text(encoding="utf-8")
    for path in tool.sources():
        yours, alone = times_of(path)
        text = re.sub(rf"^(# \| \[?{path.stem[:2]} [^|]*\|[^|]*\|)[^|]*\|[^|]*\|$", rf"\g<1> {yours} | {alone} |", text, flags=re.MULTILINE)
    start.write_text(text, encoding="utf-8")
    tool.write(tool.pair(start), start)


def main(prefixes) -> None:
    """Measure, print, and write the table if all notebooks were measured."""
    lines = [
        "# Minutes and memory of each notebook", "",
        "Made by `python benchmarks/notebooks.py` on two CPU cores without a GPU. Memory is the kernel's peak.", "",
        "| notebook | minutes | GB |", "| --- | --- | --- |",
    ]
    print(*lines[-2:], sep="\n")
    measured = {}
    for path in tool.sources(prefixes):
        minutes, gigabytes = measured[path.stem] = measure(path)
        lines.append(f"| {path.stem} | {minutes:.1f} | {gigabytes:.2f} |")
        print(lines[-1], flush=True)
    if not prefixes:
        (HERE / "notebooks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for path in tool.sources():
            write_header(path, *measured[path.stem])
        write_map()
        write_times()


if __name__ == "__main__":
    if sys.argv[1:] == ["--map"]:
        write_map()
        write_times()
    else:
        main(sys.argv[1:])
