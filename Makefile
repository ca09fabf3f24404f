# make lab         set up and open the course in JupyterLab
# make test        set up and run all tests, notebooks included
# make test-colab  run all notebooks with the versions that Colab has
# make test-binder run all notebooks with Binder's pins, on one core, in 2 GB
# make notebooks   after editing notebooks/*.py: make the .ipynb anew (ONLY=03 for one of them)
# make address     write the public address and the released commit from pyproject.toml into README and notebooks
# make release     release the last commit: launch links and setup cells name it from now on
# make model       train the networks that ship, anew
# make lock        choose the newest versions that requirements.txt allows, and write down the hashes of their files
# make bench       measure; see benchmarks/README.md
# make site        set up and make web pages of the notebooks: site/_build/html/index.html
# make test-bioimage  set up bioimageio.core, and check with it the packages that the course writes for other programs
# make test-site   set up, make the site with its live pages, and check every page of it in Chromium

SHELL := /bin/sh
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	if $$p -c '$(FITS)' 2>/dev/null; then echo $$p; break; fi; done)
ENV := .venv
BIN := $(ENV)/bin
# Every file that is installed has to have a hash that the list names. uv is faster where it is, and pip is everywhere.
UV := $(shell command -v uv 2>/dev/null)
INSTALL = $(if $(UV),$(UV) pip install --quiet --python $(1) --require-hashes -r $(2) ||) \
	$(1) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(2)
SCRATCH = d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && export UNET_COURSE_RUNS="$$d/runs" UNET_COURSE_PROGRESS="$$d/progress"

.PHONY: lab test test-colab test-binder notebooks address release model lock bench

lab: $(ENV)/lab.ready
	@$(BIN)/python tools/lab.py

test: $(ENV)/test.ready
	$(SCRATCH) && $(BIN)/python -m pytest tests notebooks -n 2 --dist loadfile --no-loadscope-reorder --nbval --nbval-current-env --nbval-cell-timeout=1800

test-colab: $(ENV)/test.ready
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python tools/platforms.py colab $(ONLY)

test-binder: $(ENV)/test.ready
	PATH="$$PWD/$(BIN):$$PATH" $(BIN)/python tools/platforms.py binder $(ONLY)

notebooks: $(ENV)/lab.ready
	$(BIN)/python tools/notebooks.py $(ONLY)

address: $(ENV)/lab.ready
	$(BIN)/python tools/address.py

release: $(ENV)/lab.ready
	$(BIN)/python tools/address.py --release

model: $(ENV)/lab.ready
	$(BIN)/python models/train_shipped.py
	$(BIN)/python models/train_pages.py

bench: $(ENV)/test.ready
	$(BIN)/python benchmarks/run.py

lock: $(ENV)/test.ready
	$(BIN)/python tools/lock.py

$(ENV)/lab.ready: locked/lab.txt
	@test -n "$(PYTHON)" || { echo "This course needs Python 3.11, 3.12 or 3.13, and none was found. Install one from https://www.python.org/downloads/, or name it: make lab PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) tools/ready.py
	@echo "Setting up $(ENV) with $$($(PYTHON) --version): about 3 GB, a few minutes."
	@$(PYTHON) -m venv $(ENV) || { echo "Python cannot make virtual environments here. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(call INSTALL,$(BIN)/python,locked/lab.txt) || { $(BIN)/python tools/ready.py --failed; exit 1; }
	@touch $@

$(ENV)/test.ready: $(ENV)/lab.ready locked/test.txt
	@$(call INSTALL,$(BIN)/python,locked/test.txt) || { $(BIN)/python tools/ready.py --failed; exit 1; }
	@touch $@

# bioimageio.core has an environment of its own, because a package has to work where this course is not.
BIO_ENV := .venv-bioimage

.PHONY: test-bioimage

test-bioimage: $(BIO_ENV)/ready $(ENV)/test.ready
	$(SCRATCH) && UNET_COURSE_BIOIMAGEIO="$$PWD/$(BIO_ENV)/bin/python" $(BIN)/python -m pytest tests/test_packages.py -k "environment_without_this_course or open_it_elsewhere"

$(BIO_ENV)/ready: locked/bioimage.txt
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11, 3.12 or 3.13, and none was found. Install one from https://www.python.org/downloads/, or name it: make test-bioimage PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv $(BIO_ENV) || { echo "Python cannot make virtual environments here. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(call INSTALL,$(BIO_ENV)/bin/python,locked/bioimage.txt) || { echo "bioimageio.core could not be installed. Is there a network? Then run the same command again."; exit 1; }
	@touch $@

# The site has an environment of its own, so that students and tests need not install Sphinx.
SITE_ENV := .venv-site

.PHONY: site test-site

site: $(SITE_ENV)/ready
	$(SITE_ENV)/bin/python tools/pages.py

test-site: site $(ENV)/test.ready
	UNET_COURSE_SITE="$$PWD/site/_build/html" $(BIN)/python -m pytest -n 2 --dist loadfile tests/browser/test_site.py tests/browser/test_live_pages.py tests/browser/test_panels_on_site.py tests/browser/test_pages_that_answer.py tests/browser/test_web_engine.py

$(SITE_ENV)/ready: site/requirements.txt
	@test -n "$(PYTHON)" || { echo "The site needs Python 3.11, 3.12 or 3.13, and none was found. Install one from https://www.python.org/downloads/, or name it: make site PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv $(SITE_ENV) || { echo "Python cannot make virtual environments here. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(call INSTALL,$(SITE_ENV)/bin/python,site/requirements.txt) || { echo "The packages for the site could not be installed. Is there a network? Then run the same command again."; exit 1; }
	@touch $@
