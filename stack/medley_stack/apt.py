"""Debian packages without installing anything: a private apt state.

apt resolves and verifies (signatures of Debian's archive key) exactly as on a
whole system, but with its own lists, status and sources under one folder.
The archive's address is the one that the host's apt already uses.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from medley_stack.errors import StackError
from medley_stack.process import need, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES_FOLDER = Path("/etc/apt")
MIRROR_HELP = (
    "Set MEDLEY_DEBIAN_MIRROR (and MEDLEY_DEBIAN_SECURITY_MIRROR) to a Debian archive, "
    "or give an existing database in DATABASE_URL."
)


@dataclass(frozen=True, slots=True)
class Archives:
    """Base addresses of Debian's archive and, where known, its security archive."""

    main: str
    security: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """One address of the host's apt sources with its suites and components."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


def archives() -> Archives:
    """Find Debian's archives: given by the user, known to apt, or read from its sources.

    Raises:
        StackError: the host's apt names no Debian archive.
    """
    main = os.environ.get("MEDLEY_DEBIAN_MIRROR")
    security = os.environ.get("MEDLEY_DEBIAN_SECURITY_MIRROR")
    if main:
        return Archives(main, security)
    need("apt-get", f"This host has no apt. {MIRROR_HELP}")
    for found in (_from_indexes(), _from_sources(read_sources(SOURCES_FOLDER))):
        if found is not None:
            return Archives(found.main, security or found.security)
    raise StackError("The host's apt has no Debian archive in its sources.", MIRROR_HELP)


def _from_indexes() -> Archives | None:
    """What apt says of the lists it holds; nothing where `apt-get update` never ran."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "Identifier: Packages", "--format", "$(LABEL)|$(REPO_URI)"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    by_label: dict[str, str] = {}
    for line in listed.splitlines():
        label, _, uri = line.partition("|")
        by_label.setdefault(label, uri)
    main = by_label.get("Debian")
    return Archives(main, by_label.get("Debian-Security")) if main else None


def _from_sources(sources: list[Source]) -> Archives | None:
    """Debian's own among all sources: by the address's last part, else by suite."""

    def folder(source: Source) -> str:
        return source.uri.rstrip("/").rsplit("/", 1)[-1]

    codename = _os_release().get("VERSION_CODENAME", "stable")
    secure = [s for s in sources if any(re.search(r"-security$|/updates$", x) for x in s.suites)]
    plain = [s for s in sources if s not in secure and "main" in s.components]
    main = [s for s in plain if folder(s) == "debian"]
    if not main and _os_release().get("ID") == "debian":
        main = [s for s in plain if codename in s.suites or "stable" in s.suites]
    if not main:
        return None
    return Archives(main[0].uri, secure[0].uri if secure else None)


def _os_release() -> dict[str, str]:
    """The host's /etc/os-release as a mapping."""
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip('"') for key, _, value in pairs}


