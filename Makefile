# Everything needs Python 3.11 or newer and nothing else: each target first installs what it uses into .venv.
.DEFAULT_GOAL := help
.PHONY: screenshot help demo test check bench bench-quick growth chaos soak format docs lock clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

help:
	@echo "make demo   see the bot at work in a minute, without any account"
	@echo "make test   run every test"
	@echo "make check  format, lint, types and every test, as CI does"
	@echo "make chaos  break everything around the bot, and count what was doubled or lost (CHAOS_N=1000)"
	@echo "make soak   ten minutes of 50 submissions a second: does memory or the number of open files grow?"
	@echo "make bench  how soon Slack hears back, beside other ways to write it (make bench-quick: under two minutes)"
	@echo "make growth  are claims, history and access as quick among a million rows?"
	@echo "make docs   write docs/causes.md, docs/doctor.md, docs/reference.md and manifest.yaml anew from the code"
	@echo "make screenshot  take the README's picture of the sandbox's page anew"
	@echo "make lock   raise the pinned dependencies"

.venv/run.stamp: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "This needs Python 3.11 or newer; name one with make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv ..."
	@$(PIP) install --require-hashes -r requirements/run.txt
	@PYTHONWARNINGS=ignore $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements/dev.txt
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: .venv/run.stamp
	@$(BIN)/python -m sandbox demo

test: .venv/dev.stamp
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

# CHAOS_N submissions on each database; CHAOS_DATABASE is sqlite, postgres or both. See docs/chaos.md.
chaos: .venv/dev.stamp
	@$(BIN)/python -m chaos $(if $(CHAOS_N),--number $(CHAOS_N)) $(if $(CHAOS_SEED),--seed $(CHAOS_SEED)) \
		$(if $(CHAOS_DATABASE),--database $(CHAOS_DATABASE)) $(if $(CHAOS_SECONDS),--seconds $(CHAOS_SECONDS))

# What is measured beside the bot has a place of its own, so that nothing of it gets between the bot and its versions.
.venv-bench/bench.stamp: requirements/bench.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements/bench.txt
	@touch $@

bench: .venv/dev.stamp .venv-bench/bench.stamp
	@$(BIN)/python -m bench

bench-quick: .venv/dev.stamp .venv-bench/bench.stamp
	@$(BIN)/python -m bench --quick

growth: .venv/dev.stamp
	@$(BIN)/python -m bench.growth

# SOAK_SECONDS and SOAK_RATE (submissions in a second), SOAK_DATABASE sqlite or postgres. See docs/soak.md.
soak: .venv/dev.stamp
	@$(BIN)/python -m chaos.soak $(if $(SOAK_SECONDS),--seconds $(SOAK_SECONDS)) $(if $(SOAK_RATE),--rate $(SOAK_RATE)) \
		$(if $(SOAK_DATABASE),--database $(SOAK_DATABASE))

format: .venv/dev.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/run.stamp
	@$(BIN)/mms-bot explain --table > docs/causes.md.new && mv docs/causes.md.new docs/causes.md
	@$(BIN)/python -c "from bot.doctor.report import page; print(page(), end='')" > docs/doctor.md.new && mv docs/doctor.md.new docs/doctor.md
	@$(BIN)/python -P ops/reference.py > docs/reference.md.new && mv docs/reference.md.new docs/reference.md
	@$(BIN)/mms-bot manifest > manifest.yaml.new && mv manifest.yaml.new manifest.yaml

# The lock files hold versions and hashes only: no index, no host.
LOCK := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --upgrade \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header
lock: .venv/dev.stamp
	$(LOCK) --output-file requirements/run.txt pyproject.toml requirements/build.in
	$(LOCK) --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt pyproject.toml requirements/build.in
	$(LOCK) --output-file requirements/bench.txt requirements/bench.in

# The picture at the top of the README, of the real page.
screenshot: .venv/dev.stamp
	@$(BIN)/python -P ops/screenshot.py docs/images/sandbox.png

clean:
	rm -rf .venv .venv-bench build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
