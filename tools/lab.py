"""Open the course in JupyterLab, and print the link to notebook 00 as the last line (make lab).

    python tools/lab.py                 further words are handed on to JupyterLab, such as --port=9000

Where there is no browser, the link is what you open yourself. A port that is taken is left alone: the next one serves.
"""

import json
import os
import signal
import subprocess
import sys
import time
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120  # for the server to answer on a slow machine


def first_notebook() -> str:
    """Return the path of notebook 00 inside the course."""
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))[0].relative_to(ROOT).as_posix()


def has_browser() -> bool:
    """Say whether there is a browser that shows pages, and a screen to show them on."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
        return True
    except webbrowser.Error:
        return False


def is_root() -> bool:
    """Say whether this is the administrator's account, as it is in most containers."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def ask_no_news(environment: Path, course: Path = ROOT) -> None:
    """Keep JupyterLab from covering the notebook with its question about news, in the environment that make has set up.

    A student's own environment, and one in which somebody has made such a choice already, are left as they are.
    """
    choices = environment / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    if environment.resolve() == (course / ".venv").resolve() and not choices.exists():
        choices.parent.mkdir(parents=True, exist_ok=True)
        choices.write_text(json.dumps({"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}) + "\n")


def command(arguments) -> list[str]:
    """Return the command that starts JupyterLab here."""
    start = [sys.executable, "-m", "jupyter", "lab", "--log-level=WARN",  # so that the link stays the last line
             f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{first_notebook()}"]
    if is_root():
        start.append("--allow-root")
    if not has_browser():
        start.append("--no-browser")
    return [*start, *arguments]


def link(process: int) -> str:
    """Return the address of notebook 00 once the server of this process answers, or nothing if it does not yet."""
    from jupyter_server.serverapp import list_running_servers

    for server in list_running_servers():
        if server["pid"] == process:
            return f"{server['url']}lab/tree/{first_notebook()}" + (f"?token={server['token']}" if server["token"] else "")
    return ""


def main(arguments=None) -> int:
    """Start JupyterLab, say where it is, and wait until it ends."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if is_root():
        print("You are root here, as in most containers. JupyterLab is started all the same (--allow-root): "
              "whoever has the link below can do anything on this machine.", flush=True)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # so that the server ends with this process
    ask_no_news(Path(sys.prefix))
    server = subprocess.Popen(command(arguments))
    try:
        end, address = time.monotonic() + SECONDS, ""
        while not address and server.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
            address = link(server.pid)
        if address:
            time.sleep(1)  # JupyterLab prints links of its own first
            print(f"\nThe course is open. Stop it with Ctrl+C. Notebook 00:\n{address}", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
