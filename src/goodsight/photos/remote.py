"""The bytes behind an address, by fsspec: only for addresses that a Python caller gives, never for a request's."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from goodsight.errors import GoodsightError
from goodsight.photos.limits import BadPhoto, Limits, check_bytes


def require() -> None:
    """Refuse addresses where nothing can read them.

    Raises:
        GoodsightError: fsspec is not installed; the message says what to install.

    """
    if not find_spec("fsspec"):
        raise GoodsightError("to read addresses, install the extra remote: pip install 'goodsight[remote]'")


def read(address: str, limits: Limits) -> bytes:
    """The bytes behind an address; no more of them are read than the limits allow.

    Raises:
        BadPhoto: "empty", "too large" or "unreadable".
        GoodsightError: what reads such addresses is not installed.

    """
    try:
        with import_module("fsspec").open(address, "rb") as stream:
            data = bytearray()
            # Some streams give less than was asked for.
            while len(data) <= limits.max_bytes and (piece := stream.read(limits.max_bytes + 1 - len(data))):
                data += piece
    except ImportError as error:
        raise GoodsightError(f"{address.partition('://')[0]}://...: {error}") from error
    except Exception as error:  # every file system has its own errors, and a photo out of reach is only a bad one
        raise BadPhoto("unreadable", type(error).__name__) from error
    check_bytes(len(data), limits)
    return bytes(data)
