# The two commands that matter: `make run` and `make test`. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell scripts/find-python)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
DATA_DIR ?= .holdfast
# Processes that share the tests; each has its own PostgreSQL and its own platform. Three for two cores: tests of processes mostly wait.
TEST_WORKERS ?= 3
# A worker that has nothing left takes tests from the end of another's list; what a worker starts once serves all of its tests.
PARALLEL = -n $(TEST_WORKERS) --dist worksteal
EXAMPLES := examples/hello-world examples/notes examples/notes-python
# What the tests run from Debian: program, package, who needs it.
TEST_PACKAGES := \
	/usr/bin/chromium chromium "The browser tests" \
	/usr/bin/redis-server redis-server "The tests of the debug stream" \
	'/usr/lib/postgresql/*/bin/postgres' postgresql "The tests on PostgreSQL" \
	/usr/bin/zstd zstd "The tests of the published command line"

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMPS)/project $(STAMPS)/bytecode $(STAMPS)/toolchain ## Install everything into .venv and the data folder (quick when nothing changed)

$(STAMPS)/venv:
	@scripts/check-prerequisites "$(PYTHON)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/requirements: requirements.lock $(STAMPS)/venv
	@echo "Installing the Python dependencies ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/requirements
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Explicitly, because PYTHONDONTWRITEBYTECODE is set on many machines: every process would compile all that it imports, for a second or two.
$(STAMPS)/bytecode-of-dependencies: $(STAMPS)/requirements
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

$(STAMPS)/bytecode: $(shell find src/holdfast -name '*.py') $(STAMPS)/project $(STAMPS)/bytecode-of-dependencies
	@$(BIN)/python -m compileall -q src/holdfast
	@touch $@

$(STAMPS)/toolchain: $(wildcard src/holdfast/author/toolchain_package/**) $(STAMPS)/project
	@$(BIN)/python scripts/install-toolchain
	@touch $@

.PHONY: run
run: setup ## Start the platform with the examples installed; prints address and login
	@exec $(BIN)/holdfast up --data-dir "$(DATA_DIR)" $(EXAMPLES)

.PHONY: test
test: setup ## Install what the tests need, run every check and every test
	@scripts/ensure-debian-package $(TEST_PACKAGES)
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest $(PARALLEL)

.PHONY: test-long
test-long: export HOLDFAST_TEST_LONG = 1
test-long: test ## The same with long fuzzing and a thousand repetitions where one could fail: about an hour

.PHONY: quick
quick: lint ## Every check, and the tests that need no browser, PostgreSQL, processes or fuzzing: under 3 minutes
	@$(BIN)/pytest -q $(PARALLEL) -m "not (slow or postgres or browser or process or fuzz)"

.PHONY: lint
lint: setup ## Style, types, import rules, words, and the SDK's types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check-words
	$(BIN)/python scripts/typecheck-sdk

.PHONY: packages
packages: setup ## Try popular packages in components and compare their answers with those on a computer (needs the network)
	$(BIN)/python -m tests.packages.javascript_matrix
	$(BIN)/python -m tests.packages.python_matrix

.PHONY: coverage
coverage: setup ## Run every test and report which lines and branches they reach, in build/coverage
	@scripts/ensure-debian-package $(TEST_PACKAGES)
	@$(BIN)/pytest -q $(PARALLEL) --cov --cov-report=html --cov-report=term:skip-covered $(TESTS)

.PHONY: test-pythons
test-pythons: setup ## Run the quick tests on every other Python that is installed, or on PYTHONS="/path/to/python ..."
	@scripts/test-pythons $(PYTHONS)

.PHONY: dist
dist: setup ## Build the wheel into dist/, and try it in an empty environment, with downloads
	@rm -rf dist
	@$(BIN)/python -m hatchling build -t wheel
	@$(BIN)/python scripts/check-wheel dist/*.whl

.PHONY: docs
docs: setup ## Build the documentation site into build/site, offline and strictly
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

.PHONY: reference
reference: setup ## Write the generated pages of docs/ again: commands, settings, HTTP API, error codes, SDKs, decisions
	@$(BIN)/python scripts/reference-pages

.PHONY: screenshots
screenshots: setup ## Take the pictures of the documentation again, in a real browser
	@scripts/ensure-debian-package /usr/bin/chromium chromium "The screenshots"
	@HOLDFAST_SCREENSHOTS="$(CURDIR)/docs/images" $(BIN)/pytest -q tests/e2e/test_browser.py tests/dev/test_browser.py tests/dev/test_terminal.py

.PHONY: bench
bench: setup ## Measure against baselines of the same run; writes docs/performance.json and .md
	@scripts/ensure-debian-package /usr/bin/wrk wrk "The benchmarks of the runner"
	@$(BIN)/python -m bench --write > /dev/null
	@$(BIN)/python -m bench.page

.PHONY: clean
clean: ## Remove .venv and caches; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
