#!/bin/sh
# Works on the web UI: web.sh build | test | e2e | screenshots. Node 24 comes
# with web/'s own packages; to install them any Node with npm does.
set -eu
cd "$(dirname "$0")/.."
what="${1:?build, test, e2e or screenshots}"

install() {
	if [ web/node_modules/.package-lock.json -nt web/package-lock.json ] && [ -x web/node_modules/.bin/node ]; then return; fi
	path="$(scripts/node.sh)"
	echo 'installing the packages of web/ (once)' >&2
	# Not `npm ci`: it refuses a lock file without the optional binaries of other
	# systems, which not every registry has. What the lock file names is installed
	# as it says, and the lock file stays as it is.
	if ! (cd web && PATH="$path:$PATH" npm install --no-save --no-audit --no-fund --loglevel error >&2); then
		echo 'make: the packages of the web UI could not be installed (the reason is above); a Node 20 or newer with npm is needed' >&2
		exit 1
	fi
	touch web/node_modules/.package-lock.json
}

# The UI is built again where a source is newer than what was built of it.
build() {
	built=web/dist/app/index.html
	if [ -f "$built" ] && [ -z "$(find web/src web/public web/scripts web/index.html web/vite.config.ts web/package-lock.json -newer "$built" -type f ! -name '*.test.ts' ! -name '*.test.tsx' | head -1)" ]; then return; fi
	install
	(cd web && npm run --silent build -- --logLevel warn)
}

# Playwright's own Chromium is not asked for: a system's is.
chromium() {
	for each in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
		if [ -n "$each" ] && [ -x "$each" ]; then
			echo "$each"
			return
		fi
	done
	if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
		echo 'installing chromium (once)' >&2
		if { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >&2 && [ -x /usr/bin/chromium ]; then
			echo /usr/bin/chromium
			return
		fi
	fi
	echo 'make: the browser tests need Chromium: install it, or name it in $CHROMIUM' >&2
	exit 1
}

case "$what" in
build) build ;;
test)
	install
	cd web
	for step in api:check type-check lint test; do npm run --silent "$step"; done
	cd ..
	build
	cd web && npm run --silent budget
	;;
e2e | screenshots)
	install
	CHROMIUM="$(chromium)"
	export CHROMIUM
	(cd web && npm run --silent "$what")
	if [ "$what" = screenshots ]; then # all are in .data/images; these are the README's
		mkdir -p docs/images
		for name in home file wizard-mapping run rejects schedules; do cp ".data/images/$name.png" ".data/images/$name-dark.png" docs/images/; done
	fi
	;;
*)
	echo "web.sh: no such thing to do: $what" >&2
	exit 2
	;;
esac
