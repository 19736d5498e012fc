# The devnet tools: `make` builds build/, `make check` proves it, `make devnet` shows it.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
VERSION := 0.1.0

PACKAGES := libngtcp2 libngtcp2_crypto_gnutls gnutls libsecp256k1 nettle libevent libprotobuf-c jansson yaml-0.1 zlib libzstd
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef
CFLAGS ?= -O2 -g
CPPFLAGS += -I. -I$(BUILD)/generated -D_GNU_SOURCE -DDEVNET_VERSION='"$(VERSION)"' \
	$(PACKAGE_CFLAGS)
BASE_CFLAGS = -std=gnu11 -ffunction-sections -fdata-sections $(HARDENING) $(SANITIZE) $(CFLAGS)
ALL_CFLAGS = $(WARNINGS) $(BASE_CFLAGS)
ALL_LDFLAGS = $(LINK_HARDENING) $(SANITIZE) -Wl,--as-needed $(LDFLAGS)

# Asked for only when something is built, so that `make deps` works before pkg-config is there.
PACKAGE_CFLAGS = $(eval PACKAGE_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES)))$(PACKAGE_CFLAGS)
PACKAGE_LIBS = $(eval PACKAGE_LIBS := $$(shell pkg-config --libs $(PACKAGES)) -lsnappy)$(PACKAGE_LIBS)

# What hardens programs, as far as the compiler knows it; _FORTIFY_SOURCE unless there are sanitizers,
# or it is set already.
FORTIFY = $(if $(SANITIZE)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,fortify)
HARDENING = $(eval HARDENING := $$(shell .ci/hardening compile "$(CC)" "$(CFLAGS)" $(FORTIFY)))$(HARDENING)
LINK_HARDENING = $(eval LINK_HARDENING := $$(shell .ci/hardening link "$(CC)" "$(CFLAGS)"))$(LINK_HARDENING)

