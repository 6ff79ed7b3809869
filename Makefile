# Everything here starts from Python (3.11 or later), make and git.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DOCS   := $(VENV)/.installed-docs
CONFIG ?= configs/primary.yaml
JOBS   ?= 2
BASE   ?= HEAD
REPORT := build/report
PLAIN  := not slow and not browser and not r

# The same pins for the build as for the run.
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install pool test check slow reference golden gallery docs site bench report wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "carmeta needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV), once: a minute or two"
	@$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

install: $(STAMP) ## create .venv with the pinned packages

pool: $(STAMP) ## the main job: pool CONFIG (configs/primary.yaml) into outputs/
	@$(BIN)/carmeta pool $(CONFIG)

test: $(STAMP) ## the plain test suite
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m "$(PLAIN)"

check: $(STAMP) ## style, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

slow: $(STAMP) ## the tests that take long, or need R or a browser
	@$(BIN)/python -m pytest -q -n $(JOBS) -m "slow or browser or r"

reference: ## reference numbers anew, from R
	@for script in tests/reference/generate_*.R; do \
	  name=$$(basename "$$script" .R); echo "$$name"; \
	  Rscript "$$script" "tests/reference/$${name#generate_}.json" || exit 1; \
	done

golden: $(STAMP) ## expected files of the tiny review anew
	@$(BIN)/python tests/golden/update.py

gallery: $(STAMP) ## docs/gallery anew
	@$(BIN)/python -m tests.figures.gallery

docs: $(STAMP) ## generated pages and JSON Schemas anew
	@$(BIN)/carmeta schema --write
	@$(BIN)/carmeta schema --write --studies examples/depression-after-mi/studies
	@$(BIN)/python docs/update.py

$(DOCS): $(STAMP)
	@$(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

# The variable silences an advertisement of the theme's authors.
site: $(DOCS) ## docs/ as a site, into build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(STAMP) ## measure
	@for script in bench/bench_*.py; do $(BIN)/python "$$script" || exit 1; done

report: $(STAMP) ## validate, pool, compare with the run of record at BASE, into build/report
	@.ci/report $(BIN)/carmeta "$(BASE)" $(REPORT)

wheel: $(STAMP) ## the wheel and the source distribution, into dist/
	@$(BIN)/python -m build --no-isolation --outdir dist

clean: ## remove .venv, build and caches
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
