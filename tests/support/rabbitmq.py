"""A private RabbitMQ node, which tests can stop, kill, freeze and restart.

This module has the folder, the ports and the processes of the node, including its epmd (Erlang's
port mapper). It ends the processes at the latest with this process. It must not know the client
under test or the place of the installation.
"""

from __future__ import annotations

import itertools
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
STOP_TIMEOUT = 30.0  # seconds
COMMAND_TIMEOUT = 60.0  # seconds

_callers = itertools.count(1)  # numbers for the names of calls

_CONFIG = """\
listeners.tcp.default = {host}:{port}
loopback_users = none
disk_free_limit.absolute = 10MB
"""

# Reads the ids of our processes, and kills them when its input ends, that is, when this process has
# ended, even by SIGKILL. After an empty line there is nothing to kill.
_WATCHDOG = """
while read -r line; do pids=$line; done
[ -z "$pids" ] || { kill -KILL $pids; rm -rf "$1"; }
"""


class RabbitMQFailed(Exception):
    """The node or one of its commands has failed. The text has their output."""


class RabbitMQNode:
    """A RabbitMQ node, which keeps its folder and ports across restarts.

    It is a context manager, which starts and closes the node. Only one thread may use it at a time.

    :param name: the name of the node on its host
    :param peer: a node of the same cluster, whose cookie and epmd this node uses. The peer must
        start first, and close last
    :param plugins: the names of plugins, such as `rabbitmq_management`
    :param config: keys and values to add to rabbitmq.conf
    :param installation: the RabbitMQ to run; by default the one for the whole suite
    :raises RabbitMQMissing: this RabbitMQ cannot run here
    """

    user = 'guest'
    password = 'guest'  # RabbitMQ's default
    host = HOST

    def __init__(
        self,
        *,
        name: str = 'rabbit',
        peer: RabbitMQNode | None = None,
        plugins: Sequence[str] = (),
        config: Mapping[str, str] | None = None,
        installation: Installation | None = None,
    ) -> None:
        self._installation = installation or chosen_installation()
        self._installation.require()
        self.name = f'{name}@localhost'
        self.port = free_port()
        self._distribution_port = free_port()
        self._peer = peer
        self._cookie: str = peer._cookie if peer else secrets.token_hex(16)
        self._epmd_port: int = peer._epmd_port if peer else free_port()
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

    # -- start and end

    def start(self) -> None:
        """Start the node. Return when it accepts AMQP connections."""
        if self.running:
            raise RabbitMQFailed('the node is running already; stop() or kill() it first')
        if self._epmd is None and self._peer is None:
            self._epmd = self._spawn(['epmd', '-address', HOST], self._folder / 'epmd.log')
        self._node = self._spawn([str(SCRIPTS / 'rabbitmq-server')], self._folder / 'console.log')
        self._tell_watchdog()
        self.await_startup()

    def stop(self) -> None:
        """Stop the node cleanly: it sends connection.close with reply code 320 to its clients."""
        self._end_node(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the node; it loses everything that is not on the disk."""
        self._end_node(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the node cleanly and start it again, on the same port with the same data."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Suspend the process of the node: its sockets stay open, and it does not answer."""
        self._running_node().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue the process of a frozen node."""
        self._running_node().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End all processes, in any state, and remove the folder. A second call does nothing."""
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

    # -- state

    @property
    def version(self) -> tuple[int, ...]:
        """The version of RabbitMQ, such as (3, 10, 8), for tests that depend on it."""
        return self._installation.version

    @property
    def running(self) -> bool:
        """Whether the process of the node exists, frozen or not."""
        return self._node is not None and self._node.poll() is None

    @property
    def pids(self) -> list[int]:
        """The ids of the processes of the node and of its port mapper."""
        processes = (self._node, self._epmd)
        return [each.pid for each in processes if each is not None and each.poll() is None]

    def url(self, vhost: str = '/') -> str:
        """Return the address of a virtual host, as amqp://."""
        path = '' if vhost == '/' else quote(vhost, safe='')
        return f'amqp://{self.user}:{self.password}@{self.host}:{self.port}/{path}'

    def log(self, lines: int = 100) -> str:
        """Return the last lines of the log and of the output of the node."""
        files = [*sorted(self._folder.glob('log/*.log')), self._folder / 'console.log']
        return '\n'.join(
            f'--- {file.name}\n'
            + '\n'.join(file.read_text('utf-8', 'replace').splitlines()[-lines:])
            for file in files
            if file.exists()
        )

    # -- commands

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl, which takes 1 to 2 seconds, and return its output."""
        return self._command([str(SCRIPTS / 'rabbitmqctl'), '--quiet', *arguments])

    def eval(self, expression: str) -> str:
        """Evaluate an Erlang expression in the node, in milliseconds, and return its value."""
        # With `-r`, two calls in one second may have the same name; the node refuses the second.
        name = f'tests-{os.getpid()}-{next(_callers)}'
        address = f'{HOST}:{self._distribution_port}'
        answer = self._command(
            ['erl_call', '-h', name, '-address', address, '-e'], f'{expression}.\n'
        )
        # erl_call prints {ok, VALUE} or {error, REASON}.
        status, _, value = answer.removeprefix('{').partition(', ')
        if status != 'ok':
            raise RabbitMQFailed(f'RabbitMQ could not evaluate {expression}: {value}')
        return value.removesuffix('}')

    def sync_declarations(self) -> None:
        """Write all declarations to the disk.

        RabbitMQ syncs messages before it confirms them, but Mnesia writes declarations a little
        later. So a node that is killed at once may lose a new queue. Khepri, the only store from
        4.3 on, syncs its log before it answers.
        """
        self.eval(
            'ok = case mnesia:system_info(is_running) of yes -> mnesia:sync_log(); no -> ok end'
        )

    def add_vhost(self, name: str) -> None:
        """Make a virtual host with all permissions for the user."""
        vhost, user, everything = _binary(name), _binary(self.user), '<<".*">>'
        self.eval(f'ok = rabbit_vhost:add({vhost}, {user})')
        self.eval(
            'ok = rabbit_auth_backend_internal:set_permissions('
            f'{user}, {vhost}, {everything}, {everything}, {everything}, {user})'
        )

    def add_reader(self, name: str, vhost: str) -> None:
        """Make a user, with its name as password, who may only read in a virtual host."""
        user, us = _binary(name), _binary(self.user)
        self.eval(f'catch rabbit_auth_backend_internal:add_user({user}, {user}, {us}), ok')
        self.eval(
            'ok = rabbit_auth_backend_internal:set_permissions('
            f'{user}, {_binary(vhost)}, <<>>, <<>>, <<".*">>, {us})'
        )

    def add_user(self, name: str, password: str, vhost: str) -> None:
        """Make a user with all permissions in a virtual host."""
        self.ctl('add_user', name, password)
        self.ctl('set_permissions', '-p', vhost, name, '.*', '.*', '.*')

    def delete_user(self, name: str) -> None:
        """Delete a user."""
        self.ctl('delete_user', name)

    def queues(self, vhost: str) -> list[str]:
        """Return the names of all queues of a virtual host."""
        return self.ctl('list_queues', '--vhost', vhost, 'name').split()

    def client_properties(self) -> str:
        """Return the client properties of all connections, as {"name","value"}."""
        return self.ctl('list_connections', 'client_properties')

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its contents, and close its connections."""
        self.eval(f'rabbit_vhost:delete({_binary(name)}, {_binary(self.user)})')

    def close_all_connections(self) -> None:
        """Close the connections of all clients with reply code 320."""
        self.eval(
            'rabbit_networking:close_connections(rabbit_networking:connections(), "on order")'
        )

    def set_memory_alarm(self, on: bool) -> None:
        """Raise or clear the memory alarm, which blocks publishing connections."""
        limit = '{absolute, 1}' if on else '0.4'
        # The connections have been told when the alarm handler answers the second call.
        self.eval(
            f'vm_memory_monitor:set_vm_memory_high_watermark({limit}), rabbit_alarm:get_alarms()'
        )

    # -- private

    def _write_files(self, plugins: Sequence[str], config: Mapping[str, str]) -> None:
        cookie = self._folder / '.erlang.cookie'
        cookie.write_text(self._cookie)
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
            'ERL_EPMD_PORT': str(self._epmd_port),
            'RABBITMQ_NODENAME': self.name,
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
            # With it, the script becomes the node instead of waiting for it.
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

    def await_startup(self) -> None:
        """Wait until the node accepts AMQP connections."""
        deadline = time.monotonic() + STARTUP_TIMEOUT
        while not _speaks_amqp(self.port):
            if not self.running or time.monotonic() > deadline:
                what = 'did not start in time' if self.running else 'ended instead of starting'
                raise RabbitMQFailed(f'RabbitMQ {what}; the end of its log:\n{self.log()}')
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
    """Whether a server at the port answers a protocol header with connection.start."""
    try:
        with socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b'AMQP\x00\x00\x09\x01')
            return connection.recv(1) == b'\x01'
    except OSError:
        return False


def _binary(text: str) -> str:
    """Return a text as an Erlang binary."""
    return f'<<{",".join(map(str, text.encode()))}>>'
