"""The container of both data files: xz around a line that names format and version, then data."""

import lzma

from edgewright.errors import BundleError

MAX_BYTES = 32 * 2**20
"""Largest content that is unpacked; the shipped files are below 4 MB."""


def unpack(name: str, data: bytes, format_line: str) -> bytes:
    """Return what follows the format line.

    Raises:
        BundleError: The data are no whole xz file of this format.
    """
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=128 * 2**20)
        content = decoder.decompress(data, MAX_BYTES)
    except lzma.LZMAError as error:
        raise BundleError(
            f"{name}: got no xz data ({error}), expected '{format_line}'; export the bundle again"
        ) from error
    if not decoder.eof or decoder.unused_data:
        raise BundleError(
            f"{name}: got xz data that are cut off, too large or followed by others, expected one "
            "whole stream; export the bundle again"
        )
    line, _, body = content.partition(b"\n")
    if line != format_line.encode():
        raise BundleError(
            f"{name}: got the format {line[:60]!r}, expected '{format_line}'; export the bundle "
            "again with this version of edgewright"
        )
    return body
