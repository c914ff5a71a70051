# Sourced with $root set to the checkout: installs packages and builds the WASM core where they are stale, and sets
# $bun to a Bun of the version that package.json pins. Needs npm or Bun. Says nothing when there is nothing to do.

lock="$root/package-lock.json"
# What was installed last; npm and Bun both leave it alone.
installed="$root/node_modules/.sipwitches-lock"
pinned_bun="$root/node_modules/.bin/bun"

fail() {
  printf 'sipwitches: %s\n  %s\n' "$1" "$2" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Is this a Bun that the program can run on? A pinned one whose install script was held back is a mere placeholder.
is_right_bun() {
  case $("$1" --version 2>/dev/null) in
    1.4.*) return 0 ;;
    *) return 1 ;;
  esac
}

# Runs a command in the checkout without its output, unless it fails.
quietly() {
  output=$(cd "$root" && "$@" 2>&1 </dev/null) && return 0
  printf '%s\n' "$output" | head -n 20 >&2
  return 1
}

install_packages() {
  echo 'sipwitches: installing packages' >&2
  mend='Look at the messages above; it needs the network and the right to write to the checkout.'
  if has npm; then
    # Development packages are asked for by name: NODE_ENV=production leaves them out, and the WASM core needs asc.
    quietly npm ci --include=dev --no-audit --no-fund --loglevel=error || fail 'npm ci failed.' "$mend"
  elif has bun; then
    # Bun reads package-lock.json; without --no-save it would leave a second lock file behind.
    quietly bun install --no-save || fail 'bun install failed.' "$mend"
  else
    fail 'neither npm nor bun was found.' 'Install Node.js (nodejs.org) or Bun 1.4 (bun.com), then run this again.'
  fi
}

# npm may be told, or decide by itself, not to run install scripts; this one puts the binary into its place.
run_bun_install_script() {
  is_right_bun "$pinned_bun" && return 0
  for runtime in node bun; do
    if has "$runtime"; then
      quietly "$runtime" node_modules/bun/install.js || true
      return 0
    fi
  done
}

choose_bun() {
  if is_right_bun "$pinned_bun"; then
    bun=$pinned_bun
  elif has bun && is_right_bun bun; then
    bun=$(command -v bun)
  else
    fail 'no Bun 1.4 was found, and the one from npm does not run here.' \
      'Install Bun 1.4 (bun.com), or remove node_modules and run this again.'
  fi
}

if ! cmp -s "$lock" "$installed"; then
  install_packages
  run_bun_install_script
  cp "$lock" "$installed"
fi
choose_bun
"$bun" "$root/scripts/wasm.ts" || fail 'the WASM core could not be built.' 'The messages above say where it is wrong.'
