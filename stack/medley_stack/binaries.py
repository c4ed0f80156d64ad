"""PostgreSQL in a private folder: Debian's packages, unpacked, not installed.

The programs get that folder's own loader and libraries (patchelf), so the
host's libc, and a PostgreSQL that it may have, do not matter. The folder's
name is a digest of its recipe: a finished folder never changes, another
recipe is another folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from medley_stack.apt import PrivateApt
from medley_stack.errors import StackError
from medley_stack.paths import cache_dir
from medley_stack.process import Account, lock, need, run, say

RECIPE = 1  # raise to rebuild everyone's folder
SUITES = {17: "trixie", 15: "bookworm"}
EXTENSIONS = ("cron", "pgtap", "plpgsql-check", "postgis-3", "postgis-3-scripts")

# What the packages depend on but a private server never runs: helpers of the
# maintainer scripts, perl, locales, and the 124 MB of the JIT compiler.
UNUSED = re.compile(
    r"(perl|perl-base|perl-modules.*|libperl.*|lib.*-perl|debconf|cdebconf|libdebconfclient0|"
    r"adduser|passwd|login.*|base-passwd|ucf|sensible-utils|procps|libproc2-0|sysvinit-utils|"
    r"init-system-helpers|lsb-base|locales|locales-all|libc-l10n|openssl|ssl-cert|netbase|"
    r"libllvm[0-9].*|libz3-4|libedit2|postgresql-common.*|postgresql-client-common|"
    r"postgresql-server-dev-.*-dbg|libsemanage.*|libsepol.*|libpam-modules.*|media-types|"
    r"ca-certificates|clang.*|llvm.*|libclang.*|lib.*-dev|gcc.*|g\+\+.*|cpp.*|binutils.*)="
)
EXCLUDED = (
    "./usr/share/doc/*",
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./usr/share/info/*",
    "./usr/share/lintian/*",
    "./usr/lib/postgresql/*/lib/bitcode/*",
    "*/llvmjit.so",
    "./dev/*",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A private PostgreSQL of one major version."""

    root: Path
    version: int

    @property
    def bin(self) -> Path:
        """Its programs."""
        return self.root / "usr/lib/postgresql" / str(self.version) / "bin"

    @property
    def environment(self) -> dict[str, str]:
        """Our environment without what would mislead libpq, with PostGIS's data."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return {
            **kept,
            "PROJ_DATA": str(self.root / "usr/share/proj"),
            "GDAL_DATA": str(self.root / "usr/share/gdal"),
            "LC_ALL": "C",
        }


def ensure(version: int | None = None) -> Binaries:
    """The private PostgreSQL, fetched and unpacked when it is not there yet.

    Args:
        version: 17 or 15; by default MEDLEY_POSTGRES, else 17 and, where that
            cannot be fetched, 15.
    """
    wanted = version or _wanted()
    if wanted is not None:
        return _ensure(wanted)
    try:
        return _ensure(17)
    except StackError as error:
        say(f"PostgreSQL 17 cannot be had here: {error.problem}")
        try:
            return _ensure(15)
        except StackError:
            raise error from None


def _wanted() -> int | None:
    given = os.environ.get("MEDLEY_POSTGRES")
    if not given:
        return None
    if given not in ("15", "17"):
        raise StackError(f"MEDLEY_POSTGRES={given!r} is not supported.", "Use 17 or 15.")
    return int(given)


def _packages(version: int) -> list[str]:
    server = [f"postgresql-{version}", f"postgresql-client-{version}"]
    extensions = [f"postgresql-{version}-{name}" for name in EXTENSIONS]
    # Debian 12 has no pgvector for 15 that is new enough: it is built from source.
    vector = (
        f"postgresql-{version}-pgvector" if version == 17 else f"postgresql-server-dev-{version}"
    )
    return [*server, *extensions, vector]


def _ensure(version: int) -> Binaries:
    packages = _packages(version)
    recipe = f"{RECIPE} {' '.join(packages)} {UNUSED.pattern} {EXCLUDED}"
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    cache = cache_dir()
    binaries = Binaries(cache / f"postgresql-{version}-{digest}", version)
    if not binaries.root.is_dir():
        with lock(cache / "binaries.lock", "another run is unpacking PostgreSQL"):
            if not binaries.root.is_dir():
                _build(binaries, packages)
    if not Account.for_server().reaches(binaries.bin):
        raise StackError(
            f"The server's account `{Account.for_server().name}` cannot reach {binaries.bin}.",
            "Set MEDLEY_CACHE to a folder all of whose parents can be entered by everybody.",
        )
    return binaries


def _build(binaries: Binaries, packages: list[str]) -> None:
    """Unpack beside the final place and rename: what is there is complete."""
    cache, version = binaries.root.parent, binaries.version
    for leftover in [*cache.glob("unpacking-*"), *cache.glob("apt-*")]:
        shutil.rmtree(leftover, ignore_errors=True)
    _need_space(cache, 1500)
    old_umask = os.umask(0o022)
    apt = PrivateApt(
        cache / f"apt-{os.getpid()}",
        SUITES[version],
        sources_of="trixie" if version == 15 else None,
    )
    try:
        say(f"fetching PostgreSQL {version} (about 130 MB, once a machine)")
        apt.update()
        pinned = [p for p in apt.resolve([*packages, "patchelf", "tzdata"]) if not UNUSED.match(p)]
        tree = cache / f"unpacking-{os.getpid()}"
        _unpack(apt.download(pinned), tree)
        _relink(tree, binaries)
        if version == 15:
            _build_pgvector(apt, tree, version)
        (tree / ".packages").write_text("\n".join(sorted(pinned)) + "\n")
        _check_libraries(tree, binaries)
        tree.rename(binaries.root)
    finally:
        os.umask(old_umask)
        apt.remove()


def _need_space(folder: Path, megabytes: int) -> None:
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise StackError(
            f"Only {free} MB are free at {folder}; PostgreSQL needs about {megabytes} MB.",
            "Free some, or set MEDLEY_CACHE to a folder on another disk.",
        )


def _unpack(debs: list[Path], tree: Path) -> None:
    """All packages into one tree with /bin and /lib merged into /usr, as on Debian."""
    for name in ("bin", "sbin", "lib", "lib64", "share"):
        (tree / "usr" / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / name).symlink_to(f"usr/{name}")
    excluded = [f"--exclude={pattern}" for pattern in EXCLUDED]
    extract = ["tar", "-x", "-C", str(tree), "--keep-directory-symlink", "--no-same-owner"]
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as pipe:
            done = subprocess.run(
                [*extract, *excluded], stdin=pipe.stdout, capture_output=True, check=False
            )
        if done.returncode != 0 or pipe.returncode != 0:
            raise StackError(
                f"Unpacking {deb.name} failed: {done.stderr.decode(errors='replace').strip()}",
                "Free disk space if it is full, then run the command again.",
            )
    for path in tree.rglob("*"):
        if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000:
            path.chmod(path.stat().st_mode & 0o777)
    # What PostGIS's maintainer script does with update-alternatives.
    for control in tree.glob("usr/share/postgresql/*/extension/*-3.control"):
        plain = control.with_name(control.name.replace("-3.control", ".control"))
        if not plain.exists():
            plain.symlink_to(control.name)


def _library_path(tree: Path) -> tuple[Path, list[Path]]:
    """The tree's own loader, and its library folders."""
    multiarch = next(tree.glob("usr/lib/*-linux-gnu*"))
    loaders = [*tree.glob("usr/lib64/ld-linux-*.so.*"), *multiarch.glob("ld-linux-*.so.*")]
    loaders += tree.glob("usr/lib/ld-linux-*.so.*")
    if not loaders:
        raise StackError("Debian's libc came without a loader.", "Report this with your CPU type.")
    # blas and lapack are an alternatives link on a whole system.
    folders = [multiarch, tree / "usr/lib", multiarch / "blas", multiarch / "lapack"]
    return loaders[0], folders


