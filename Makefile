# whystall: build, tests, measurements. `make help` lists the targets.
VERSION   := 0.1.0
BUILD     := build
CC        ?= gcc
CLANG     ?= clang
BPFTOOL   ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
comma     := ,
ARCH      := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')

# Each warning here has caught a real bug somewhere; the list is strict because the code runs as root.
WARNINGS  := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
             -Wwrite-strings -Wformat=2 -Werror=format-security -Wundef -Wvla -Wimplicit-fallthrough -Wno-missing-field-initializers
CFLAGS    ?= -O2 -g

# What hardens a program, as far as this compiler knows it; asked once, and only where it is needed. Before CFLAGS, so that the user's own word wins;
# `make HARDENING= HARDENED_LINK= HARDENED_STATIC=-static` does without.
ask        = $(shell sh scripts/hardening $(1) '$(CC)' '$(CFLAGS)')
HARDENING  = $(eval HARDENING := $$(call ask,compile))$(HARDENING)
HARDENED_LINK = $(eval HARDENED_LINK := $$(call ask,link))$(HARDENED_LINK)
HARDENED_STATIC = $(eval HARDENED_STATIC := $$(call ask,static))$(HARDENED_STATIC)
# The same bytes wherever the tree lies and whatever BUILD is called (make reproducible).
PREFIX_MAP := -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(abspath $(BUILD))=build
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(HARDENING) $(CFLAGS) -Isrc -I$(BUILD) -D_GNU_SOURCE -DWHYSTALL_VERSION='"$(VERSION)"' \
             $(PREFIX_MAP) -MMD -MP $(EXTRA_CFLAGS)
LIBS      := -lbpf -ldw -lelf -lz -llzma -liberty -lsqlite3 -ljansson -lnettle -lcap -lseccomp -lm -lpthread -ldl
STATIC_LIBS := -lbpf -ldw -lelf -lzstd -lz -llzma -lbz2 -liberty -lsqlite3 -ljansson -lnettle -lcap -lseccomp -lm -lpthread -ldl

