"""paramiko as a client: `with_paramiko.py WHAT TOLD`, where TOLD is JSON. Prints what it saw as JSON."""
import logging
import socket
import sys
import time

import paramiko
from lib import blob, path, say, told

user = 'engineer+' + told['resource']
# A refused channel is an exception here, not a line on the error stream.
logging.getLogger('paramiko').addHandler(logging.NullHandler())


def connect(auth='password'):
    transport = paramiko.Transport(socket.create_connection(('127.0.0.1', told['port'])))
    transport.banner_timeout = transport.auth_timeout = 60
    transport.start_client(timeout=60)
    if auth == 'password':
        transport.auth_password(user, told['token'], fallback=False)
    elif auth == 'publickey':
        transport.auth_publickey(user, paramiko.Ed25519Key.from_private_key_file(told['key']))
    elif auth == 'interactive':
        transport.auth_interactive(user, lambda name, instructions, prompts: [told['token'] for _ in prompts])
    return transport


def run(transport, command, data=None):
    channel = transport.open_session(timeout=60)
    channel.settimeout(60)
    channel.exec_command(command)
    if data is not None:
        channel.sendall(data)
        channel.shutdown_write()
    out = channel.makefile('rb').read().decode()
    err = channel.makefile_stderr('rb').read().decode()
    return {'out': out, 'err': err, 'code': channel.recv_exit_status()}


def login():
    for auth in ('password', 'publickey', 'interactive'):
        transport = connect(auth)
        say(auth=auth, **run(transport, 'cat; echo told >&2; exit 7', b'by ' + auth.encode()))
        transport.close()


def wrong():
    told['token'] = 'not-the-token'
    try:
        connect()
    except paramiko.AuthenticationException as error:
        say(refused=type(error).__name__)


def until(channel, text):
    heard = b''
    end = time.monotonic() + 60
    while text not in heard:
        if time.monotonic() > end:
            raise TimeoutError(heard)
        heard += channel.recv(65536)
    return heard.decode(errors='replace')


def shell():
    transport = connect()
    channel = transport.open_session(timeout=60)
    channel.settimeout(60)
    channel.get_pty('xterm', 100, 30)
    channel.invoke_shell()
    until(channel, b'# ')
    channel.sendall(b'echo all$((40+2))owed\r')
    until(channel, b'all42owed')
    channel.sendall(b'rm -rf %s\r' % path('kept').encode())
    denial = until(channel, b'no-recursive-rm')
    channel.resize_pty(120, 40)
    channel.sendall(b'stty size; echo go$((40+2))on\r')
    after = until(channel, b'go42on')
    channel.sendall(b'exit 3\r')
    while channel.recv(65536):
        pass
    say(denial=denial, after=after, code=channel.recv_exit_status())


def sftp():
    transport = connect()
    client = paramiko.SFTPClient.from_transport(transport)
    data = blob(1_500_000)
    with open(path('here'), 'wb') as file:
        file.write(data)
    size = client.put(path('here'), path('there')).st_size
    client.get(path('there'), path('back'))
    client.mkdir(path('made'))
    client.rename(path('there'), path('made/there'))
    client.chmod(path('made/there'), 0o640)
    names = client.listdir(path('made'))
    mode = client.stat(path('made/there')).st_mode & 0o777
    with client.open(path('made/there'), 'rb') as file:
        file.seek(1_000_000)
        middle = file.read(100) == data[1_000_000:1_000_100]
    failures = {}
    for name in ('secret/key.pem', 'absent'):
        try:
            client.get(path(name), path('stolen'))
        except IOError as error:
            failures[name] = [type(error).__name__, error.errno]
    with open(path('back'), 'rb') as file:
        same = file.read() == data
    say(size=size, same=same, middle=middle, names=names, mode=mode, failures=failures)


def forward():
    transport = connect()
    channel = transport.open_channel('direct-tcpip', ('127.0.0.1', told['echo']), ('127.0.0.1', 1), timeout=60)
    channel.settimeout(60)
    channel.sendall(b'ping')
    heard = until(channel, b'ping')
    channel.close()
    try:
        transport.open_channel('direct-tcpip', ('127.0.0.1', 2), ('127.0.0.1', 1), timeout=60)
    except paramiko.ChannelException as error:
        say(heard=heard, refused=error.code, still=run(transport, 'echo still')['out'])


def held():
    transport = connect()
    say(**run(transport, 'mkdir %s && echo made' % path('held-paramiko')))


def masked():
    transport = connect()
    say(**run(transport, 'cat %s; cat %s >&2' % (path('credentials'), path('credentials'))))


def blocked():
    transport = connect()
    say(**run(transport, 'rm -rf %s' % path('kept')))


def rekey():
    transport = connect()
    channel = transport.open_session(timeout=60)
    channel.settimeout(60)
    channel.exec_command('cat')
    channel.sendall(b'before ')
    transport.renegotiate_keys()
    channel.sendall(b'after')
    channel.shutdown_write()
    echoed = channel.makefile('rb').read().decode()
    # And by bytes, in the middle of a transfer.
    transport.packetizer.REKEY_BYTES = 500_000
    data = blob(1_500_000)
    client = paramiko.SFTPClient.from_transport(transport)
    with client.open(path('rekeyed'), 'wb') as file:
        file.write(data)
    with client.open(path('rekeyed'), 'rb') as file:
        same = file.read() == data
    say(echoed=echoed, same=same)


def editor():
    """What JetBrains Gateway does: see editors.test.ts. One connection; the worker uploaded, run, and reached."""
    transport = connect('publickey')
    found = run(transport, 'uname -sm')
    home = path('JetBrains')
    client = paramiko.SFTPClient.from_transport(transport)
    client.mkdir(home)
    with open(told['server'], 'rb') as file:
        client.putfo(file, home + '/remote-dev-server.sh')
    client.chmod(home + '/remote-dev-server.sh', 0o755)
    started = run(transport, '%s/remote-dev-server.sh' % home)
    port = started['out'].partition('listeningOn==')[2].partition('=')[0]
    if port == '':
        say(found=found, started=started)
        return
    try:
        channel = transport.open_channel('direct-tcpip', ('127.0.0.1', int(port)), ('127.0.0.1', 1), timeout=60)
        channel.settimeout(60)
        channel.sendall(b'hello editor\n')
        say(found=found, started=started, heard=until(channel, b'\n'))
    except paramiko.ChannelException as error:
        say(found=found, started=started, refused=error.code)


globals()[sys.argv[1]]()
