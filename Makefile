# Everything runs in .venv, which is made here from Python ≥ 3.11 and the locked requirements.
# Stamps remember what is done; they carry the place, so a moved checkout is set up anew.

# Every process of the demo and the tests would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

PORT ?= 8000
# One more than cores: some tests wait for processes that they started, a fourth only gets in the way.
JOBS ?= 3

PLACE := $(shell pwd | cksum | cut -d ' ' -f 1)
STAMPS := .venv/stamps-$(PLACE)
PYTHON_HERE := .venv/bin/python
VENDOR := marketplace/web/static/vendor
SET_UP := sh scripts/set_up.sh

# A Python that was upgraded or removed leaves a dead link behind.
ifneq ($(shell $(PYTHON_HERE) -c 'print("alive")' 2>/dev/null),alive)
$(shell rm -rf .venv/stamps-*)
endif

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test test-fast check lint format types ranks rules bench pictures wheel lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMPS)/project $(VENDOR)/htmx.min.js ## 演示：打开一个县的演示站点 (PORT=8000) / serve the demo county
	@.venv/bin/marketplace demo --port $(PORT)

demo-reset: $(STAMPS)/project $(VENDOR)/htmx.min.js ## 清空演示数据，重新开始 / as demo, from fresh data
	@.venv/bin/marketplace demo --reset --port $(PORT)

test: $(STAMPS)/dev $(VENDOR)/htmx.min.js ## All tests, on SQLite and PostgreSQL and in a real browser
	@$(SET_UP) debian
	@$(PYTHON_HERE) -m pytest -n $(JOBS) --dist worksteal

test-fast: $(STAMPS)/dev $(VENDOR)/htmx.min.js ## All tests but those in a browser
	@$(PYTHON_HERE) -m pytest -n $(JOBS) --dist worksteal -m "not browser"

check: lint format types ranks rules ## Lint, format, types, import ranks, templates, migrations: seconds each

lint: $(STAMPS)/dev
	@$(PYTHON_HERE) -m ruff check .

format: $(STAMPS)/dev
	@$(PYTHON_HERE) -m ruff format --check .

types: $(STAMPS)/dev
	@$(PYTHON_HERE) -m mypy

ranks: $(STAMPS)/dev
	@.venv/bin/lint-imports --no-logo

rules: $(STAMPS)/dev
	@$(PYTHON_HERE) -m pytest -q --no-header tests/tooling/rules

bench: $(STAMPS)/dev $(VENDOR)/htmx.min.js ## Measure, as ratios to limits measured in the same run
	@$(PYTHON_HERE) -m bench

pictures: $(STAMPS)/dev ## Take the README's pictures from a demo that runs (PORT=8000)
	@$(SET_UP) debian
	@$(PYTHON_HERE) scripts/pictures.py http://127.0.0.1:$(PORT)

wheel: $(STAMPS)/project $(VENDOR)/htmx.min.js ## Build the wheel into dist/
	@$(PYTHON_HERE) -m hatchling build --target wheel

lock: $(STAMPS)/environment ## Renew the lock files (UPGRADE=1: with newer versions)
	@UPGRADE=$(UPGRADE) sh scripts/lock.sh
	@$(SET_UP) npm install --package-lock-only

$(STAMPS)/environment: requirements/installer.txt
	@$(SET_UP) environment
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: $(STAMPS)/environment requirements/runtime.txt
	@$(SET_UP) packages requirements/runtime.txt
	@touch $@

$(STAMPS)/build: $(STAMPS)/environment requirements/build.txt
	@$(SET_UP) packages requirements/build.txt
	@touch $@

$(STAMPS)/project: $(STAMPS)/runtime $(STAMPS)/build pyproject.toml
	@$(SET_UP) project
	@touch $@

$(STAMPS)/dev: $(STAMPS)/project requirements/dev.txt
	@$(SET_UP) packages requirements/dev.txt
	@touch $@

$(VENDOR)/htmx.min.js: $(STAMPS)/environment package-lock.json
	@$(SET_UP) npm ci
	@mkdir -p $(VENDOR)
	@cp node_modules/@embedpdf/fonts-sc/fonts/NotoSansHans-Regular.otf $(VENDOR)/
	@cp node_modules/htmx.org/dist/htmx.min.js $(VENDOR)/
	@touch $@
