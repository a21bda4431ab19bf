# `make` alone lists the targets. Everything happens in .venv; Debian packages that are missing are
# installed if you are root, and named if you are not.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TYPED := $(wildcard src tests examples tools bench)
RABBITMQ := /usr/lib/rabbitmq/bin/rabbitmq-server
BROKERS := 3.10 4.0 4.3
BUILT := build/.made
# Two processes share the tests, each with a RabbitMQ of its own: many tests wait for a broker.
PARALLEL := -n 2 --dist worksteal
# Tests of other processes, which are no different in pure Python.
APART := tests/bench tests/cli tests/examples tests/foreign tests/testing tests/kombu/test_celery.py
APART += tests/docs/test_console.py tests/docs/test_migration.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo build test test-brokers test-cluster check format docs screenshots surface
.PHONY: bench bench-broker bench-quick release clean on-each-version venv rabbitmq compiler

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: export BROKER ?= embedded
demo: venv $(if $(filter rabbitmq,$(BROKER)),$(if $(AMQP_URL),,rabbitmq))  ## send the standard library through a broker that restarts half-way
	@$(BIN)/python -m examples.demo

build: $(BUILT)  ## compile the hot path in place; `COOLAMQP_PURE=1` at run time does without

test: build  ## run the tests: compiled with RabbitMQ, then in pure Python with the embedded broker
	@broker=rabbitmq; \
	$(MAKE) --no-print-directory rabbitmq || { broker=embedded; \
	    echo 'There is no RabbitMQ: the tests run on the embedded broker alone' >&2; }; \
	BROKER=$$broker $(BIN)/pytest $(PARALLEL)
	BROKER=embedded COOLAMQP_PURE=1 $(BIN)/pytest $(PARALLEL) --cov --cov-report=term $(APART:%=--ignore=%)

test-brokers: SELECTED := -m 'integration and not cluster'
test-brokers: on-each-version  ## run the tests that need a broker on each version of RabbitMQ

test-cluster: SELECTED := -m integration tests/cluster
test-cluster: on-each-version  ## run the tests of a cluster of three nodes on each version; 15 minutes

# The roots with other versions are made, and run, by root only; pytest says so when it skips.
on-each-version: build rabbitmq
	@failed=; for version in $(BROKERS); do \
	    echo "--- RabbitMQ $$version"; \
	    { [ "$$(id -u)" -ne 0 ] || tools/rabbitmq_root $$version; } && \
	        RABBITMQ_VERSION=$$version $(BIN)/pytest $(SELECTED) || failed="$$failed $$version"; \
	done; \
	[ -z "$$failed" ] || { echo "Failed on RabbitMQ$$failed" >&2; exit 1; }

check: venv  ## formatting, lint, types and architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TYPED) setup.py
	$(BIN)/pytest --quiet tests/test_architecture.py

format: venv  ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

# Signatures are read from the source.
docs surface: export COOLAMQP_PURE = 1

docs: venv  ## draw the pictures and write the tables from the code, and build the documentation into site/
	$(BIN)/python -m tools.draw_architecture
	$(BIN)/python -m tools.write_states
	$(BIN)/python -m tools.draw_states
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

screenshots: docs  ## take pictures of the main pages, in light, dark and narrow, into .screenshots/
	@command -v chromium >/dev/null || tools/debian_package chromium
	$(BIN)/python -m tools.take_screenshots

surface: venv  ## list what programs may use in tests/public/surface.txt; look at the difference
	$(BIN)/python -m tools.list_surface
	@git --no-pager diff --stat tests/public/surface.txt

bench: build rabbitmq  ## measure all clients, in less than 10 minutes, and draw the plots
	$(BIN)/python -m bench --json .bench/report.json
	$(BIN)/python -m bench.plots .bench/report.json .bench/plots

bench-quick: build rabbitmq  ## measure the nearest peers at the main works, in a minute
	$(BIN)/python -m bench --quick

bench-broker: build rabbitmq  ## measure the embedded broker beside RabbitMQ, in half a minute
	$(BIN)/python -m bench.brokers

release: venv compiler  ## build sdist and wheels into dist/ twice, compare, check and try them
	@$(BIN)/python -m tools.release

clean:  ## remove all that the other targets have made
	rm -rf $(VENV) .bench .environments .rabbitmq build dist site .coverage .coverage.* coverage.json
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf src/*.egg-info
	find src -name '*.so' -delete
	find src tests examples tools bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

venv: $(VENV)/.made

$(VENV)/.made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'CoolAMQP needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tools/debian_package python3-venv
	$(PYTHON) -m venv $(VENV)
	COOLAMQP_PURE=1 $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Extension modules lie beside their sources, where an older one would hide a newer source.
$(BUILT): $(VENV)/.made setup.py $(shell find src -name '*.py') | compiler
	@rm -rf build; find src -name '*.so' -delete
	$(BIN)/python setup.py --quiet build_ext --inplace
	@touch $@

rabbitmq:
	@test -x $(RABBITMQ) || tools/debian_package rabbitmq-server

compiler:
	@command -v gcc >/dev/null || tools/debian_package gcc libc6-dev
	@$(PYTHON) -c 'import os, sysconfig as s; os.stat(s.get_path("include") + "/Python.h")' \
	    2>/dev/null || tools/debian_package python3-dev
