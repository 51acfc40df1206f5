# `make demo` and `make test` set up .venv first, from nothing but Python. CONTRIBUTING.md explains the others.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Versions that this commit was tested with; `make setup CONSTRAINTS=` takes the newest ones instead.
CONSTRAINTS ?= constraints.txt
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),-c $(CONSTRAINTS))

.PHONY: setup demo check test fuzz lint docs lowest web clean

setup: $(VENV)/.ready

demo: $(VENV)/.ready
	$(BIN)/liax demo

# What a change needs: lint, and the tests of what differs from main.
check: lint
	$(BIN)/python -m tools.check

# A process per core, four at most; each takes a whole file of tests at a time.
test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Mutated files and texts for so many minutes, other ones each day; what fails is kept in tests/fuzz/finds.
MINUTES ?= 30
fuzz: $(VENV)/.ready-dev
	$(BIN)/python tests/fuzz/many.py --minutes $(MINUTES) --seed $$(date +%Y%m%d)000000

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.ready-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# What the page of `liax web` runs on, out of npm's packages. Needs node and npm.
web:
	cd web && npm ci --silent --ignore-scripts --no-audit --no-fund
	node web/install.mjs

# From built wheels, in an environment of its own, with the lowest versions that pyproject.toml declares.
LOWEST := $(VENV)-lowest
lowest: $(VENV)/.ready-dev
	rm -rf dist $(LOWEST)
	$(BIN)/python -m hatchling build -t wheel -d $(CURDIR)/dist
	for name in small live; do \
	    (cd packages/liax-weights-$$name && $(CURDIR)/$(BIN)/python -m hatchling build -t wheel -d $(CURDIR)/dist) || exit 1; \
	done
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt torch
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-lowest.txt \
	    --find-links dist "$$(ls dist/liax-[0-9]*.whl)[weights]" pytest pytest-timeout hypothesis
	$(LOWEST)/bin/python -m pytest $(LOWEST_TESTS)

# A little of everything that users call.
LOWEST_TESTS := tests/test_liax.py tests/test_options.py tests/cli/test_main.py tests/weights/test_loading.py \
    tests/portrait/test_edit.py tests/portrait/test_retouch.py tests/media/test_video.py tests/media/test_images.py

clean:
	rm -rf $(VENV) $(LOWEST) site dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "liax needs Python 3.11 or newer; make PYTHON=python3.12 chooses another one")'
	$(PYTHON) -m venv $(VENV)

# torch first and alone: where only a build for CPUs is pinned, nothing later may replace it.
$(VENV)/.ready: $(BIN)/python pyproject.toml packages/liax-weights-small/pyproject.toml packages/liax-weights-live/pyproject.toml packages/liax-web-runtime/pyproject.toml constraints.txt
	@echo "Setting up $(VENV): PyTorch is large, this takes a few minutes the first time."
	$(INSTALL) torch
	$(INSTALL) -e . -e packages/liax-weights-small -e packages/liax-weights-live -e packages/liax-web-runtime
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(INSTALL) -e ".[dev]"
	touch $@
