# `make` alone prints what there is. Everything is installed into .venv and node_modules, nothing outside the checkout.
PYTHON ?= python3
BENCH_PYTHON ?= $(firstword $(wildcard /usr/bin/python3) $(PYTHON))
BIN := .venv/bin
PEERS := benchmarks/express/node_modules
PLUGINS := $(patsubst %/pyproject.toml,./%,$(wildcard plugins/*/pyproject.toml))
# A group of tests stays in one process: what is started for the group is started once.
PARALLEL := -n 2 --dist loadgroup
# What docs/figures.md says of this target: how many tests, and how long they take.
figure = sed -n 's/^| `make $(1)`[^|]*| \([^|]*[^ |]\) *|.*/make $(1): \1/p' docs/figures.md
NODE := tests/node/node_modules tests/system/browser/node_modules tests/system/identity/node_modules

.DEFAULT_GOAL := help
.PHONY: help run plugins quick test lint types check docs reference screenshots dist pyz matrix proofs proofs-disturbance bench profile instructions image clean

help: ## Print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

run: .venv/run .env ## Serve config.yaml on 127.0.0.1:8080
	@echo "Demo credentials are in .env: paste your own App ID and certificate there to issue tokens for your project."
	@$(BIN)/tokend serve --config config.yaml

plugins: .venv/plugins ## Install the plug-ins of plugins/ into .venv: `tokend plugins` lists them

quick: .venv/dev ## Run the tests that need no process, browser or container: tests/unit
	@$(call figure,quick)
	$(BIN)/python -m pytest tests/unit $(PARALLEL)

test: .venv/dev $(NODE) ## Run all tests: in parallel, then one by one those that need the machine to themselves
	@$(call figure,test)
	$(BIN)/python -m pytest $(PARALLEL) -m "not serial"
	$(BIN)/python -m pytest -m serial

lint: .venv/dev ## Look for mistakes and for imports that go upward
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: .venv/dev ## Check the types, strictly
	$(BIN)/mypy

check: lint types test ## Run lint, types and test: all must pass before a change is merged

docs: .venv/docs ## Build the documentation site into build/site; a dead link fails
	NO_MKDOCS_2_WARNING=1 .venv/docs/bin/mkdocs build --strict --quiet

reference: .venv/dev ## Write the pages of docs/reference that come from the code
	$(BIN)/python -m docs.site.reference

screenshots: .venv/dev ## Take the pictures of the console in docs/pictures; needs chromium
	$(BIN)/python -m tests.system.console.screenshots

dist: ## Build the source distribution and the wheel into dist/, and check both
	@PYTHON=$(PYTHON) bash tests/dist.sh

pyz: ## Build all of tokend as a single file, dist/tokend.pyz, and its list of packages (an SBOM in CycloneDX)
	@PYTHON=$(PYTHON) bash tests/pyz.sh

matrix: ## Run the unit tests with Python 3.11 to 3.14, those that are installed (OPTIONS="-x")
	@bash tests/matrix.sh $(OPTIONS)

proofs: .venv/proofs $(NODE) ## Check the promises at full size, some four hours, and write docs/figures.md; some of them: make proofs NAMES="p1 p7"
	$(BIN)/python -m tests.long $(NAMES) --write

proofs-disturbance: .venv/dev ## Check only the promises under disturbance: kills, reloads, restarts, hostile and slow clients
	$(BIN)/python -m tests.long p7 p8 p9 p10 p11 p12 p13 p24 p25 p26 --write

bench: .venv/bench $(PEERS) tests/node/node_modules ## Measure tokend beside its peers, 15 minutes: docs/performance.md (OPTIONS="--go CMD")
	@.venv/bench/bin/python -m benchmarks $(OPTIONS)

instructions: .venv/dev ## Count the instructions of a request by valgrind, and write them down: benchmarks/instructions.json
	@$(BIN)/python -m benchmarks.instructions --write

profile: .venv/dev .venv/bench ## Measure where a request's time goes: docs/performance.md (OPTIONS="key --seconds 20")
	@PATH="$(CURDIR)/$(BIN):$$PATH" .venv/bench/bin/python -m benchmarks.profile $(OPTIONS)

image: ## Build the container image `tokend`, with labels and its list of packages (an SBOM in CycloneDX)
	docker build $$(bash tests/labels.sh | sed 's/^/--build-arg /') -t tokend .

clean: ## Remove what was installed and built; .env stays
	rm -rf .venv $(NODE) $(PEERS) build dist *.egg-info .mypy_cache .ruff_cache .hypothesis

.venv/run: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tokend needs Python 3.11 or newer: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/plugins: .venv/run $(addsuffix /pyproject.toml,$(PLUGINS))
	$(if $(PLUGINS),$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(addprefix -e ,$(PLUGINS)))
	@touch $@

.venv/dev: .venv/plugins requirements-dev.txt requirements-vendors.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt -r requirements-vendors.txt
	@touch $@

.venv/proofs: .venv/dev requirements-proofs.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-proofs.txt
	@touch $@

# The benchmarks run on the system's Python where it has one: other builds of the same version take up to a fifth more time.
.venv/bench: requirements.txt pyproject.toml
	$(BENCH_PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	$@/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

# An environment of its own: the site's packages are no part of the product or of its tests.
.venv/docs: requirements-docs.txt
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@

# The vendor's own token builders and clients, and a real identity provider, which the tests hold ours against; the
# benchmarks' peer in Express.
# They are not part of the product.
$(NODE) $(PEERS): %/node_modules: %/package.json
	@if command -v npm >/dev/null; then \
		npm install --prefix $* --loglevel=error --no-update-notifier --no-audit --no-fund --no-package-lock && touch $@; \
	else \
		echo "There is no npm here: what needs $* is left out."; \
	fi

.env:
	@umask 077; { \
		echo "# Written once by make run. Put your own App ID and certificate here, from https://console.agora.io"; \
		echo "DEMO_APP_ID=970CA35de60c44645bbae8a215061b33"; \
		echo "DEMO_APP_CERTIFICATE=$$($(PYTHON) -c 'import secrets; print(secrets.token_hex(16))')"; \
	} > .env
