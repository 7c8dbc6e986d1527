/** HTTP for people at the command line: connecting with the real curl, the lines to paste, and exchanges in a replay. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../test/servers/certificates.ts';
import type { RecordedEntryView, SessionView } from '../api/contract/index.ts';
import { makePalette } from './output/colour.ts';
import { indentedJson } from './replay/http.ts';
import { Transcript } from './replay/transcript.ts';
import { type FakeGateway, goodToken, startFakeGateway } from './testing/fake-gateway.ts';
import { type Ran, World } from './testing/world.ts';

let gateway: FakeGateway;
let server: Server;
let world: World;
let env: Record<string, string>;
let seen: { path: string; authorization: string; agent: string }[];
let origins: string[];
let own: string;

beforeAll(async () => {
  const certificates = await makeCertificates();
  server = createServer({ cert: certificates.server.cert, key: certificates.server.key }, (request, answer) => {
    const { authorization = '', 'user-agent': agent = '' } = request.headers;
    seen.push({ path: request.url ?? '', authorization, agent });
    answer.end('{"ok":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // The test's certificate is for localhost; that an origin's is for its own name is the gateway's to test.
  own = `https://localhost:${(server.address() as AddressInfo).port}`;
  gateway = await startFakeGateway({
    listResources: () => ({
      resources: [
        {
          name: 'shop-api',
          protocol: 'http',
          title: 'HTTP',
          labels: {},
          listener: { host: '127.0.0.1', port: 15_403, tls: true },
          origins,
          settings: {},
        },
      ],
    }),
  });
  world = await World.create();
  await writeFile(join(world.directory, 'authority.pem'), certificates.authority.cert);
});
afterAll(async () => {
  server.close();
  await world[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});
beforeEach(() => {
  seen = [];
  origins = [own];
  env = {
    SALLYPORT_SERVER: gateway.url,
    SALLYPORT_TOKEN: goodToken,
    SALLYPORT_CA: join(world.directory, 'authority.pem'),
    HOME: world.directory,
    XDG_RUNTIME_DIR: world.directory,
  };
});
afterEach(async () => {
  expect((await readdir(world.directory)).filter((name) => name.startsWith('sallyport-connect-'))).toEqual([]);
});

const run = (...argv: string[]): Promise<Ran> => world.run(argv, { env });

describe('connect', () => {
  it('without a name lists where each resource stands for browsers', async () => {
    const { code, stdout } = await run('connect');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^RESOURCE +PROTOCOL +LABELS +AT$/m);
    expect(stdout).toContain(`${own}/`);
    origins = [];
    expect((await run('connect')).stdout).toMatch(/^RESOURCE +PROTOCOL +LABELS$/m);
  });

  it('runs curl with the token, which no command line holds, and takes the authority and nothing else', async () => {
    const out = join(world.directory, 'out');
    const { code } = await run('connect', 'shop-api', '--', '/v1/customers?limit=1', '-sS', '-o', out, '-A', 'tests');
    expect(code).toBe(0);
    expect(seen).toEqual([{ path: '/v1/customers?limit=1', authorization: `Bearer ${goodToken}`, agent: 'tests' }]);
    expect(await readFile(out, 'utf8')).toBe('{"ok":true}');
  });

  it('asks for / where no path is given, and takes paths and addresses of the origin where they are clear', async () => {
    const out = `-o${join(world.directory, 'out')}`;
    expect((await run('connect', 'shop-api', '--program', 'curl', '--', '-sS', out)).code).toBe(0);
    expect((await run('connect', 'shop-api', '--', '-sS', out, `${own}/b`)).code).toBe(0);
    expect((await run('connect', 'shop-api', '--', '-sS', out, '-X', 'DELETE', '/c')).code).toBe(0);
    expect((await run('connect', 'shop-api', '--', '/d', '-sS', '-o', join(world.directory, 'out'))).code).toBe(0);
    expect(seen.map(({ path }) => path)).toEqual(['/', '/b', '/c', '/d']);
    const unclear = await run('connect', 'shop-api', '--', '-o', join(world.directory, 'out'));
    expect(unclear).toMatchObject({ code: 2, stderr: expect.stringContaining('Give the path first') as string });
  });

  it('sends the token nowhere else', async () => {
    const { code, stderr } = await run('connect', 'shop-api', '--', '/a', 'https://evil.example/');
    expect(code).toBe(2);
    expect(stderr).toContain('would be sent to https://evil.example/');
    expect((await run('connect', 'shop-api', '--', own.replace('https', 'http'))).code).toBe(2);
    expect(seen).toEqual([]);
    // What follows an option is its value.
    const out = join(world.directory, 'out');
    expect(
      (await run('connect', 'shop-api', '--', '/a', '-sS', '-e', 'https://referer.example/', '-o', out)).code,
    ).toBe(0);
  });

  it('curl’s own exit code is that of the command: here a certificate for another name', async () => {
    origins = [own.replace('localhost', '127.0.0.2')];
    expect((await run('connect', 'shop-api', '--', '/', '-s', '--max-time', '5')).code).not.toBe(0);
    expect(seen).toEqual([]);
  });

  it('says what is wrong: no origin, another program, a local port', async () => {
    origins = [];
    expect((await run('connect', 'shop-api')).stderr).toContain('has no origin');
    origins = [own];
    expect((await run('connect', 'shop-api', '--program', 'psql')).stderr).toContain('It knows: curl');
    expect((await run('connect', 'shop-api', '--local-port')).stderr).toContain('need no local port');
  });

  it('prints lines that hold the token only when asked', async () => {
    origins = ['https://shop-api.gw.example.com:15403', 'https://shop-api.localhost:15403'];
    const plain = await run('connect', 'shop-api', '--print');
    expect(plain.stdout).not.toContain(goodToken);
    expect(plain.stdout).toContain(
      `curl       printf 'oauth2-bearer = "%s"\\n' "$SALLYPORT_TOKEN" | curl -K - --cacert ${env['SALLYPORT_CA']}`,
    );
    // The gateway is on this machine, by its address in the profile.
    expect(plain.stdout).toMatch(/Browser +https:\/\/shop-api\.localhost:15403\/\n/);
    expect(plain.stdout).toContain(`NODE_EXTRA_CA_CERTS=${env['SALLYPORT_CA']}`);
    const shown = await run('connect', 'shop-api', '--print', '--show-token', '-o', 'json');
    const { lines } = JSON.parse(shown.stdout) as { lines: { title: string; line: string }[] };
    expect(lines.find(({ title }) => title === 'Header')?.line).toBe(`Authorization: Bearer ${goodToken}`);
  });
});

describe('an exchange in a transcript', () => {
  const at = '2026-11-21T11:50:00Z';
  const text = (value: string): RecordedEntryView & { type: 'data' } =>
    ({
      type: 'data',
      at,
      command: 1,
      direction: 'out',
      encoding: 'utf8',
      data: value,
      bytes: Buffer.byteLength(value),
    }) as never;

  function shown(entries: readonly RecordedEntryView[], body = '', rowsMax = 50): string {
    const transcript = new Transcript(
      { id: 'ses_1', principal: { name: 'erin' }, resource: 'shop-api', startedAt: at } as SessionView,
      { palette: makePalette(false), columns: 100, rowsMax },
    );
    const command = {
      type: 'command',
      at,
      command: 1,
      kind: 'http',
      verb: 'get',
      text: `GET /v1/customers?limit=1${body}`,
      parameters: [{ type: 'accept', value: 'application/json', bytes: 16 }],
      of: null,
    } as never;
    const end = {
      type: 'completed',
      at,
      command: 1,
      outcome: 'completed',
      tag: '200',
      rows: 0,
      bytes: 9,
      durationMs: 3,
    };
    return [command, ...entries, end as never].flatMap((entry) => transcript.add(entry)).join('\n');
  }
  const head = (type: string, status = 200): RecordedEntryView => ({
    type: 'head',
    at,
    command: 1,
    direction: 'out',
    status,
    trailers: false,
    fields: [{ name: 'content-type', value: type }],
  });

  it('shows fields, status, a small JSON body with line breaks, and sizes', () => {
    const pieces = ['{"id":12345678901234567890,"na', 'me":"A\\"{,}","tags":[],"n":[1.0,{"x":null}]}'];
    expect(shown([head('application/json; charset=utf-8'), ...pieces.map(text)])).toBe(`
00:00:00.000 #1 erin→shop-api get
  GET /v1/customers?limit=1
  accept: application/json
  200
  content-type: application/json; charset=utf-8
  {
    "id": 12345678901234567890,
    "name": "A\\"{,}",
    "tags": [],
    "n": [
      1.0,
      {
        "x": null
      }
    ]
  }
✔ 200 · 74 B · 3 ms`);
  });

  it('does not repeat a request’s body that stands in its text, and shows one that does not', () => {
    const sent = { ...text('{"a":1}'), direction: 'in' as const };
    expect(shown([sent, head('text/plain', 404)], '\n\n{"a":1}').match(/"a"/g)).toHaveLength(1);
    expect(shown([sent, head('text/plain', 404)])).toContain('  {\n    "a": 1\n  }\n  404');
  });

  it('shows events as they come, cuts what is long, names what is no text, and lets nothing act on a terminal', () => {
    const stream = shown([head('text/event-stream'), text('data: 1\n\nda'), text('ta: 2\n\n')]);
    expect(stream).toContain('  data: 1\n  \n  data: 2\n');
    expect(shown([head('text/plain'), text('a\nb\nc\nd')], '', 2)).toContain('  a\n  b\n  … 2 more lines');
    const png = { ...text(''), encoding: 'base64', data: 'iVBORw0KGgo=', bytes: 8 } as never;
    expect(shown([head('image/png'), png])).toContain('(not text, 8 B)');
    expect(shown([head('text/plain'), text('\u001b[2Jx')])).not.toContain('\u001b');
  });

  it('says of each direction what was not kept', () => {
    const digest = 'ab12';
    const omitted = (direction: 'in' | 'out', bytes: number) =>
      ({ type: 'omitted', at, command: 1, direction, rows: 0, bytes, digest }) as RecordedEntryView;
    const out = shown([text('the beginning'), omitted('in', 3 << 20), omitted('out', 5 << 20)]);
    expect(out).toContain('the beginning');
    expect(out).toMatch(/… 3(?:\.0)? MiB sent beyond the recording's budget, sha256 ab12/);
    expect(out).toMatch(/… 5(?:\.0)? MiB received beyond the recording's budget, sha256 ab12/);
  });

  it('what is no JSON stays as it is', () => {
    for (const value of ['{"a":1', '{\n"a": 1}', 'plain, text', '', '[1,]', '{a}'])
      expect(indentedJson(value)).toBe(value);
    expect(indentedJson('[]')).toBe('[]');
    expect(JSON.parse(indentedJson('{"a":{"b":[{},[]]},"c":"\\\\"}'))).toEqual({ a: { b: [{}, []] }, c: '\\' });
  });
});
