"""``python -m goodsight`` is the command line."""

from goodsight.cli import main

main()
