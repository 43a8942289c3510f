# The front door: each human action is one target. `make help` lists them.

PORT ?= 8000
DATA_DIR ?= .mcai
# PYTEST_ARGS narrows a run, such as PYTEST_ARGS='tests/unit -k cache'.
PYTEST_ARGS ?=
PYTHON ?= python3
# One worker a core, two at the most: each starts servers of its own.
PYTEST_WORKERS ?= 2

# uv is taken from the machine, and else installed into .uv by pip.
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
export UV_PYTHON_DOWNLOADS ?= never
RUN := $(UV) run --frozen --all-packages --group dev

.DEFAULT_GOAL := help
.PHONY: help run test test-py313 fuzz check fmt protos docs gallery dashboards chaos-bank bench bench-bank bench-gateway bench-cache bench-tasks cache-dictionary compose-up compose-down clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(UV) ## start everything on http://127.0.0.1:8000 (PORT=, DATA_DIR=)
	@$(UV) sync --frozen --quiet --inexact
	@exec .venv/bin/mcai run --port $(PORT) --data-dir $(DATA_DIR)

test: $(UV) ## run the whole suite (PYTEST_ARGS= narrows it)
ifdef PYTEST_ARGS
	@$(RUN) pytest --numprocesses $(PYTEST_WORKERS) $(PYTEST_ARGS)
else
	@$(RUN) pytest --numprocesses $(PYTEST_WORKERS) -m "not docker"
	@# The containers want the machine for themselves.
	@$(RUN) pytest -m docker
endif

test-py313: ## run the suite on Python 3.13, in a container
	@git ls-files --cached --others --exclude-standard | tar --create --files-from=- \
	  | docker run --rm --interactive --env MCAI_REQUIRE --volume mcai-uv-cache:/root/.cache/uv \
	    $(if $(wildcard ../shared/data),--volume $(abspath ../shared/data):/shared/data:ro) python:3.13-slim sh -ec '\
	    mkdir /src && cd /src && tar --extract && pip install --quiet --root-user-action=ignore uv \
	    && UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never uv sync --quiet --frozen --all-packages --group dev \
	    && .venv/bin/pytest --quiet --numprocesses $(PYTEST_WORKERS) -m "not docker" --ignore tests/contract'

fuzz: $(UV) ## send 10,000 requests that must be refused (REQUESTS=, SEED=)
	@$(RUN) python -m tests.support.request_fuzz house $(or $(REQUESTS),10000) $(SEED)

chaos-bank: $(UV) ## kill the bank's replicas and PostgreSQL three times each under eight writers
	@$(RUN) pytest --numprocesses 0 tests/resilience/dataset/chaos.py

check: $(UV) ## lint, types, import rules, contracts, generated files
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy
	@$(RUN) lint-imports
	@$(RUN) buf lint protos
	@$(RUN) pytest -q tests/contract

fmt: $(UV) ## format the code and sort the imports
	@$(RUN) ruff check --fix-only --quiet
	@$(RUN) ruff format

protos: $(UV) ## generate the Python code of the contracts
	@$(RUN) python protos/generate.py

docs: $(UV) ## generate the README's configuration table and the commands of the routes
	@$(RUN) python docs/generate.py

dashboards: $(UV) ## generate Grafana's dashboards from deploy/grafana/panels.yml
	@$(RUN) python deploy/grafana/generate.py

gallery: $(UV) ## make docs/gallery.md: every style, mood and a sweep of frequencies, and the sound
	@$(RUN) python -m docs.gallery

bench: $(UV) ## measure the bank with 20,000 examples, and compare it with its goals (ROWS=)
	@$(RUN) python -m benchmarks.bank $(if $(STRICT),--strict) $(if $(ROWS),--rows $(ROWS))

bench-bank: $(UV) ## the same with 100,000 and with 1,000,000 examples
	@$(RUN) python -m benchmarks.bank $(if $(STRICT),--strict) --rows 100000 1000000

bench-gateway: $(UV) ## compare a cached answer's cost with FastAPI's and gRPC's (REQUESTS=)
	@$(RUN) python -m benchmarks.gateway $(if $(STRICT),--strict) $(if $(REQUESTS),--requests $(REQUESTS))

bench-tasks: $(UV) ## measure the queue against bare Celery, and chat beside heavy tasks (TASKS=)
	@$(RUN) python -m benchmarks.tasks $(if $(STRICT),--strict) $(if $(TASKS),--tasks $(TASKS))

bench-cache: $(UV) ## compare a cache hit with bare gRPC and its bytes with JSON's (PAIRS=)
	@$(RUN) python -m benchmarks.cache $(if $(STRICT),--strict) $(if $(PAIRS),--pairs $(PAIRS))

cache-dictionary: $(UV) ## train the dictionary that stored answers are compressed with
	@$(RUN) python -m benchmarks.cache.dictionary

compose-up: ## build the images and start the containers
	docker compose up --build --detach --wait

compose-down: ## stop the containers; their data stays
	docker compose down

clean: ## remove what was built; the data directory stays
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.uv/bin/uv:
	@echo "uv is not on this machine: installing it into .uv"
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet uv
