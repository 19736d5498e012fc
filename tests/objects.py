"""What the objects of a build have and need, section by section, for tests/rooms and tests/unused."""

import os
import re
import subprocess

BUILD = os.environ.get("BUILD", "build")
# What compilers, sanitizers and counters of coverage put in.
PUT_IN = re.compile(
    r"""
    _GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__\w+[dt]i[234]|__(start|stop)_(asan|__sancov)\w+|
    __+(asan|ubsan|odr_asan|sancov|sanitizer|gcov|llvm|prof[cdnv]|covrec)\S*|__unnamed_\d+
    """,
    re.VERBOSE,
)


def files_below(top, folders, pattern):
    for folder in folders:
        for path, _, names in sorted(os.walk(os.path.join(top, folder))):
            for name in sorted(names):
                if re.search(pattern, name):
                    yield os.path.relpath(os.path.join(path, name), top)


class Object:
    """An object file, with a section for each function and for each of its data, as it is built."""

    def __init__(self):
        self.sections = {}  # of each symbol that it has
        self.shared = set()  # those that others can use
        self.needs = set()  # symbols of others
        self.uses = {}  # of each section: symbols and sections

    def read_symbol(self, flags, section, name):
        if section == "*UND*":
            self.needs.add(name)
        elif "f" not in flags and name not in self.sections:
            self.sections[name] = section
            if flags[0] in "gu!" or flags[1] == "w" or section == "*COM*":
                self.shared.add(name)

    def changing(self):
        """Data that can change, by name."""
        for name, section in self.sections.items():
            if is_changing(section) and name != section and not PUT_IN.fullmatch(name):
                yield name


def is_changing(section):
    return section == "*COM*" or (re.match(r"\.(data|bss|tdata|tbss)\b", section)
                                  and not section.startswith(".data.rel.ro"))


def objects():
    """Each object by its path as in the source tree."""
    found, current, section = {}, None, None
    for top, folders in ((f"{BUILD}/objects", ("common", "net", "devnet", "cmd")),
                         (f"{BUILD}/generated", ("net",))):
        paths = [path for path in files_below(top, folders, r"\.o$")
                 if top.endswith("generated") or os.path.exists(path[:-1] + "c")]
        dump = subprocess.run(["objdump", "-w", "-t", "-r", *paths], cwd=top, check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        for line in dump.splitlines():
            if match := re.match(r"(\S+): +file format", line):
                current, section = found.setdefault(match[1], Object()), None
            elif match := re.match(r"RELOCATION RECORDS FOR \[(.*)\]", line):
                section = None if re.match(r"\.(debug|eh_frame)", match[1]) else match[1]
            elif " R_" in line:
                if section:
                    name = re.sub(r"[+-]0x[0-9a-f]+$", "", line.split()[-1])
                    current.uses.setdefault(section, set()).add(name)
            elif match := re.match(r"[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+ (?:\.\w+ )?(\S+)$", line):
                current.read_symbol(*match.groups())
    return found


def owners(found):
    """Whose each symbol is."""
    return {name: path for path, item in found.items() for name in item.shared if name != "main"}
