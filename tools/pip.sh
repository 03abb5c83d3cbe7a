#!/usr/bin/env bash
# pip install with a Python, for env.sh, colab_venv.py and make: tools/pip.sh .venv/bin/python …
# Warnings that no reader can act on are not shown (its own age, root, a link to nowhere in the
# machine's settings); errors are, and that the network fails.
set -euo pipefail
python=$1
shift
{
    PIP_USER=0 "$python" -m pip install --disable-pip-version-check --root-user-action ignore \
        --progress-bar off "$@" 2>&1 >&3 | sed '/^WARNING: Retrying/p; /^WARNING: /d' >&2
} 3>&1
