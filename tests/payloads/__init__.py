"""Hostile and unlucky files, built small and harmless, and what is done with each: `PAYLOADS[kind][name](folder)`.

A builder writes its file into a new folder and returns a function; `trial.py` calls that function and measures it.
"""

import functools
import struct
import zlib

KINDS = {}
ZEROS = bytes(1_000_000)


@functools.cache
def packed_zeros(size: int = len(ZEROS)) -> bytes:
    """Return so many zeros as a piece of a deflated stream, which may stand in it as often as one likes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(size)) + packer.flush(zlib.Z_FULL_FLUSH)


def zlib_zeros(size: int) -> bytes:
    """Return zeros as `zlib.compress` packs them; a gigabyte is packed as quickly as a megabyte."""
    whole, rest = divmod(size, len(ZEROS))
    check = 1
    for _ in range(whole):
        check = zlib.adler32(ZEROS, check)
    check = zlib.adler32(bytes(rest), check)
    return b"\x78\xda" + packed_zeros() * whole + packed_zeros(rest) + b"\x03\0" + struct.pack(">I", check)


class _Packed:
    """What an archive packs with: each piece is a million zeros, and has been packed before."""

    def compress(self, piece):
        return packed_zeros(len(piece))

    def flush(self):
        return b"\x03\0"


def write_zeros(archive, name, size: int) -> None:
    """Write a member of so many zeros into a zip archive that deflates, whole megabytes at a time."""
    with archive.open(name, "w", force_zip64=size > 2_000_000_000) as member:
        member._compressor = _Packed()
        for start in range(0, size, len(ZEROS)):
            member.write(ZEROS[: size - start])


def payload(kind: str, reads: bool = False, needs: str | None = None):
    """Register a builder under a row of the table. reads: what it builds is unusual, and yet to be read rightly."""

    def register(build):
        KINDS.setdefault(kind, {})[build.__name__] = (build, reads, needs)
        return build

    return register


def load_all() -> dict:
    """Return all builders, by kind and name."""
    from payloads import files, networks  # noqa: F401

    return KINDS
