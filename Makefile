# Two commands: `make run` shows it, `make test` proves it. Both install what they need (Node and npm must be there).
SHELL := /bin/sh
.DEFAULT_GOAL := help
NODE_BIN = $$(tools/node.sh)
WITH_NODE = PATH="$(NODE_BIN):$$PATH"

.PHONY: help run test test-full build check bench drivers fuzz clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

node_modules/.installed: package.json package-lock.json web/package.json
	@$(WITH_NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

dist/.built: node_modules/.installed tsconfig.json tsconfig.build.json $(shell find src demo web bin -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
	@rm -rf dist && $(WITH_NODE) node_modules/.bin/tsc -p tsconfig.build.json
	@$(WITH_NODE) node_modules/.bin/vite build web --logLevel warn
	@touch $@

build: dist/.built ## compile to dist/

run: dist/.built ## gateway; PostgreSQL, sshd, a shop and a cluster to protect; three principals; Ctrl-C ends it
	@$(WITH_NODE) exec node dist/demo/main.js

check: node_modules/.installed ## types, lint, format, walls
	@$(WITH_NODE) node_modules/.bin/tsc --noEmit
	@$(WITH_NODE) node_modules/.bin/tsc -p web --noEmit
	@$(WITH_NODE) node_modules/.bin/biome ci --colors=off --error-on-warnings .
	@$(WITH_NODE) node_modules/.bin/oxlint --type-aware --deny-warnings src test tools demo bench web/src
	@$(WITH_NODE) node tools/tidy/main.ts
	@$(WITH_NODE) node tools/api-reference.ts --check
	@$(WITH_NODE) node tools/detections-reference.ts --check
	@$(WITH_NODE) node tools/web-routes.ts --check

test: node_modules/.installed dist/.built ## everything that must hold (installs what it needs)
	@tools/test-packages.sh
	@tools/regress.sh
	@$(MAKE) --no-print-directory check
	@$(WITH_NODE) node tools/test.ts

test-full: node_modules/.installed dist/.built ## the same with full sizes: hours
	@tools/test-packages.sh
	@$(WITH_NODE) SALLYPORT_TEST_FULL=1 node tools/test.ts

drivers: node_modules/.installed dist/.built ## other projects' driver suites, direct and through the gateway
	@tools/test-packages.sh
	@$(WITH_NODE) node test/drivers/run.ts
	@$(WITH_NODE) node test/openssh/run.ts

bench: node_modules/.installed dist/.built ## side by side: direct, haproxy, pgbouncer, Sallyport
	@tools/test-packages.sh haproxy pgbouncer nginx wrk
	@$(WITH_NODE) node bench/run.ts
	@$(WITH_NODE) node bench/journal.ts
	@$(WITH_NODE) node bench/recording.ts
	@$(WITH_NODE) node bench/opening.ts
	@$(WITH_NODE) node bench/judge.ts
	@$(WITH_NODE) node bench/index.ts
	@$(WITH_NODE) node bench/search.ts
	@$(WITH_NODE) node bench/masking.ts
	@$(WITH_NODE) node bench/ssh.ts
	@$(WITH_NODE) node bench/http.ts

fuzz: node_modules/.installed ## a minute of fuzzing
	@$(WITH_NODE) SALLYPORT_FUZZ_RUNS=20000 node_modules/.bin/vitest run fuzz

clean: ## remove what was built (keeps .data)
	@rm -rf dist web/dist node_modules .node .cache coverage