PROTOS := $(wildcard net/*/*.proto)
PROTO_SOURCES := $(PROTOS:%.proto=$(BUILD)/generated/%.pb-c.c)
PROTO_OBJECTS := $(PROTO_SOURCES:.c=.o)
LIBRARY_SOURCES := $(wildcard common/*.c net/*/*.c devnet/*.c)
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/objects/%.o) $(PROTO_OBJECTS)
LIBRARY := $(BUILD)/libdevnet.a

COMMANDS := $(notdir $(patsubst %/main.c,%,$(wildcard cmd/*/main.c)))
program = $(if $(filter devnet,$(1)),devnet,devnet-$(1))
PROGRAMS := $(foreach command,$(COMMANDS),$(BUILD)/$(call program,$(command)))
MAN_PAGES := $(PROGRAMS:$(BUILD)/%=$(BUILD)/man/%.1)
COMPLETIONS := $(PROGRAMS:$(BUILD)/%=$(BUILD)/completions/%)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
TEST_TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))
PRELOADS := $(patsubst tests/preload/%.c,$(BUILD)/tests/%.so,$(wildcard tests/preload/*.c))
VECTOR_RUNNER := $(BUILD)/tests/tools/vectors
UNIT_SUPPORT := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
OBJECTS := $(LIBRARY_OBJECTS) $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard cmd/*/*.c tests/unit/*.c tests/tools/*.c tests/vectors/*.c))

.PHONY: all unused soak deps devnet check test-programs vector-runner install uninstall deb check-package check-dashboard check-machines lint sanitize bench clean \
	about-check lint-deps lint-format lint-tidy lint-cppcheck lint-shell
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS) $(MAN_PAGES) $(COMPLETIONS)

$(LIBRARY): $(LIBRARY_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/generated/%.pb-c.c $(BUILD)/generated/%.pb-c.h: %.proto
	@mkdir -p $(@D)
	protoc-c --c_out=$(BUILD)/generated $<

$(BUILD)/generated/%.o: $(BUILD)/generated/%.c
	$(CC) $(CPPFLAGS) $(BASE_CFLAGS) -c -o $@ $<

$(BUILD)/objects/%.o: %.c | $(PROTO_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# X.c embeds what stands beside it (common/embed.h), of which the compiler says nothing.
EMBEDDED := $(wildcard common/*.html common/*.css common/*.js cmd/*/*.html cmd/*/*.css cmd/*/*.js)
$(foreach file,$(EMBEDDED),$(eval $(BUILD)/objects/$(basename $(file)).o: $(file)))

# It sees every byte of every log.
$(BUILD)/objects/net/qlog/packet_scan.o: CFLAGS := $(CFLAGS:-O2=-O3)

# What no program needs and tests/unused.txt does not excuse: the linker says what it leaves out.
unused: all
	@for command in $(COMMANDS); do \
		$(CC) $(ALL_LDFLAGS) -o $(BUILD)/unused $(BUILD)/objects/cmd/$$command/*.o \
			$(LIBRARY_OBJECTS) $(PACKAGE_LIBS) -Wl,--gc-sections,--print-gc-sections 2>&1; \
	done | grep -F "in file '$(BUILD)/" | BUILD=$(BUILD) tests/unused
	@rm -f $(BUILD)/unused

define program_rule
$(BUILD)/$(call program,$(1)): $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard cmd/$(1)/*.c)) $(LIBRARY)
	$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(PACKAGE_LIBS)
endef
$(foreach command,$(COMMANDS),$(eval $(call program_rule,$(command))))

$(BUILD)/man/%.1: $(BUILD)/%
	@mkdir -p $(@D)
	$< --help=man > $@

$(BUILD)/completions/%: $(BUILD)/%
	@mkdir -p $(@D)
	$< --help=bash > $@

$(BUILD)/tests/%: $(BUILD)/objects/tests/unit/%.o $(UNIT_SUPPORT:%.c=$(BUILD)/objects/%.o) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PACKAGE_LIBS) -lcmocka

$(BUILD)/tests/tools/%: $(BUILD)/objects/tests/tools/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PACKAGE_LIBS)

# It puts bytes of its own around what a TLS session says.
$(BUILD)/tests/tools/tls_attacker: LDFLAGS += -Wl,--wrap=tls_session_new,--wrap=ngtcp2_crypto_encrypt_cb

# What tests/vectors/run runs, which asks for it by this name.
$(VECTOR_RUNNER): $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard tests/vectors/*.c)) $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PACKAGE_LIBS) -lm

vector-runner: deps
	@$(MAKE) --no-print-directory $(VECTOR_RUNNER)

# What is loaded before a program runs without the sanitizers, as it is no part of one.
$(BUILD)/tests/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -shared -fPIC -o $@ $<

test-programs: $(PRELOADS) $(UNIT_TESTS) $(TEST_TOOLS) $(VECTOR_RUNNER)

# `make deps DEPS=present` and `make check DEPS=present` take your word that all is there.
deps:
	@$(if $(filter present,$(DEPS)),:,.ci/deps .ci/packages)

# KEEP=1 leaves the nodes running.
devnet: deps
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) devnet/demo

about-check:
	@echo 'make check installs what is missing: up to 700 MB of Debian packages, 1.6 GB on disk (Chromium is' \
		'most of it), and 300 MB of js-libp2p for Node. Then it builds and tests, about 15 minutes on two cores.' >&2

# What tests need beside it: `make devnet` does without Chromium.
TEST_DEPS = $(if $(filter present,$(DEPS)),:,.ci/deps .ci/packages.tests)

# TESTS="relay options" runs some of them.
check: about-check deps
	@$(TEST_DEPS)
	@$(MAKE) --no-print-directory all test-programs
	@BUILD=$(BUILD) tests/run $(TESTS)

SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# With the sanitizers the tests wait less and compute more: fewer of them keep all cores busy.
sanitize: deps
	@$(TEST_DEPS)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize SANITIZE="$(SANITIZERS)" \
		CFLAGS="-O1 -g" all test-programs
	@BUILD=$(BUILD)/sanitize UBSAN_OPTIONS=print_stacktrace=1 BATS_TEST_TIMEOUT=240 \
		UNIT_TIMEOUT=600 JOBS=$${JOBS:-$$(($$(nproc) + 1))} tests/run $(TESTS)

# What takes hours, by hand: see tests/soak.
soak: deps lint-deps
	@$(TEST_DEPS)
	@$(MAKE) --no-print-directory all test-programs interop
	@BUILD=$(BUILD) tests/soak

# What things cost, as ratios within one run; fails where one is over its bound.
bench: deps
	@$(MAKE) --no-print-directory all test-programs
	@BUILD=$(BUILD) tests/bench/run

C_SOURCES := $(wildcard common/*.c net/*/*.c devnet/*.c cmd/*/*.c tests/*/*.c)
C_HEADERS := $(wildcard common/*.h net/*/*.h devnet/*.h cmd/*/*.h tests/*/*.h)
TIDY_STAMPS := $(C_SOURCES:%.c=$(BUILD)/lint/%.tidy)
# Whatever begins with the name of a shell, or of bats.
SHELL_SCRIPTS = $(shell grep -lrE '^\#!.*[ /](sh|bash|bats)$$' .ci tests devnet --exclude-dir=node_modules 2> /dev/null)

lint: lint-format lint-tidy lint-cppcheck lint-shell

lint-deps: deps
	@$(if $(filter present,$(DEPS)),:,.ci/deps .ci/packages.lint)

lint-format: lint-deps
	clang-format --dry-run --Werror $(C_SOURCES) $(C_HEADERS)

lint-tidy: lint-deps
	@$(MAKE) --no-print-directory $(TIDY_STAMPS)

# clang's analyzer takes nine tenths of the time. The tests' own code, all of which runs with the
# sanitizers, it sees in `make soak` (ANALYZE=all).
$(BUILD)/lint/tests/%.tidy: TIDY_FLAGS = $(if $(filter all,$(ANALYZE)),,--checks=-clang-analyzer-*)

$(BUILD)/lint/%.tidy: %.c $(C_HEADERS) .clang-tidy | $(PROTO_SOURCES)
	@mkdir -p $(@D)
	clang-tidy --quiet $(TIDY_FLAGS) $< -- $(CPPFLAGS) -std=gnu11 2> $@.log || { cat $@.log >&2; exit 1; }
	@touch $@

# clang-tidy sees more of uninitialised variables, and follows macros such as uthash's.
lint-cppcheck: lint-deps
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,performance,portability \
		--std=c11 -I. -D__GNUC__ '-Djson_array_foreach(a,i,v)=for(;;)' \
		'-Djson_object_foreach(o,k,v)=for(;;)' --suppress=uninitvar --suppress=legacyUninitvar \
		$(C_SOURCES)

lint-shell: lint-deps
	shellcheck $(SHELL_SCRIPTS)

INSTALL_BIN = $(DESTDIR)$(PREFIX)/bin
INSTALL_MAN = $(DESTDIR)$(PREFIX)/share/man/man1
INSTALL_COMPLETIONS = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
INSTALL_SHARE = $(DESTDIR)$(PREFIX)/share/devnet

install: all
	install -d "$(INSTALL_BIN)" "$(INSTALL_MAN)" "$(INSTALL_COMPLETIONS)" "$(INSTALL_SHARE)"
	install -m 755 $(PROGRAMS) "$(INSTALL_BIN)"
	install -m 644 $(MAN_PAGES) "$(INSTALL_MAN)"
	install -m 644 $(COMPLETIONS) "$(INSTALL_COMPLETIONS)"
	install -m 644 devnet/devnet.bash devnet/lean/devnet-cmd.sh devnet/grafana-dashboard.json net/mesh/snapshot.schema.json \
		devnet/experiment.schema.json devnet/example.yaml \
		"$(INSTALL_SHARE)"
	install -m 755 devnet/lean/hive.sh "$(INSTALL_SHARE)"

# A Debian package of what is installed, in $(BUILD).
deb: deps
	@$(if $(filter present,$(DEPS)),:,.ci/deps .ci/packages.deb)
	@$(MAKE) --no-print-directory all
	+@BUILD=$(BUILD) devnet/package/deb $(VERSION) $(BUILD)

# What devnet/Containerfile and devnet/github-actions.yml say, in chroots and a clone: as root, some
# minutes.
check-package: deps
	@$(if $(filter present,$(DEPS)),:,.ci/deps .ci/packages.package)
	@$(MAKE) --no-print-directory $(BUILD)/tests/actionlint
	@ACTIONLINT=$(abspath $(BUILD))/tests/actionlint tests/package/workflow
	@tests/package/container

# By the hashes in go.sum.
$(BUILD)/tests/actionlint: $(wildcard tests/package/actionlint/*)
	@command -v go > /dev/null || { echo 'the workflow is checked by actionlint, a Go program: install go 1.26 or later' >&2; exit 1; }
	@mkdir -p $(@D)
	cd tests/package/actionlint && GOTOOLCHAIN=local GOFLAGS= go build -mod=readonly -trimpath -o $(abspath $@) \
		github.com/rhysd/actionlint/cmd/actionlint

# devnet/grafana-dashboard.json by Grafana's schema, and its queries by a Prometheus.
check-dashboard: deps
	@command -v npm > /dev/null || .ci/deps .ci/packages.interop
	@$(MAKE) --no-print-directory all
	@BUILD=$(BUILD) tests/dashboard/run

# devnet/ansible and devnet/kubernetes, on machines that are network namespaces: as root, some minutes.
check-machines: deb
	@command -v ip > /dev/null && command -v jq > /dev/null || .ci/deps .ci/packages.tests
	@$(MAKE) --no-print-directory $(BUILD)/tests/manifests
	@BUILD=$(BUILD) tests/machines/ansible
	@BUILD=$(BUILD) tests/machines/kubernetes

# With k8s.io/api, by the hashes in go.sum.
$(BUILD)/tests/manifests: $(wildcard tests/machines/manifests/*)
	@command -v go > /dev/null || { echo 'the manifests are checked by a Go program: install go 1.26 or later' >&2; exit 1; }
	@mkdir -p $(@D)
	cd tests/machines/manifests && GOTOOLCHAIN=local GOFLAGS= go build -mod=readonly -trimpath -o $(abspath $@) .

uninstall:
	rm -f $(foreach name,$(notdir $(PROGRAMS)),"$(INSTALL_BIN)/$(name)")
	rm -f $(foreach name,$(notdir $(MAN_PAGES)),"$(INSTALL_MAN)/$(name)")
	rm -f $(foreach name,$(notdir $(COMPLETIONS)),"$(INSTALL_COMPLETIONS)/$(name)")
	rm -f "$(INSTALL_SHARE)/devnet.bash" "$(INSTALL_SHARE)/devnet-cmd.sh" "$(INSTALL_SHARE)/hive.sh" "$(INSTALL_SHARE)/grafana-dashboard.json" "$(INSTALL_SHARE)/snapshot.schema.json" \
		"$(INSTALL_SHARE)/experiment.schema.json" "$(INSTALL_SHARE)/example.yaml"

clean:
	rm -rf $(BUILD)

include tests/interop/Makefile
include tests/sim/Makefile
-include $(OBJECTS:.o=.d)
