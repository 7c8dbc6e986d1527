/**
 * A real web server behind the gateway: nginx with files, conditional requests, ranges, its own gzip, refusals of its own and
 * connections that it closes when it likes. Each answer is compared with the one that nginx gives without a gateway.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../../test/servers/postgres.ts';
import { type CurlAnswer, curl, eventually, openRoom, type Room } from './room-testing.ts';

/** Requests on a connection, after which nginx closes it. */
const keepaliveRequests = 3;
const bigBytes = 20_000_000;

let folder: string;
let port: number;
let room: Room;
let stop: () => Promise<void>;
const big = randomBytes(bigBytes);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-nginx-'));
  // The worker has no right to a folder of mkdtemp's where it is started by root.
  await chmod(folder, 0o755);
  await mkdir(join(folder, 'files'));
  await writeFile(join(folder, 'files', 'page.html'), `<p>${'hello '.repeat(1000)}</p>\n`);
  await writeFile(join(folder, 'files', 'small.txt'), '0123456789');
  await writeFile(join(folder, 'files', 'big.bin'), big);
  port = await freePort();
  const config = [
    'daemon off; master_process off;',
    `pid ${folder}/pid; error_log ${folder}/error.log;`,
    'events {}',
    'http {',
    `  types { text/html html; text/plain txt; } default_type application/octet-stream; access_log off;`,
    `  keepalive_requests ${keepaliveRequests}; gzip on; gzip_min_length 100; client_max_body_size 1k;`,
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};`),
    `  server { listen 127.0.0.1:${port}; root ${folder}/files;`,
    '    location = /moved { return 301 /small.txt; }',
    '    location = /gone { return 444; }',
    '  }',
    '}',
  ];
  await writeFile(join(folder, 'nginx.conf'), config.join('\n'));
  const child = spawn('/usr/sbin/nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  stop = async () => {
    const exited = once(child, 'exit');
    child.kill('SIGQUIT');
    await exited;
  };
  let isUp = false;
  await eventually(
    () => {
      void curl(`http://127.0.0.1:${port}/small.txt`).then(({ status }) => {
        isUp ||= status === 200;
      });
      return isUp;
    },
    () => 'nginx',
  );
  room = await openRoom({ target: { port } });
}, 60_000);

afterAll(async () => {
  await room?.close();
  await stop?.();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}, 60_000);

const both = async (path: string, ...args: string[]): Promise<{ direct: CurlAnswer; through: CurlAnswer }> => ({
  direct: await curl(`http://127.0.0.1:${port}${path}`, ...args),
  through: await room.curl(path, ...args),
});
const field = ({ heads }: CurlAnswer, name: string): string | null =>
  new RegExp(`^${name}: (.*?)\\r?$`, 'im').exec(heads)?.[1] ?? null;
const told = ['content-type', 'content-length', 'content-range', 'content-encoding', 'etag', 'last-modified', 'vary'];

function expectSame({ direct, through }: { direct: CurlAnswer; through: CurlAnswer }): void {
  expect(through.status).toBe(direct.status);
  expect(through.body).toBe(direct.body);
  for (const name of told) expect([name, field(through, name)]).toEqual([name, field(direct, name)]);
}

describe('nginx through the gateway answers as it does without', () => {
  test.each([
    ['a file', '/small.txt', []],
    ['its head', '/small.txt', ['--head']],
    ['a part of it', '/small.txt', ['-H', 'Range: bytes=2-4']],
    ['parts of it', '/small.txt', ['-H', 'Range: bytes=99-']],
    ['only if it changed', '/small.txt', ['-H', 'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT']],
    ['what is not there', '/nothing', []],
    ['a body that is too long for it', '/small.txt', ['-X', 'POST', '-d', 'x'.repeat(2000)]],
  ])('%s', async (_name, path, args) => {
    expectSame(await both(path, ...args));
  });

  test('what it compresses, compressed by it', async () => {
    const args = ['-H', 'Accept-Encoding: gzip'];
    const { direct, through } = await both('/page.html', ...args);
    expect(field(through, 'content-encoding')).toBe('gzip');
    expect(field(direct, 'content-encoding')).toBe('gzip');
    const plain = await both('/page.html', '--compressed');
    expect(plain.through.body).toBe(plain.direct.body);
  });

  test('a redirect leads to the origin, and is not followed', async () => {
    const through = await room.curl('/moved');
    expect(through.status).toBe(301);
    expect(field(through, 'location')).toBe(`http://${room.host}:${room.port}/small.txt`);
  });

  test('twenty megabytes, byte by byte', async () => {
    const { body, status } = await room.curl('/big.bin');
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
    expect(status).toBe(200);
    expect(digest(Buffer.from(body, 'latin1'))).toBe(digest(big));
  });

  test(`connections that it closes after ${keepaliveRequests} requests lose none of them`, async () => {
    const before = room.commands().length;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => room.curl(`/small.txt?${at}`, '-H', `X-Number: ${at}`)),
    );
    expect(answers.map(({ status, body }) => `${status} ${body}`)).toEqual(Array(40).fill('200 0123456789'));
    expect(room.commands().length - before).toBe(40);
  });

  test('a target that hangs up without an answer is told, and not asked again', async () => {
    const before = room.commands().length;
    const through = await room.curl('/gone');
    expect(through.status).toBe(502);
    expect(room.commands().length - before).toBe(1);
  });
});
