# The devnet tools: `make` builds build/, `make check` proves it, `make devnet` shows it.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
VERSION := 0.1.0

PACKAGES := libngtcp2 libngtcp2_crypto_gnutls gnutls libsecp256k1 nettle libevent libprotobuf-c jansson
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef \
	-Wimplicit-fallthrough
CFLAGS ?= -O2 -g
CPPFLAGS += -I. -I$(BUILD)/generated -D_GNU_SOURCE -DDEVNET_VERSION='"$(VERSION)"' \
	$(PACKAGE_CFLAGS)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS = $(SANITIZE) -Wl,--as-needed $(LDFLAGS)

# Asked for only when something is built, so that `make deps` works before pkg-config is there.
PACKAGE_CFLAGS = $(eval PACKAGE_CFLAGS := $$(shell pkg-config --cflags $(PACKAGES)))$(PACKAGE_CFLAGS)
PACKAGE_LIBS = $(eval PACKAGE_LIBS := $$(shell pkg-config --libs $(PACKAGES)) -lsnappy)$(PACKAGE_LIBS)

PROTOS := $(wildcard net/*.proto net/*/*.proto)
PROTO_SOURCES := $(PROTOS:%.proto=$(BUILD)/generated/%.pb-c.c)
PROTO_OBJECTS := $(PROTO_SOURCES:.c=.o)
LIBRARY_SOURCES := $(wildcard common/*.c net/*.c net/*/*.c devnet/*.c)
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.c=$(BUILD)/objects/%.o) $(PROTO_OBJECTS)
LIBRARY := $(BUILD)/libdevnet.a

COMMANDS := $(notdir $(patsubst %/main.c,%,$(wildcard cmd/*/main.c)))
program = $(if $(filter devnet,$(1)),devnet,devnet-$(1))
PROGRAMS := $(foreach command,$(COMMANDS),$(BUILD)/$(call program,$(command)))
MAN_PAGES := $(PROGRAMS:$(BUILD)/%=$(BUILD)/man/%.1)
COMPLETIONS := $(PROGRAMS:$(BUILD)/%=$(BUILD)/completions/%)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
TEST_TOOLS := $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))
UNIT_SUPPORT := $(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c))
OBJECTS := $(LIBRARY_OBJECTS) $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard cmd/*/*.c tests/unit/*.c tests/tools/*.c))

.PHONY: all deps devnet check test-programs install uninstall lint sanitize bench clean
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
	$(CC) $(CPPFLAGS) -std=gnu11 $(SANITIZE) $(CFLAGS) -c -o $@ $<

$(BUILD)/objects/%.o: %.c | $(PROTO_SOURCES)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

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

test-programs: $(UNIT_TESTS) $(TEST_TOOLS)

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d)
