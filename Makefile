# Everything runs in .venv with the versions pinned in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data

.PHONY: setup demo test lint docs bench

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Goodsight needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	# torch first and by exact version: a range would pull several GB of CUDA packages on Linux.
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[train,hub,serve,collect,text,dev]'
	touch .venv/.ready

demo: setup
	$(BIN)/python examples/demo.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Side by side, a file at a time and with one thread each: what a file's tests share is made once.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

# The documentation as a site in site/, for a browser or a web server.
docs: setup
	$(BIN)/mkdocs build --strict

# The figures of docs/benchmarks.md, on the photos in DATA; takes about two hours.
bench: setup
	$(BIN)/python bench/run.py --data $(DATA)
