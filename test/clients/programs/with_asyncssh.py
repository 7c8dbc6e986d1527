"""asyncssh as a client: `with_asyncssh.py WHAT TOLD`, where TOLD is JSON. Prints what it saw as JSON."""
import asyncio
import os
import sys
import warnings

warnings.filterwarnings('ignore')
import asyncssh  # noqa: E402
from lib import blob, path, say, told  # noqa: E402


def connect(auth='password', **more):
    methods = {'password': 'password', 'publickey': 'publickey', 'interactive': 'keyboard-interactive'}
    return asyncssh.connect(
        '127.0.0.1', told['port'], username='engineer+' + told['resource'], known_hosts=None, config=None,
        agent_path=None, preferred_auth=methods[auth], password=None if auth == 'publickey' else told['token'],
        client_keys=[told['key']] if auth == 'publickey' else None, login_timeout=60, **more)


def seen(result):
    return {'out': result.stdout, 'err': result.stderr, 'code': result.exit_status}


async def login():
    for auth in ('password', 'publickey', 'interactive'):
        async with connect(auth) as connection:
            say(auth=auth, **seen(await connection.run('cat; echo told >&2; exit 7', input='by ' + auth)))


async def wrong():
    told['token'] = 'not-the-token'
    try:
        async with connect():
            pass
    except asyncssh.PermissionDenied as error:
        say(refused=type(error).__name__)


async def until(reader, text):
    heard = ''
    while text not in heard:
        chunk = await asyncio.wait_for(reader.read(65536), 60)
        if chunk == '':
            raise EOFError(heard)
        heard += chunk
    return heard


async def shell():
    async with connect() as connection:
        process = await connection.create_process(term_type='xterm', term_size=(100, 30))
        await until(process.stdout, '# ')
        process.stdin.write('echo all$((40+2))owed\r')
        await until(process.stdout, 'all42owed')
        process.stdin.write('rm -rf %s\r' % path('kept'))
        denial = await until(process.stdout, 'no-recursive-rm')
        process.change_terminal_size(120, 40)
        process.stdin.write('stty size; echo go$((40+2))on\r')
        after = await until(process.stdout, 'go42on')
        process.stdin.write('exit 3\r')
        await process.wait()
        say(denial=denial, after=after, code=process.exit_status)


async def sftp():
    async with connect() as connection, connection.start_sftp_client() as client:
        data = blob(1_500_000)
        with open(path('here'), 'wb') as file:
            file.write(data)
        await client.put(path('here'), path('there'))
        size = await client.getsize(path('there'))
        await client.get(path('there'), path('back'))
        await client.mkdir(path('made'))
        await client.rename(path('there'), path('made/there'))
        await client.chmod(path('made/there'), 0o640)
        names = [name for name in await client.listdir(path('made')) if name not in ('.', '..')]
        mode = (await client.stat(path('made/there'))).permissions & 0o777
        async with client.open(path('made/there'), 'rb') as file:
            middle = await file.read(100, 1_000_000) == data[1_000_000:1_000_100]
        failures = {}
        for name in ('secret/key.pem', 'absent'):
            try:
                await client.get(path(name), path('stolen'))
            except asyncssh.SFTPError as error:
                failures[name] = [type(error).__name__, error.code]
        with open(path('back'), 'rb') as file:
            same = file.read() == data
        say(size=size, same=same, middle=middle, names=names, mode=mode, failures=failures)


async def forward():
    async with connect() as connection:
        listener = await connection.forward_local_port('127.0.0.1', 0, '127.0.0.1', told['echo'])
        reader, writer = await asyncio.open_connection('127.0.0.1', listener.get_port())
        writer.write(b'ping')
        heard = (await asyncio.wait_for(reader.readexactly(10), 60)).decode()
        writer.close()
        try:
            await connection.open_connection('127.0.0.1', 2)
        except asyncssh.ChannelOpenError as error:
            say(heard=heard, refused=error.code, still=(await connection.run('echo still')).stdout)


async def held():
    async with connect() as connection:
        say(**seen(await connection.run('mkdir %s && echo made' % path('held-asyncssh'))))


async def masked():
    async with connect() as connection:
        say(**seen(await connection.run('cat %s; cat %s >&2' % (path('credentials'), path('credentials')))))


async def blocked():
    async with connect() as connection:
        say(**seen(await connection.run('rm -rf %s' % path('kept'))))


async def rekey():
    data = blob(500_000)
    async with connect(rekey_bytes=200_000) as connection, connection.start_sftp_client() as client:
        process = await connection.create_process('cat')
        process.stdin.write('before ')
        async with client.open(path('rekeyed'), 'wb') as file:
            await file.write(data)
        async with client.open(path('rekeyed'), 'rb') as file:
            same = await file.read() == data
        process.stdin.write('after')
        process.stdin.write_eof()
        say(echoed=await asyncio.wait_for(process.stdout.read(), 60), same=same)


asyncio.run(globals()[sys.argv[1]]())
os._exit(0)
