"""A private RabbitMQ node, of any version installed, to be stopped, killed, frozen and restarted.

Owns the node's folder, ports and processes, its epmd (Erlang's port mapper) included, and sees to
it that none outlives this process. Must not know anything of the client under test, nor where
RabbitMQ is installed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from tests.support.installation import SCRIPTS, Installation, chosen_installation
from tests.support.ports import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STARTUP_TIMEOUT = 60.0  # seconds; a start takes 3 to 6 on an idle machine
STOP_TIMEOUT = 30.0
COMMAND_TIMEOUT = 60.0
ERL_CALL_ATTEMPTS = 5

_CONFIG = """\
listeners.tcp.default = {host}:{port}
loopback_users = none
disk_free_limit.absolute = 10MB
"""

# Holds our processes' ids and ends them when its input ends, that is when this process is gone, be
# it by SIGKILL. An empty line means that there is nothing to end.
_WATCHDOG = """
while read -r line; do pids=$line; done
[ -z "$pids" ] || { kill -KILL $pids; rm -rf "$1"; }
"""


class RabbitMQFailed(Exception):
    """The node, or a command to it, did not do what was asked; the text has its own words."""


class RabbitMQNode:
    """One node with one folder and one set of ports, through any number of starts.

    Parameters: `plugins` are names such as `rabbitmq_management`; `config` is added to
    rabbitmq.conf, as key and value; `installation` is which RabbitMQ to run, by default the one
    chosen for the whole suite.

    Use as a context manager, which starts and closes it. For one thread at a time.
    Raises RabbitMQMissing when made where that RabbitMQ cannot be run.
    """

    user = 'guest'
    password = 'guest'  # RabbitMQ's default
    host = HOST

    def __init__(
        self,
        *,
        plugins: Sequence[str] = (),
        config: Mapping[str, str] | None = None,
        installation: Installation | None = None,
    ) -> None:
        self._installation = installation or chosen_installation()
        self._installation.require()
        self.port = free_port()
        self._distribution_port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix='coolamqp-rabbitmq-'))
        self._write_files(plugins, config or {})
        self._environment = self._make_environment()
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None
        self._watchdog = subprocess.Popen(
            ['/bin/sh', '-c', _WATCHDOG, 'watchdog', str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    # -- life and death

    def start(self) -> None:
        """Start the node, and return when it speaks AMQP."""
        if self.running:
            raise RabbitMQFailed('the node is running already; stop() or kill() it first')
        if self._epmd is None:
            self._epmd = self._spawn(['epmd', '-address', HOST], self._folder / 'epmd.log')
        self._node = self._spawn([str(SCRIPTS / 'rabbitmq-server')], self._folder / 'console.log')
        self._tell_watchdog()
        self._await_startup()

    def stop(self) -> None:
        """Stop the node cleanly: its clients get a connection.close with reply code 320."""
        self._end_node(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the node; what it has not written to disk is lost."""
        self._end_node(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the node cleanly and start it again, on the same port with the same data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the node's clock, as it were: its sockets stay open, and nothing answers."""
        self._running_node().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen node run on."""
        self._running_node().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End everything, in whatever state it is, and remove the folder. May be called twice."""
        for process in (self._node, self._epmd):
            if process is not None:
                process.kill()
                process.wait(STOP_TIMEOUT)
        self._node = self._epmd = None
        if self._watchdog.poll() is None:
            self._tell_watchdog()
            self._watchdog.communicate(timeout=STOP_TIMEOUT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it is

    @property
    def version(self) -> tuple[int, ...]:
        """RabbitMQ's version, such as (3, 10, 8), for what a test expects of this one only."""
        return self._installation.version

    @property
    def running(self) -> bool:
        """Whether the node's process is there, frozen or not."""
        return self._node is not None and self._node.poll() is None

    @property
    def pids(self) -> list[int]:
        """The processes that run for us: the node's and its port mapper's."""
        processes = (self._node, self._epmd)
        return [each.pid for each in processes if each is not None and each.poll() is None]

    def url(self, vhost: str = '/') -> str:
        """Return the address of a virtual host, as amqp://."""
        path = '' if vhost == '/' else quote(vhost, safe='')
        return f'amqp://{self.user}:{self.password}@{self.host}:{self.port}/{path}'

    def log(self, lines: int = 100) -> str:
        """Return the last lines of what the node has logged and printed."""
        files = [*sorted(self._folder.glob('log/*.log')), self._folder / 'console.log']
        return '\n'.join(
            f'--- {file.name}\n'
            + '\n'.join(file.read_text('utf-8', 'replace').splitlines()[-lines:])
            for file in files
            if file.exists()
        )

    # -- orders

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl, which takes 1 to 2 seconds, and return what it prints."""
        return self._command([str(SCRIPTS / 'rabbitmqctl'), '--quiet', *arguments])

    def eval(self, expression: str) -> str:
        """Evaluate an Erlang expression in the node, in milliseconds, and return its value."""
        command = ['erl_call', '-r', '-address', f'{HOST}:{self._distribution_port}', '-e']
        for link in range(1, ERL_CALL_ATTEMPTS + 1):
            try:
                answer = self._command(command, f'{expression}.\n')
                break
            except RabbitMQFailed as error:
                # The node now and then turns away a name that erl_call has made up at random.
                if 'failed to connect' not in str(error) or link == ERL_CALL_ATTEMPTS:
                    raise
        # erl_call prints {ok, VALUE} or {error, REASON}.
        status, _, value = answer.removeprefix('{').partition(', ')
        if status != 'ok':
            raise RabbitMQFailed(f'RabbitMQ could not evaluate {expression}: {value}')
        return value.removesuffix('}')

    def sync_declarations(self) -> None:
        """Have everything declared so far on the disk.

        RabbitMQ syncs messages before it confirms them, but Mnesia writes declarations a little
        later; a node that is killed at once can come back without a queue it has just declared.
        Khepri, alone from 4.3 on, syncs its log before it answers.
        """
        self.eval(
            'ok = case mnesia:system_info(is_running) of yes -> mnesia:sync_log(); no -> ok end'
        )

    def add_vhost(self, name: str) -> None:
        """Make a virtual host in which the user may do everything."""
        vhost, user, everything = _binary(name), _binary(self.user), '<<".*">>'
        self.eval(f'ok = rabbit_vhost:add({vhost}, {user})')
        self.eval(
            'ok = rabbit_auth_backend_internal:set_permissions('
            f'{user}, {vhost}, {everything}, {everything}, {everything}, {user})'
        )

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with all that is in it, closing its connections."""
        self.eval(f'rabbit_vhost:delete({_binary(name)}, {_binary(self.user)})')

    def close_all_connections(self) -> None:
        """Close every client's connection, with reply code 320."""
        self.eval(
            'rabbit_networking:close_connections(rabbit_networking:connections(), "on order")'
        )

    def set_memory_alarm(self, on: bool) -> None:
        """Raise or clear the memory alarm, which blocks the connections that publish."""
        limit = '{absolute, 1}' if on else '0.4'
        self.eval(f'vm_memory_monitor:set_vm_memory_high_watermark({limit})')

    # -- how

    def _write_files(self, plugins: Sequence[str], config: Mapping[str, str]) -> None:
        cookie = self._folder / '.erlang.cookie'
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        text = _CONFIG.format(host=HOST, port=self.port)
        text += ''.join(f'{key} = {value}\n' for key, value in config.items())
        (self._folder / 'rabbitmq.conf').write_text(text)
        (self._folder / 'enabled_plugins').write_text(f'[{",".join(plugins)}].\n')

    def _make_environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            'PATH': os.environ['PATH'],
            'LANG': 'C.UTF-8',
            'HOME': folder,
            'ERL_EPMD_ADDRESS': HOST,
            'ERL_EPMD_PORT': str(free_port()),
            'RABBITMQ_NODENAME': 'rabbit@localhost',
            'RABBITMQ_NODE_IP_ADDRESS': HOST,
            'RABBITMQ_NODE_PORT': str(self.port),
            'RABBITMQ_DIST_PORT': str(self._distribution_port),
            'RABBITMQ_MNESIA_BASE': f'{folder}/data',
            'RABBITMQ_LOG_BASE': f'{folder}/log',
            'RABBITMQ_PID_FILE': f'{folder}/pid',
            'RABBITMQ_ENABLED_PLUGINS_FILE': f'{folder}/enabled_plugins',
            'RABBITMQ_CONFIG_FILE': f'{folder}/rabbitmq',
            'RABBITMQ_CONF_ENV_FILE': f'{folder}/there-is-none',
            'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS': '-kernel inet_dist_use_interface {127,0,0,1}',
            # The script then becomes the node instead of waiting for it, so we hold its process.
            'RUNNING_UNDER_SYSTEMD': 'true',
        }

    def _spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open('ab') as output:
            return subprocess.Popen(
                self._installation.command(command, self._folder),
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in our terminal is not for the node
            )

    def _tell_watchdog(self) -> None:
        assert self._watchdog.stdin is not None
        self._watchdog.stdin.write(f'{" ".join(map(str, self.pids))}\n'.encode())
        self._watchdog.stdin.flush()

    def _await_startup(self) -> None:
        deadline = time.monotonic() + STARTUP_TIMEOUT
        while not _speaks_amqp(self.port):
            if not self.running or time.monotonic() > deadline:
                what = 'is not up in time' if self.running else 'ended instead of starting'
                raise RabbitMQFailed(f'RabbitMQ {what}; its last words:\n{self.log()}')
            time.sleep(0.05)

    def _running_node(self) -> subprocess.Popen[bytes]:
        if self._node is None or not self.running:
            raise RabbitMQFailed('the node is not running; start() it first')
        return self._node

    def _end_node(self, how: signal.Signals) -> None:
        node = self._running_node()
        node.send_signal(signal.SIGCONT)
        node.send_signal(how)
        try:
            node.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait(STOP_TIMEOUT)
            raise RabbitMQFailed(f'RabbitMQ did not stop in {STOP_TIMEOUT} s') from None
        finally:
            self._tell_watchdog()

    def _command(self, command: list[str], text: str = '') -> str:
        self._running_node()
        done = subprocess.run(
            self._installation.command(command, self._folder),
            input=text,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise RabbitMQFailed(f'{" ".join(command)}: {done.stdout}{done.stderr}')
        return done.stdout


def _speaks_amqp(port: int) -> bool:
    """Tell whether a protocol header sent to the port is answered by connection.start."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b'AMQP\x00\x00\x09\x01')
            return connection.recv(1) == b'\x01'
    except OSError:
        return False


def _binary(text: str) -> str:
    """Write a text as an Erlang binary."""
    return f'<<{",".join(map(str, text.encode()))}>>'
