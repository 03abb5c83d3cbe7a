#!/usr/bin/env bash
# Prints where Chromium (or Chrome) is, for the browser tests; or that there is none.
if [ -n "${CHROMIUM:-}" ]; then
    command -v "$CHROMIUM" && exit
    echo "CHROMIUM is set to '$CHROMIUM', which is no program." >&2
    exit 1
fi
found=
# A name on PATH may be a shim for what is not installed, and a download may lack a library.
for name in chromium chromium-browser google-chrome \
    "/Applications/Chromium.app/Contents/MacOS/Chromium" \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "$HOME"/.cache/ms-playwright/chromium-*/chrome-linux*/chrome \
    "$HOME"/Library/Caches/ms-playwright/chromium-*/chrome-mac*/*.app/Contents/MacOS/*; do
    path=$(command -v "$name") || continue
    said=$("$path" --version 2>&1) && echo "$path" && exit
    found="$path does not start: ${said##*$'\n'}"
done
echo "${found:-Chromium is missing} (CHROMIUM=/path/to/chrome names one)" >&2
exit 1
