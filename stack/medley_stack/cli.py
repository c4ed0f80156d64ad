"""The command line: `python3 -m medley_stack COMMAND`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from medley_stack import api, database, instance, source, toolchain
from medley_stack import binaries as pg
from medley_stack.errors import StackError
from medley_stack.paths import Instance
from medley_stack.process import say
from medley_stack.state import State


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a StackError becomes two lines and exit code 1."""
    given = sys.argv[1:] if arguments is None else arguments
    # What follows these two belongs to another program, options included.
    passes_on = given[:1] in (["psql"], ["exec"])
    options = _parser().parse_args(given[:1] if passes_on else given)
    options.arguments = given[1:]
    try:
        return _run(options)
    except StackError as error:
        print(f"medley: {error.problem}", file=sys.stderr)
        if error.next_step:
            print(f"medley: next step: {error.next_step}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"medley: {error}", file=sys.stderr)
        print(f"medley: next step: {_hint(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run goes on from here")
        return 130


def _hint(error: OSError) -> str:
    if error.errno == 28:
        return "The disk is full: free about 2 GB and run the command again."
    return "Check the owner and the rights of that path, then run the command again."


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="medley_stack", description="The local Supabase stack.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("up", "start what is not running, apply new migrations"),
        ("down", "stop the servers; the data stays"),
        ("reset", "an empty database with all migrations"),
        ("status", "what runs where"),
        ("destroy", "stop and delete this instance's data and keys"),
        ("lock", "pin the newest versions of the tools"),
        ("peers", "install the recommenders that `make accuracy` compares with"),
        ("learning", "install what embeds texts and trains models"),
        ("env", "print the variables of the running stack"),
    ):
        commands.add_parser(name, help=text)
    migrations = commands.add_parser("migrations", help="write supabase/migrations from sql/")
    migrations.add_argument("--check", action="store_true", help="fail when they differ instead")
    for name, text in (
        ("psql", "the matching psql on the stack's database"),
        ("exec", "run a program with the stack's variables and tools"),
    ):
        commands.add_parser(name, help=text, add_help=False)
    return parser


def _run(options: argparse.Namespace) -> int:  # noqa: PLR0912 -- a branch a command
    current = Instance.current()
    match options.command:
        case "up":
            _announce(current, instance.up(current))
        case "reset":
            _announce(current, instance.reset(current))
        case "down":
            instance.down(current)
            say("stopped")
        case "destroy":
            instance.destroy(current)
        case "lock":
            toolchain.pin()
        case "peers":
            toolchain.peers()
        case "learning":
            toolchain.learning()
        case "status":
            return _status(current)
        case "env":
            for name, value in instance.variables(current).items():
                print(f"{name}={value}")
        case "migrations":
            return _migrations(check=options.check)
        case "psql":
            url = _variables(current)["DATABASE_URL"]
            psql = pg.ensure()
            command = [str(psql.bin / "psql"), "-d", url, *options.arguments]
            return subprocess.run(command, env=psql.environment, check=False).returncode
        case "exec":
            return _exec(current, options.arguments)
    return 0


def _announce(current: Instance, variables: dict[str, str]) -> None:
    say(f"the stack `{current.name}` is up")
    for name in ("DATABASE_URL", "SUPABASE_URL"):
        say(f"  {name}={variables[name]}")
    say(f"  keys: {current.env_file}")


def _variables(current: Instance) -> dict[str, str]:
    found = instance.variables(current)
    if not found:
        raise StackError(f"The stack `{current.name}` was never started.", "make up")
    return found


def _status(current: Instance) -> int:
    state = State.load(current)
    binaries = pg.ensure()
    server = database.own(current, state, binaries)
    running = server.is_running()
    print(f"instance  {current.name}")
    print(f"postgres  {binaries.version}, {server.url() if running else 'stopped'}")
    alive = api.is_running(state.api_pid)
    print(f"api       {api.base_url(state.api_port) if alive else 'stopped'}")
    print(f"data      {server.data}")
    return 0 if running and alive else 3


def _migrations(*, check: bool) -> int:
    if check:
        drifted = source.drift()
        if drifted:
            raise StackError(
                f"Not what sql/ makes: {', '.join(drifted)}.", "make migrations, then commit them."
            )
        return 0
    for name in source.write_migrations():
        say(f"wrote {name}")
    return 0


def _exec(current: Instance, arguments: list[str]) -> int:
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        raise StackError("There is no program to run.", "medley_stack exec -- PROGRAM …")
    environment = instance.environment(current)
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - no shell wanted
    except FileNotFoundError:
        raise StackError(f"There is no program `{command[0]}`.", "make up") from None
