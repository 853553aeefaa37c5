# The two commands a newcomer needs: `make demo` and `make test`.

PYTHON ?= python3
BIN = .venv/bin
INSTALLED = .venv/.installed
# Which build of PyTorch: make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu; without it, pip's default.
TORCH_INDEX ?=
# Extras that tests get: EXTRAS=dev,trackers also runs those of Weights & Biases, MLflow and Trackio, EXTRAS=dev,trainers those of
# sentence-transformers and SetFit.
EXTRAS ?= dev
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-all install check oldest benchmark docs links clean

demo: .venv/.package  ## install the package and run the embedded study
	$(BIN)/seedproof demo --out out/demo

test: install  ## the tests, but for a few that take minutes: about 13 minutes on 2 cores
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long"

test-all: install  ## every test, as CI runs them: about 25 minutes on 2 cores
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: install  ## lint, types, import contracts and fast tests, under 3 minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

OLDEST_TORCH ?= 2.11.0
OLDEST = out/oldest/bin/python

oldest:  ## the fast tests on the oldest versions that are promised, in an environment of their own; takes TORCH_INDEX, PYTHON
	$(PYTHON) -m venv --clear out/oldest
	$(OLDEST) -m pip install --quiet torch==$(OLDEST_TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(OLDEST) -m pip install --quiet --constraint constraints-oldest.txt torch==$(OLDEST_TORCH) --editable ".[dev]"
	PATH="$(CURDIR)/out/oldest/bin:$$PATH" $(OLDEST) -m pytest -n 2 --dist worksteal -m "not slow and not newest" -W ignore::DeprecationWarning

install: $(INSTALLED)  ## the package and its development tools, in .venv

benchmark: install  ## the optimizer against PyTorch's
	$(BIN)/python benchmarks/optimizer.py

docs: .venv/.docs  ## the documentation as a site in out/site; a warning is an error, and nothing is loaded from elsewhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "open out/site/index.html, or with search: $(BIN)/python -m http.server --directory out/site"

links: install  ## whether the documentation's links to other sites lead somewhere; needs the internet
	$(BIN)/python -m tests.docs.outside

clean:
	rm -rf .venv out

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.package: pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) torch $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(INSTALL) --editable .
	touch $@

$(INSTALLED): .venv/.package
	$(INSTALL) --editable ".[$(EXTRAS)]"
	touch $@

.venv/.docs: .venv/.package
	$(INSTALL) --editable ".[docs]"
	touch $@