def _relink(tree: Path, binaries: Binaries) -> None:
    """Point the programs at the loader and libraries of their final place."""
    loader, folders = _library_path(tree)

    def final(path: Path) -> str:
        return str(binaries.root / path.relative_to(tree))

    patchelf = [str(loader), "--library-path", ":".join(map(str, folders))]
    patchelf += [str(tree / "usr/bin/patchelf"), "--set-interpreter", final(loader)]
    patchelf += ["--force-rpath", "--set-rpath", ":".join(map(final, folders))]
    for program in (tree / binaries.bin.relative_to(binaries.root)).iterdir():
        with program.open("rb") as handle:
            if handle.read(4) != b"\x7fELF":
                continue
        run(
            [*patchelf, program],
            what=f"Patching {program.name}",
            next_step="Remove the cache folder and run the command again.",
        )


def _check_libraries(tree: Path, binaries: Binaries) -> None:
    """Every library of the server and of its modules is in the tree."""
    loader, folders = _library_path(tree)
    lib = (tree / binaries.bin.relative_to(binaries.root)).parent
    skipped = re.compile(r"(plperl|plpython3|pltcl|llvmjit)")
    missing: set[str] = set()
    for module in [lib / "bin/postgres", *(lib / "lib").glob("*.so")]:
        if skipped.search(module.name):
            continue
        listed = subprocess.run(
            [loader, "--library-path", ":".join(map(str, folders)), "--list", module],
            capture_output=True,
            text=True,
            check=False,
        )
        text = listed.stdout + listed.stderr
        missing |= set(re.findall(r"(\S+) => not found", text))
        missing |= set(re.findall(r"version `(\S+)' not found", text))
        missing |= set(re.findall(r"loading shared libraries: (lib[^:]*):", text))
    if missing:
        raise StackError(
            f"Debian's packages came without {', '.join(sorted(missing))}.",
            "Report this with the output of `dpkg --print-architecture`.",
        )


def _build_pgvector(apt: PrivateApt, tree: Path, version: int) -> None:
    """Compile pgvector against the tree's own headers, as Debian does (no -march=native)."""
    for command, package in (("gcc", "gcc"), ("make", "make")):
        need(command, f"PostgreSQL 15 needs a compiler for pgvector: apt-get install {package}")
    say("building pgvector for PostgreSQL 15")
    source = apt.source("pgvector")
    config = tree / f"usr/lib/postgresql/{version}/bin/pg_config"
    loader, folders = _library_path(tree)
    # pg_config is relinked for its final place; here it runs through the loader.
    wrapper = source / "pg_config"
    wrapper.write_text(
        f'#!/bin/sh\nexec "{loader}" --library-path "{":".join(map(str, folders))}" '
        f'--argv0 "{config}" "{config}" "$@"\n'
    )
    wrapper.chmod(0o755)
    run(
        ["make", "-s", f"PG_CONFIG={wrapper}", "OPTFLAGS=", "with_llvm=no", "all", "install"],
        what="Building pgvector",
        next_step="apt-get install gcc make libc6-dev",
        cwd=source,
    )
