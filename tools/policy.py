"""A content-security policy for each page of the site: scripts come from the site's own files, and nothing else runs."""

import base64
import hashlib
import re
from pathlib import Path

# Styles may stand in a page, since Sphinx writes some there; they can run nothing.
RULES = {
    "default-src": "'self'", "script-src": "'self' 'wasm-unsafe-eval'", "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:", "base-uri": "'none'", "form-action": "'self'", "object-src": "'none'",
}
INLINE = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*\btype=\"(?:text/plain|application/)[^>]*)([^>]*)>(.*?)</script>", re.DOTALL)


def meta(**changed: str) -> str:
    """Return the policy as a line for a page's head. changed: other rules, such as `script_src="'none'"`."""
    rules = RULES | {name.replace("_", "-"): rule for name, rule in changed.items()}
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(f"{name} {rule}" for name, rule in rules.items())}">\n'


def close(html: Path) -> int:
    """Move each script that stands in a page into a file of the site, and put the policy first; returns the number of files.

    What many pages share, such as the theme's choice between light and dark, is one file. A page that has a policy of its
    own keeps it.
    """
    made: dict[str, str] = {}

    def moved(match: re.Match) -> str:
        text = match[2].strip() + "\n"
        name = made.setdefault(text, f"_static/inline-{hashlib.sha256(text.encode()).hexdigest()[:12]}.js")
        (html / name).write_text(text, encoding="utf-8")
        return f'<script{match[1]} src="{name}"></script>'

    for path in html.glob("*.html"):
        page = INLINE.sub(moved, path.read_text(encoding="utf-8"))
        if 'http-equiv="Content-Security-Policy"' not in page:
            page, found = re.subn(r'(<meta charset="utf-8" ?/?>\n?)', lambda m: m[1] + meta(), page, count=1)
            if not found:
                raise ValueError(f"{path.name} has no <meta charset>, after which the policy belongs")
        path.write_text(page, encoding="utf-8")
    return len(made)


def close_file(page: str) -> str:
    """Return a page that has all its parts in it, with a policy that lets only these very scripts run, named by their hash."""
    hashes = [base64.b64encode(hashlib.sha256(match[2].encode()).digest()).decode() for match in INLINE.finditer(page)]
    scripts = " ".join(f"'sha256-{one}'" for one in hashes)
    rules = meta(default_src="'none'", script_src=f"{scripts} 'wasm-unsafe-eval'", worker_src="blob:", style_src="'unsafe-inline'",
                 img_src="data: blob:", connect_src="data: blob:", form_action="'none'")
    return re.sub(r'(<meta charset="utf-8" ?/?>\n?)', lambda m: m[1] + rules, page, count=1)