def read_sources(folder: Path) -> list[Source]:
    """Parse `sources.list`, `sources.list.d/*.list` and `*.sources` (both of apt's formats)."""
    found: list[Source] = []
    parts = folder / "sources.list.d"
    for path in [folder / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            found += _one_line_sources(path.read_text(errors="replace"))
    for path in sorted(parts.glob("*.sources")):
        found += _deb822_sources(path.read_text(errors="replace"))
    return found


def _one_line_sources(text: str) -> list[Source]:
    """`deb [options] uri suite component…`."""
    found = []
    for line in text.splitlines():
        match = re.match(r"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s*(.*)", line.partition("#")[0])
        if match:
            uri, suite, components = match.groups()
            found.append(Source(uri, (suite,), tuple(components.split())))
    return found


def _deb822_sources(text: str) -> list[Source]:
    """Stanzas with `Types:`, `URIs:`, `Suites:`, `Components:`."""
    found = []
    without_comments = "\n".join(x for x in text.splitlines() if not x.startswith("#"))
    for stanza in re.split(r"\n\s*\n", without_comments):
        joined = re.sub(r"\n[ \t]+", " ", stanza)
        fields = {
            key.strip().lower(): value.split()
            for key, _, value in (line.partition(":") for line in joined.splitlines())
        }
        enabled = fields.get("enabled", ["yes"]) != ["no"]
        if enabled and "deb" in fields.get("types", []):
            suites, components = fields.get("suites", []), fields.get("components", [])
            found += [
                Source(uri, tuple(suites), tuple(components)) for uri in fields.get("uris", [])
            ]
    return found


class PrivateApt:
    """apt for one Debian release with all its state in one folder."""

    def __init__(self, folder: Path, suite: str, *, sources_of: str | None = None) -> None:
        """Write the configuration.

        Args:
            folder: where lists, downloads and configuration go.
            suite: the release's codename.
            sources_of: another release whose source packages are wanted too.
        """
        self.folder = folder
        for command in ("apt-get", "dpkg-deb", "dpkg", "tar"):
            need(command, f"It belongs to Debian's `apt` and `dpkg`. {MIRROR_HELP}")
        if not KEYRING.exists():
            raise StackError(f"{KEYRING} is missing.", "apt-get install debian-archive-keyring")
        for name in ("lists/partial", "archives/partial", "debs", "log"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        found = archives()
        entries = [
            ("deb", found.main, suite),
            ("deb", found.main, f"{suite}-updates"),
            ("deb", found.security, f"{suite}-security"),
            ("deb-src", found.main, sources_of),
        ]
        (folder / "sources.list").write_text(
            "".join(
                f"{kind} [signed-by={KEYRING}] {uri} {release} main\n"
                for kind, uri, release in entries
                if uri and release
            )
        )
        (folder / "apt.conf").write_text(self._configuration())
        # APT_CONFIG is read first and turns off the host's own apt.conf and parts.
        self._env = {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}

    def _configuration(self) -> str:
        """Our own state, and of the host's settings only how it reaches the network."""
        dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
        kept = [
            line
            for line in dump.stdout.splitlines()
            if re.match(r"Acquire::(http|https|ForceIPv|Check-|Max-)", line)
        ]
        arch = run(["dpkg", "--print-architecture"], what="dpkg", next_step=MIRROR_HELP).strip()
        here = self.folder
        settings = {
            "Acquire::Retries": "3",
            "Acquire::Languages": "none",
            "Acquire::PDiffs": "false",
            "APT::Architecture": arch,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "",
            "APT::Update::Error-Mode": "any",
            "Debug::NoLocking": "true",
            "Dir::State": here,
            "Dir::State::lists": here / "lists",
            "Dir::State::status": here / "status",
            "Dir::State::extended_states": here / "extended_states",
            "Dir::Cache": here,
            "Dir::Cache::archives": here / "archives",
            "Dir::Log": here / "log",
            "Dir::Etc::sourcelist": here / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": "/dev/null",
        }
        lines = kept + [f'{key} "{value}";' for key, value in settings.items()]
        return "\n".join([*lines, f'APT::Architectures {{ "{arch}"; }};', ""])

    def _apt(self, *arguments: str, what: str) -> str:
        return run(
            ["apt-get", *arguments],
            what=what,
            next_step=f"Check that this machine reaches its Debian archive. {MIRROR_HELP}",
            cwd=self.folder / "debs",
            env=self._env,
        )

    def update(self) -> None:
        """Fetch the package lists."""
        self._apt("-qq", "update", what="Fetching Debian's package lists")

    def resolve(self, packages: list[str]) -> list[str]:
        """`name=version` of the packages and of everything they need."""
        plan = self._apt("-s", "-qq", "install", *packages, what="Resolving Debian packages")
        return [
            f"{name}={version}"
            for name, version in re.findall(r"^Inst (\S+) \((\S+) ", plan, flags=re.MULTILINE)
        ]

    def download(self, pinned: list[str]) -> list[Path]:
        """Fetch packages; returns the files."""
        folder = self.folder / "debs"
        for old in folder.glob("*.deb"):
            old.unlink()
        self._apt("-qq", "download", *pinned, what="Downloading Debian packages")
        return sorted(folder.glob("*.deb"))

    def source(self, package: str) -> Path:
        """Fetch and unpack a source package; returns its folder."""
        need("dpkg-source", "apt-get install dpkg-dev")
        self._apt("-qq", "source", package, what=f"Fetching the source of {package}")
        return next(p for p in (self.folder / "debs").iterdir() if p.is_dir())

    def remove(self) -> None:
        """Delete lists and downloads."""
        shutil.rmtree(self.folder, ignore_errors=True)
