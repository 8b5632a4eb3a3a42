# Everything a newcomer, a developer and CI run. Needs python3 >= 3.11 with venv, and make; no compiler.
#   make PYTHON=python3.13 …   another interpreter (after `make clean`, which removes the old .venv)
#   make up ARGS='--no-mdns'   options for the program that is started
#   make bench PEERS_DIR=…     where other systems are installed, if not in .venv/peers

PYTHON ?= python3
JOBS ?= 2
ARGS ?=
PEERS_DIR ?= $(CURDIR)/.venv/peers

VENV := .venv
BIN := $(VENV)/bin
LOCKS := requirements/build.txt requirements/runtime.txt requirements/dev.txt
SOURCES := pyproject.toml README.md LICENSE $(shell find p2plearn cli -name __pycache__ -prune -o -print)

# Our list is complete and each file's hash is in it, so pip resolves nothing and fetches nothing else. Two libraries
# come as (pure Python) sources: --no-build-isolation builds them with the setuptools of requirements/build.txt.
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
LOCKED := install --no-deps --require-hashes --no-build-isolation --use-pep517
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
	--no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup up demo test lint format type cover crash fuzz attack bench peers wheel lock clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

setup: $(VENV)/.program ## make .venv: the locked packages, and our wheel as .venv/bin/p2plearn
	@if [ "$(MAKECMDGOALS)" = setup ]; then echo "Done. Next: $(BIN)/p2plearn init --name NAME, then $(BIN)/p2plearn up"; fi

up: setup ## set up, and run a node in the foreground
	@$(BIN)/p2plearn up $(ARGS)

demo: setup ## a café of four nodes, one of which comes late
	@$(BIN)/python -m tests.demo $(ARGS)

test: setup ## all checks: lint, format, types, tests, coverage (what CI runs)
	@$(MAKE) --no-print-directory lint type
	@$(BIN)/pytest -n $(JOBS) --dist worksteal --cov --cov-report=
	@$(MAKE) --no-print-directory cover

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup ## let ruff format and mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

type: setup ## mypy --strict
	@$(BIN)/mypy

cover: setup ## what the last test run covered; what peers agree on and what records mean must be covered in full
	@$(BIN)/coverage report --include='p2plearn/protocol/*,p2plearn/learning/*' --fail-under=100

wheel: setup ## build dist/*.whl
	@$(BIN)/python -m hatchling build -t wheel

lock: $(VENV)/.with-lock ## compile requirements/*.txt anew from pyproject.toml
	@$(COMPILE) --upgrade --group build -o requirements/build.txt
	@$(COMPILE) --upgrade pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) --upgrade --group dev -c requirements/build.txt -c requirements/runtime.txt -o requirements/dev.txt
	@$(COMPILE) --upgrade --group fuzz -o requirements/fuzz.txt
	@$(COMPILE) --upgrade --group lock -o requirements/lock.txt

clean: ## remove everything that was made here; nodes' homes are elsewhere and stay
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the long jobs, in full -------------------------------------------------------------------------------------------

crash: setup ## kill -9 at 200 random moments of writing, and of nodes in the flow; cables pulled
	@P2PLEARN_FULL=1 $(BIN)/pytest $(wildcard tests/crash) tests/e2e -rA $(ARGS)

attack: setup ## every attack of docs/attacks.md against a running node
	@P2PLEARN_FULL=1 $(BIN)/pytest tests/attacks -rA $(ARGS)

fuzz: setup $(VENV)/.with-fuzz ## every decoder: 100,000 inputs, and a coverage-guided run
	@P2PLEARN_FULL=1 $(BIN)/pytest tests/fuzz -rA $(ARGS)

bench: setup ## measure; ARGS='sync --n 100000 --peers', see docs/performance.md
	@PEERS_DIR='$(PEERS_DIR)' $(BIN)/python -m bench $(or $(ARGS),sync)

peers: setup ## install the systems we are measured beside, in .venv/peers: needs npm
	@bench/peers/setup.sh '$(PEERS_DIR)'

# --- stamps: a step is done again only when something it is made from changed ------------------------------------------

$(VENV)/.packages: $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "p2plearn needs Python 3.11 or later; this is " + sys.version.split()[0])'
	@echo "Installing the locked packages into $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) $(LOCKED) -r requirements/build.txt
	@$(PIP) $(LOCKED) -r requirements/runtime.txt -r requirements/dev.txt
	@touch $@

$(VENV)/.program: $(VENV)/.packages $(SOURCES)
	@echo "Installing p2plearn into $(VENV) …"
	@$(PIP) install --no-deps --no-index --no-build-isolation --force-reinstall .
	@touch $@

$(VENV)/.with-%: $(VENV)/.packages requirements/%.txt
	@$(PIP) $(LOCKED) -r requirements/$*.txt
	@touch $@
