# Every target works on a fresh clone: what it needs is set up first.
.DEFAULT_GOAL := help
PYTHON ?= python3
STACK = PYTHONPATH=stack $(PYTHON) -m medley_stack
TESTS = MEDLEY_INSTANCE=test $(STACK)
VENV = .medley/venv/bin
PYTEST = pytest --numprocesses auto --maxprocesses 4
TYPESCRIPT = --config supabase/functions/deno.json supabase/functions tests/functions stack/api/functions_main.ts

.PHONY: help up down reset status demo test check bench accuracy accuracy-setlists accuracy-timeline migrations lint format lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## set up and start the stack: database, API, migrations; writes .medley/env
	@$(STACK) up

down: ## stop the stack, keep its data
	@$(STACK) down

reset: ## an empty database with all migrations
	@$(STACK) reset

status: ## what runs where
	@$(STACK) status

demo: up ## load data, build the taxonomy, show feeds: the main job end to end
	@$(STACK) exec medley demo

test: ## everything: linters and all tests, on a stack of its own
	@$(TESTS) reset
	@$(TESTS) learning
	@$(MAKE) --no-print-directory lint
	@$(TESTS) exec $(PYTEST) tests; status=$$?; $(TESTS) down 2>/dev/null; exit $$status

check: ## linters and gates: drift, privileges, advisors, contracts
	@$(TESTS) reset
	@$(MAKE) --no-print-directory lint
	@$(TESTS) exec $(PYTEST) tests/gates; status=$$?; $(TESTS) down 2>/dev/null; exit $$status

bench: up ## performance against references; prints tables and draws plots
	@$(STACK) exec python -m bench

accuracy: up ## how good recommendations are, beside tuned peers; ARGUMENTS="--help"
	@$(STACK) peers
	@$(STACK) exec python -m tests.accuracy $(ARGUMENTS)

accuracy-setlists: up ## how good predicted setlists are, beside simple guesses; ARGUMENTS="--data DIR"
	@$(STACK) exec python -m tests.accuracy.setlists $(ARGUMENTS)

accuracy-timeline: up ## what a trained model adds to the home timeline; ARGUMENTS="--help"
	@$(STACK) learning
	@$(STACK) exec python -m tests.accuracy.timeline $(ARGUMENTS)

migrations: ## write supabase/migrations from sql/
	@$(STACK) migrations

lint: ## format, lint and types, without a database
	@$(TESTS) exec ruff format --check .
	@$(TESTS) exec ruff check .
	@$(TESTS) exec mypy
	@$(TESTS) exec sqlfluff lint --disable-progress-bar sql
	@$(TESTS) exec deno fmt --quiet --check $(TYPESCRIPT)
	@$(TESTS) exec deno lint --quiet $(TYPESCRIPT)
	@$(TESTS) exec deno check --quiet $(TYPESCRIPT)

format: ## format Python, SQL and TypeScript
	@$(TESTS) exec ruff format .
	@$(TESTS) exec ruff check --fix .
	@$(TESTS) exec sqlfluff fix --disable-progress-bar sql
	@$(TESTS) exec deno fmt --quiet $(TYPESCRIPT)

lock: ## pin the newest versions in requirements/*.txt and stack/package-lock.json
	@$(STACK) lock