SOURCES   := $(sort $(filter-out src/command/main.c,$(wildcard src/*/*.c)))
BPF_SOURCES := $(sort $(wildcard src/bpf/*.bpf.c))
SOURCES   := $(filter-out $(BPF_SOURCES),$(SOURCES))
OBJECTS   := $(SOURCES:%.c=$(BUILD)/obj/%.o)
SKELETONS := $(BPF_SOURCES:src/bpf/%.bpf.c=$(BUILD)/%.skel.h)
CAUSE_PAGES := $(sort $(filter-out docs/causes/README.md,$(wildcard docs/causes/*.md)))
GENERATED := $(SKELETONS) $(BUILD)/embedded_pages.h
GO        ?= $(shell command -v go)
# tablestore is of Go or not at all: its scenario says that it cannot run without it.
LAB       := $(patsubst lab/%.c,$(BUILD)/lab/%,$(wildcard lab/*.c)) \
             $(patsubst %,$(BUILD)/lab/companions/%,storagenode pyworkers $(if $(GO),tablestore))
UNIT      := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))
FUZZERS   := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))

.PHONY: all static lab unit pages run test check-quick evaluate survey shares bench fuzz fuzzers sanitize analyse reproducible deps install clean help FORCE
all: $(BUILD)/whystall lab

$(BUILD)/whystall: $(BUILD)/obj/src/command/main.o $(BUILD)/libwhystall.a
	$(CC) $(CFLAGS) $(HARDENED_LINK) $(LDFLAGS) -o $@ $^ $(LIBS)

# One file that runs on a machine with nothing installed.
static: $(BUILD)/static/whystall
$(BUILD)/static/whystall: $(BUILD)/obj/src/command/main.o $(BUILD)/libwhystall.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(HARDENED_STATIC) $(LDFLAGS) -o $@ $^ $(STATIC_LIBS)

$(BUILD)/libwhystall.a: $(OBJECTS)
	@rm -f $@
	ar rcsD $@ $^

# Written anew only when the compiler or its flags are others than last time: then all is compiled again.
$(BUILD)/flags: FORCE
	@$(shell mkdir -p $(@D))$(file >$@.new,$(CC) $(ALL_CFLAGS) $(CLANG))cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# -mcpu=v3: atomics that return a value need it; every supported kernel (5.15+) has it.
$(BUILD)/%.bpf.o: src/bpf/%.bpf.c $(wildcard src/bpf/*.h) $(BUILD)/flags
	@mkdir -p $(@D)
	$(CLANG) -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Wall -Wno-unused-function -Isrc $(PREFIX_MAP) -c -o $@ $<

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $(subst -,_,$*)_bpf > $@

# What `whystall causes ID` shows: the pages are part of the program.
$(BUILD)/embedded_pages.h: scripts/embed-pages $(CAUSE_PAGES)
	@mkdir -p $(@D)
	sh scripts/embed-pages $(CAUSE_PAGES) > $@.new
	@mv $@.new $@

lab: $(LAB)
# The companion is of another runtime where a Go compiler is at hand; it is static and needs no C compiler then.
GO_BUILD  := CGO_ENABLED=0 GO111MODULE=off GOFLAGS= GOCACHE=$(abspath $(BUILD))/go-cache $(GO) build -trimpath -buildvcs=false
$(BUILD)/lab/companions/storagenode: lab/companions/storagenode.go lab/companions/storagenode.c
	@mkdir -p $(@D)
ifneq ($(GO),)
	$(GO_BUILD) -o $@ $<
else
	$(CC) -std=gnu11 $(WARNINGS) $(CFLAGS) -D_GNU_SOURCE -static -o $@ $(word 2,$^) -lpthread
endif

$(BUILD)/lab/companions/tablestore: lab/companions/tablestore.go
	@mkdir -p $(@D)
	$(GO_BUILD) -o $@ $<

$(BUILD)/lab/companions/pyworkers: lab/companions/pyworkers.py
	@mkdir -p $(@D)
	install -m 755 $< $@

$(BUILD)/lab/%: lab/%.c $(wildcard lab/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARNINGS) $(CFLAGS) -D_GNU_SOURCE -Ilab $(LABFLAGS) -o $@ $< -lpthread -lm

unit: $(UNIT)
$(BUILD)/tests/unit/%: tests/unit/%.c $(BUILD)/libwhystall.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -Itests -o $@ $< $(BUILD)/libwhystall.a -lcmocka $(LIBS)

# Writes the section "Thresholds" of each cause's page anew, from the table of thresholds.
pages: $(BUILD)/tests/unit/cause_pages
	WHYSTALL_WRITE_PAGES=1 $<

# Programs build/fuzz/NAME, one for each of tests/fuzz; tests/checks/fuzz.test runs them.
SANITIZED := -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined
fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(CLANG) CFLAGS='$(SANITIZED)' HARDENING= fuzzers
fuzzers: $(FUZZERS)
$(FUZZERS): $(BUILD)/%: tests/fuzz/%.c $(BUILD)/libwhystall.a
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer $(if $(filter messages,$*),-Wl$(comma)--wrap=isolate__run) -o $@ $< $(BUILD)/libwhystall.a $(LIBS)

# The tests under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer.
sanitize:
	@sh scripts/install-dependencies test
	@CC='$(CC)' tests/checks/sanitize.test address names thread

# cppcheck; tests/checks/analyse.test has more.
analyse:
	@sh scripts/install-dependencies test
	@tests/checks/analyse.test

# Two builds in different folders: the same bytes?
reproducible:
	@tests/robustness/reproducible.test build/whystall build/static/whystall

deps:
	@sh scripts/install-dependencies

# The first command for a newcomer: install what is missing, build, run a labelled load and diagnose it.
run: deps
	@$(MAKE) --no-print-directory all
	@$(BUILD)/whystall demo

# The second one. The last line is "N passed, N failed, N skipped".
test:
	@sh scripts/install-dependencies test
	@$(MAKE) --no-print-directory all static unit
	@tests/run

# Scenarios on this machine and, in virtual machines, on other kernels.
evaluate: all
	@sh scripts/install-dependencies vm
	@tests/evaluate --where live,vm

# Mixtures of known proportions: does each cause get its share of the pressure?
shares: all $(BUILD)/tests/share_load
	@tests/shares

# Programs of others: does each report keep the rules that hold for all? Takes about an hour; writes docs/survey.md.
survey: all
	@sh scripts/install-dependencies survey
	@tests/survey --write docs/survey.md

bench: all $(BUILD)/tests/empty_probes $(BUILD)/tests/lock_load $(BUILD)/tests/sample_load
	@tests/bench

$(BUILD)/tests/empty_probes $(BUILD)/tests/lock_load $(BUILD)/tests/share_load $(BUILD)/tests/sample_load: $(BUILD)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARNINGS) -D_GNU_SOURCE $(CFLAGS) -o $@ $< -lbpf -lpthread

PREFIX ?= /usr/local
install: all
	install -D -m 0755 $(BUILD)/whystall $(DESTDIR)$(PREFIX)/sbin/whystall
	for page in docs/man/*.8; do install -D -m 0644 $$page $(DESTDIR)$(PREFIX)/share/man/man8/$${page##*/}; done
	install -D -m 0644 packaging/whystall.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/whystall

clean:
	rm -rf $(BUILD)

help:
	@echo 'make run | test | all | static | lab | unit | pages | evaluate | survey | shares | bench | fuzz | sanitize | analyse | reproducible | install | clean'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
