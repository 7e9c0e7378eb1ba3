# Two commands on a bare machine: `make demo` and `make test`. Each sets up all that it needs.

PYTHON_HERE := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help venv engine graphviz images demo test lint check-proto proto bench-startup bench-http clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

venv: ## Make .venv with the package and its tools
	@scripts/venv

engine: venv ## See to it that a container engine answers, installing Debian's where none does
	@scripts/engine

graphviz: # For flowcharts.
	@scripts/graphviz

images: engine ## Build the runtime image
	@scripts/images

demo: engine graphviz ## Run the example: a search service of several containers
	@$(PYTHON_HERE) examples/search/demo.py

test: lint engine images ## Lint, check types, and run all tests against a real engine
	@$(PYTHON_HERE) -m pytest -n 2 --dist loadfile

lint: venv check-proto ## Lint, check types and the arrows between the rooms
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

check-proto: venv
	@scripts/proto --check

proto: venv ## Generate Python from contract.proto
	@scripts/proto

bench-startup: images ## Time to ready for 1, 4 and 10 containers, beside the floor
	@$(PYTHON_HERE) benchmarks/startup.py

bench-http: images ## HTTP throughput beside a bare aiohttp server
	@command -v hey >/dev/null || scripts/debian-package hey
	@$(PYTHON_HERE) benchmarks/throughput.py

clean: ## Remove what building and testing leave in the checkout
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
