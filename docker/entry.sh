#!/bin/sh
# Runs what it is given, as any user: one that the image does not know gets a name and a home.
if [ ! -w "${HOME:-/}" ]; then
  export HOME=/tmp
fi
if ! id -un >/dev/null 2>&1; then
  export USER=skillbank LOGNAME=skillbank
fi
exec "$@"
