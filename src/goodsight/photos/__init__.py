"""Photos as pixels: the only decoder, and what is done with a photo before a network sees it."""

from goodsight.photos.decoder import decode, open_rgb, read, size, upright_size

__all__ = ["decode", "open_rgb", "read", "size", "upright_size"]
