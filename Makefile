# crm360: everything a newcomer needs is one of these.
VENV := .venv
BIN := $(VENV)/bin
# A file of tests stays on one worker, which keeps what its tests share.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 3000
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export GX_ANALYTICS_ENABLED := false

.PHONY: help demo test dev check bench lock clean debian

help: ## show this help
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed ## invent a company, run everything on it, say what to open
	$(BIN)/crm360 demo

test: $(VENV)/installed-dev ## install what tests need and run them all
	$(PYTEST)

dev: $(VENV)/installed ## Dagster's UI on the same state, at http://127.0.0.1:3000
	$(BIN)/crm360 dev --host $(HOST) --port $(PORT)

check: $(VENV)/installed-dev ## linters and types, then the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/sqlfluff lint -q models
	cd dbt_project && ../$(BIN)/dbt parse --no-partial-parse --profiles-dir . \
		--warn-error-options '{"error": ["Deprecations"]}'
	$(PYTEST)

bench: $(VENV)/installed-dev ## ratios and peak memory, as tables and as JSON
	$(BIN)/python benchmarks/landing.py
	$(BIN)/python benchmarks/run.py
	$(BIN)/python -m benchmarks.contacts
	$(BIN)/python -m benchmarks.edges
	$(BIN)/python benchmarks/identity.py
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/gate.py
	$(BIN)/python -m benchmarks.mutants
	$(BIN)/python -m benchmarks.forecast
	$(BIN)/python -m benchmarks.kpis
	$(BIN)/python -m benchmarks.activation

lock: $(VENV)/installed-dev ## resolve the dependencies of pyproject.toml anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--extra build -o requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--extra build --extra dev -c requirements.lock -o requirements-dev.lock \
		pyproject.toml

debian: ## as root, on Debian: servers that tests start, and skip without
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql

clean: ## remove the environment and all state
	rm -rf $(VENV) var dbt_project/target

$(VENV)/pip: 
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "crm360 needs Python 3.11 to 3.13; found $$($(PYTHON) -V)."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: on Debian" \
		"and Ubuntu, apt-get install python3-venv."; exit 1; }
	@touch $@

$(VENV)/installed: $(VENV)/pip requirements.lock pyproject.toml
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock requirements-data.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements-data.lock
	@touch $@
