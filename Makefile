# Everything runs in .venv with the versions pinned in constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= ../shared/data

.PHONY: setup demo test lint docs bench dist

setup: .venv/.ready

# The package as its user gets it, which is all that the demo takes.
.venv/.base: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Goodsight needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable .
	touch .venv/.base

.venv/.ready: .venv/.base
	# torch first and by exact version: a range would pull several GB of CUDA packages on Linux. Python compiles the few
	# modules that are imported itself; pip would compile all, which takes longer than to download them.
	$(BIN)/pip install --quiet --no-compile torch==2.13.0
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable '.[networks,hub,onnx,serve,collect,text,cluster,telemetry,dev]'
	touch .venv/.ready

demo: .venv/.base
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

# What is published, in dist/; the sources that go there must pass their own tests.
dist: setup
	rm -rf dist build/sdist && mkdir -p build/sdist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	tar -xzf dist/*.tar.gz -C build/sdist --strip-components 1
	cd build/sdist && OMP_NUM_THREADS=1 ../../$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

# The figures of docs/benchmarks.md, on the photos in DATA; takes about two hours.
bench: setup
	$(BIN)/python bench/run.py --data $(DATA)
