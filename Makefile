# Everything a newcomer needs. Only relative paths: the project may lie on a path with spaces.
# `make help` lists the targets.

PYTHON3 ?= python3
KAFKA ?=
PYTHON := .venv/bin/python
STAMP := .venv/.claimwire
LOCKS := deploy/locks/build.txt deploy/locks/dev.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo up test check bench fuzz images-check generate lock clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: $(STAMP) ## install everything into .venv, from the locks

$(STAMP): $(LOCKS) pyproject.toml
	@deploy/local/install.sh "$(PYTHON3)" $(LOCKS)
	@touch $(STAMP)

demo: $(STAMP) ## a hospital's day through the whole line, checked to the cent
	@$(PYTHON) -m services.cli demo $(if $(KAFKA),--kafka $(KAFKA))

up: $(STAMP) ## the whole line until Ctrl-C; KAFKA=embedded|apache|apache3
	@$(PYTHON) -m services.cli up $(if $(KAFKA),--kafka $(KAFKA))

# The default broker: every test, held to the coverage floors. Another: those that use a broker.
test: $(STAMP) ## the tests; KAFKA=apache or apache3 for those that use a broker, against that one
ifneq ($(filter apache apache3,$(KAFKA)),)
	@$(PYTHON) -m pytest -m kafka --kafka=$(KAFKA)
else
	@$(PYTHON) -m coverage run -m pytest --coverage-floors
endif

check: $(STAMP) ## format, lint, types, architecture, generated files, images
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(PYTHON) -m deploy.generate --check
	@.venv/bin/hadolint deploy/Dockerfile

images-check: $(STAMP) ## the Dockerfile and the compose file, without an engine
	@.venv/bin/hadolint deploy/Dockerfile
	@$(PYTHON) -m pytest tests/contract -k "compose or image or dockerfile"

bench: $(STAMP) ## claims a second, beside what else there is; writes var/bench
	@$(PYTHON) -m tests.bench

fuzz: $(STAMP) ## the property tests with many more examples
	@HYPOTHESIS_PROFILE=fuzz $(PYTHON) -m pytest tests/unit tests/simulation --timeout=0

generate: $(STAMP) ## write the files that are generated from code
	@$(PYTHON) -m deploy.generate

# Locks hold for every platform and Python from 3.11 on, and name no index.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header
lock: ## bring the locks up to date with pyproject.toml (needs uv)
	@$(LOCK) pyproject.toml -o deploy/locks/runtime.txt
	@$(LOCK) pyproject.toml --all-extras -o deploy/locks/dev.txt
	@echo 'setuptools>=77' | $(LOCK) - -o deploy/locks/build.txt

clean: ## delete what runs and tools have left, not .venv
	@if test -x $(PYTHON); then $(PYTHON) -m deploy.local.clean; else rm -rf var; fi
	@rm -rf .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
