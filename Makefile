# The portal's commands. `make run` and `make test` need Python 3.11 or newer and make, no more.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test bench check lint types demo lock

# The first of these that is there and new enough makes the environment.
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
VENV := .venv
PYTHON := $(VENV)/bin/python
PORT ?= 8000

# $(call installed,LOCK): LOCK is installed in $(VENV). A copy of what was installed lies in the
# environment, so that an unchanged lock costs one comparison.
define installed
	@test -x $(PYTHON) || { \
		for python in $(PYTHONS); do \
			$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
			python=; \
		done; \
		test -n "$$python" || { echo "Python 3.11 or newer is needed."; exit 1; }; \
		echo "Making $(VENV) with $$python"; \
		$$python -m venv $(VENV) || { rm -rf $(VENV); \
			echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }; \
	}
	@cmp -s $(1) $(VENV)/$(1) || { \
		echo "Installing $(1)"; \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(1) \
		&& cp $(1) $(VENV)/$(1); \
	}
endef

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run:  ## start the portal on this machine (PORT=8000); the first start loads the data
	$(call installed,requirements.lock)
	@$(PYTHON) manage.py serve --port $(PORT)

test:  ## all tests, on SQLite and on PostgreSQL (ARGS="-k word" goes to pytest)
	$(call installed,requirements-dev.lock)
	@$(PYTHON) -m tests.run $(ARGS)

bench:  ## the portal against its references at N records (N=1000000); JSON to var/bench.json
	$(call installed,requirements-dev.lock)
	@$(PYTHON) -m tests.benchmarks $(or $(N),1000000)

check: lint types test  ## all that must hold before a commit goes in; CI runs it

lint:  ## format, style, templates, layers, migrations, deploy settings
	$(call installed,requirements-dev.lock)
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/djlint --lint --quiet templates
	@$(VENV)/bin/lint-imports
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@env -u DEBUG -u DATABASE_URL -u REDIS_URL ALLOWED_HOSTS=portal.example.org \
		SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(48))') \
		$(PYTHON) manage.py check --deploy --fail-level WARNING

types:  ## the types, strictly
	$(call installed,requirements-dev.lock)
	@$(VENV)/bin/mypy

demo:  ## load the real records and the demo activity once more, and compile
	$(call installed,requirements.lock)
	@$(PYTHON) manage.py serve --prepare-only --reload

lock:  ## pin the dependencies of pyproject.toml anew (needs uv)
	@command -v uv >/dev/null || { \
		echo "uv is needed to make the locks: python3 -m pip install uv"; exit 1; }
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--constraint requirements.lock --group dev pyproject.toml -o requirements-dev.lock
