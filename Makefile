# `make` lists the targets. Everything happens in .venv, made from the committed lock files.

PYTHON ?= python3
BIN := .venv/bin
DEBIAN_PACKAGES := pcscd vsmartcard-vpcd libpcsclite-dev gcc python3-dev opensc opensc-pkcs11 openssl chromium chromium-l10n \
  nodejs openssh-server openssh-sftp-server openssh-client libpango-1.0-0 libpangoft2-1.0-0 fonts-dejavu-core
export UV_COMPILE_BYTECODE := 1
export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help audit lab card test unit notebooks lint types duckdb2 debian lock sbom fuzz bench clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

audit: .venv/installed ## audit the sample data and write reports/rapport.html
	@$(BIN)/rpps-audit audit sample_data || [ $$? -eq 1 ]
	@echo
	@echo "Ouvrir l'atelier : $(BIN)/rpps-audit lab"

lab: .venv/installed ## open the workbench in JupyterLab
	@$(BIN)/rpps-audit lab

card: .venv/installed ## add what a CPx card needs, at the pinned versions (libpcsclite-dev, gcc, python3-dev beforehand)
	@$(BIN)/uv pip install -q -c requirements-dev.lock --no-build-isolation-package rpps-audit -e '.[card]'
	@$(BIN)/rpps-audit doctor | sed -n '/carte CPx/,$$p'

test: .venv/installed-dev lint types unit notebooks duckdb2 ## install what tests need, then run tests, notebooks, lint and types

unit: .venv/installed-dev debian
	$(BIN)/python -m pytest

notebooks: .venv/installed-dev
	$(BIN)/python -m pytest -p no:cacheprovider -W default --nbval-lax --nbval-current-env --nbval-cell-timeout=120 notebooks

lint: .venv/installed-dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev ## mypy, strict
	$(BIN)/mypy

duckdb2: .venv/installed-dev ## smoke test on the next major version of DuckDB
	@test -x .venv-duckdb2/bin/python || $(BIN)/uv venv -q --python $(BIN)/python .venv-duckdb2
	@grep -v '^duckdb==' requirements.lock | sed '/^    --hash/d;s/ \\$$//' > .venv-duckdb2/constraints.txt
	@$(BIN)/uv pip install -q --python .venv-duckdb2/bin/python -c .venv-duckdb2/constraints.txt 'duckdb==2.0.0' pytest .
	.venv-duckdb2/bin/python -m pytest -p no:cacheprovider --noconftest -o addopts= tests/smoke

debian: ## install the Debian packages the card and browser tests need
	@missing=""; for p in $(DEBIAN_PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as=""; elif sudo -n true 2>/dev/null; then as="sudo -n"; else \
	  echo "Run first: sudo apt-get install -y --no-install-recommends$$missing"; exit 1; fi; \
	$$as apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive $$as apt-get install -yq --no-install-recommends $$missing >/dev/null

sbom: .venv/installed ## renew sbom.cdx.json (CycloneDX) and docs/licences.md from the lock file
	@$(BIN)/python .ci/sbom.py

fuzz: .venv/installed-dev ## 10 000 damaged files and 1 000 kill -9 (an hour); a seeded part of both runs with the tests
	RPPS_AUDIT_DAMAGED=10000 $(BIN)/python -m pytest tests/trust/test_damaged_files.py
	RPPS_AUDIT_KILLS=1000 $(BIN)/python -m pytest -k kills

bench: .venv/installed-dev ## the benchmarks of docs/performance.md (long)
	@test -x .venv-bench/bin/python || $(BIN)/uv venv -q --python $(BIN)/python .venv-bench
	@$(BIN)/uv pip install -q --python .venv-bench/bin/python -r requirements.lock pandas --group bench -e .
	$(BIN)/python -m benchmarks --contenders-python .venv-bench/bin/python

lock: .venv/uv ## renew the lock files from pyproject.toml
	$(BIN)/uv pip compile -q pyproject.toml $(LOCK_OPTIONS) --extra lab --group build -c requirements.in -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml $(LOCK_OPTIONS) --all-extras --group build --group test --group lint \
	  -c requirements.in -o requirements-dev.lock

clean: ## remove the environments and caches, never a store or a report
	rm -rf .venv .venv-duckdb2 .venv-bench .pytest_cache .ruff_cache .mypy_cache .hypothesis

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header

# A Debian Python without python3-venv has no ensurepip: the system's pip installs into the environment instead.
.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "rpps-audit demande Python 3.11 ou plus récent (ici : $$($(PYTHON) -V))."; exit 1; }
	@$(PYTHON) -m venv --without-pip .venv && touch $@

.venv/uv: .venv/python
	@grep -A200 '^uv==' requirements.lock | awk 'NR>1 && /^[a-z]/ {exit} {print}' > .venv/uv.txt
	@$(PYTHON) -m pip --python $(BIN)/python install -q --require-hashes -r .venv/uv.txt && touch $@

.venv/installed: requirements.lock pyproject.toml | .venv/uv
	@echo "Installation dans .venv (une minute environ)…"
	@$(BIN)/uv pip install -q -r requirements.lock
	@$(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-dev: requirements-dev.lock pyproject.toml | .venv/uv debian
	@$(BIN)/uv pip install -q -r requirements-dev.lock
	@$(BIN)/uv pip install -q --no-deps --no-build-isolation -e .
	@touch $@ .venv/installed
