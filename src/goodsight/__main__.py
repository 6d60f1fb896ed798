"""``python -m goodsight`` is the command line."""

from goodsight.cli.app import main

main()
