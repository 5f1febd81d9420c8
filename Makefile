# Every target is one command of CMake or of scripts/; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help deps build demo check check-fast check-cluster check-distributions check-fuzz bench \
	format docs drawings pictures deb wheel release clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 28

deps: ## install what is missing (Debian, Ubuntu; asks sudo when not root)
	@scripts/deps
	@scripts/linters >/dev/null
	@scripts/python-tools site >/dev/null

build: ## build everything, optimised, into build/release
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release

demo: ## boot four machines that ping each other
	@scripts/deps
	@cmake --preset release --log-level=WARNING
	@cmake --build --preset release --target charioteer
	@build/release/bin/charioteer run examples/ping
	@echo "The programs are in build/release/bin; docs/tutorial.md goes on from here."

# Debian's Go of backports where there is none.
with-go = scripts/deps $$(command -v go /usr/local/go/bin/go | head -n 1 | grep -q . || echo golang-go)

check: ## everything that continuous integration checks
	@$(with-go)
	@scripts/linters >/dev/null
	@scripts/python-tools site >/dev/null
	@scripts/check

check-fast: ## the same without virtual machines, sanitizers and clang-tidy
	@scripts/check --fast

check-cluster: ## the cluster with Headscale: four machines, programs built from Go modules
	@$(with-go)
	@scripts/check --cluster

check-distributions: ## build and run the unit tests in Debian trixie and sid; takes root
	@scripts/deps
	@scripts/check-distributions $(RELEASES)

check-fuzz: ## fuzz every decoder for five minutes, with other changes each day
	@scripts/deps
	@cmake --preset fuzz --log-level=WARNING
	@cmake --build --preset fuzz
	@CHARIOTEER_FUZZ_SECONDS=300 CHARIOTEER_FUZZ_RUNS=-1 CHARIOTEER_FUZZ_NUMBER=$$(date +%Y%m%d) \
		ctest --preset fuzz --parallel $$(nproc) --timeout 600

bench: build ## measure against the baselines, into build/bench.json
	@PYTHONPATH=build/release/python:tests /usr/bin/python3 tests/bench/run.py --output build/bench.json

format: ## format C++ and Python in place
	@scripts/format

docs: ## make the documentation site, in build/site
	@scripts/make-site

pictures: build ## make the pictures of the README again: of a run in a terminal, and of its page
	@PYTHONPATH=build/release/python:tests scripts/make-pictures

deb: ## make the Debian package for Debian 12 in build/deb, and test it; takes root
	@scripts/deps autopkgtest
	@scripts/make-deb

wheel: ## make wheels in dist, and test them: make wheel PYTHONS="python3.11 python3.13"
	@scripts/deps
	@scripts/make-wheel $(PYTHONS)

release: ## make a release: make release VERSION=1.2.0; pushes nothing
	@scripts/release $(or $(VERSION),--help)

drawings: ## draw the pictures of docs/ again; needs the package graphviz
	@for file in docs/drawings/*.dot; do dot -Tsvg -o "$${file%.dot}.svg" "$$file"; done

clean: ## remove all that was built here; images of guests stay in their cache
	@rm -rf build dist .mypy_cache .pytest_cache
