"""The processor that something was measured on, in words."""

import os
from pathlib import Path

KINDS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_tile")


def processor() -> str:
    """Return the number of cores and their vector instructions, which decide how TensorFlow computes; Linux tells them."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    flags = set(next((line for line in lines if line.startswith("flags")), "").split())
    return f"{os.cpu_count()} CPU cores with {', '.join(kind for kind in KINDS if kind in flags) or 'none of the usual vector instructions'}"
