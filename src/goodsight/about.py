"""What this version of Goodsight is called; ``pyproject.toml`` reads it here."""

__version__ = "0.1.0"
