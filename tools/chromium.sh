#!/usr/bin/env bash
# Prints where Chromium (or Chrome) is, for make, .ci/run and the browser tests; or how to get it.
if [ -n "${CHROMIUM:-}" ]; then
    command -v "$CHROMIUM" && exit
    echo "CHROMIUM is set to '$CHROMIUM', which is no program." >&2
    exit 1
fi
for name in chromium chromium-browser google-chrome \
    "/Applications/Chromium.app/Contents/MacOS/Chromium" \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "$HOME"/.cache/ms-playwright/chromium-*/chrome-linux*/chrome \
    "$HOME"/Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/*; do
    command -v "$name" && exit
done
cat >&2 <<'END'
Chromium is missing (for the browser tests).
  Debian, Ubuntu:  sudo apt-get install chromium
  elsewhere:       make .venv/.test && .venv/bin/playwright install chromium
or name one:       CHROMIUM=/path/to/chrome make test
END
exit 1
