/** kubectl with the stand-in: the tests of the real cluster, and what else tests will ask of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../servers/postgres.ts';
import { kubectl, kubectlOnTerminal, kubectlVersions, startKubectl } from './kubectl.ts';
import { missing } from './programs.ts';
import { capturedObjects } from './stand-in/resources.ts';
import { type Column, tableOf } from './stand-in/tables.ts';
import { type StandIn, startStandIn } from './stand-in.ts';
import { podManifest, prompt, streamsSuite } from './streams-suite.ts';

const reason = missing(kubectlVersions.map((version) => `kubectl-${version}` as const));
if (reason !== null) console.log(`the stand-in is not tried with kubectl: ${reason}`);

test('cells of tables are those that the real API server made', () => {
  for (const [path, { list, table }] of Object.entries(capturedObjects)) {
    const resource = path.split('/').at(-1)!;
    const made = tableOf(resource, table.columnDefinitions, list.items, '', 'None') as {
      readonly columnDefinitions: readonly Column[];
      readonly rows: readonly { readonly cells: readonly unknown[] }[];
    };
    if (made.columnDefinitions !== table.columnDefinitions) continue;
    const age = table.columnDefinitions.findIndex(({ name }) => name === 'Age');
    const ageless = (rows: typeof made.rows): unknown[] => rows.map(({ cells }) => cells.toSpliced(age, 1));
    expect({ path, cells: ageless(made.rows) }).toEqual({ path, cells: ageless(table.rows) });
  }
});

describe.skipIf(reason !== null)('the stand-in', () => {
  let standIn: StandIn;
  let kubeconfig: string;
  let port: number;

  beforeAll(async () => {
    standIn = await startStandIn();
    kubeconfig = await standIn.kubeconfig();
    port = await freePort();
    const made = await standIn.api('POST', '/api/v1/namespaces/shop/pods', { body: podManifest('web-1', port) });
    expect(made.status).toBe(201);
  });
  afterAll(() => standIn?.stop());

  for (const version of kubectlVersions) {
    describe(version, () => {
      streamsSuite(version, () => ({
        kubeconfig,
        namespace: 'shop',
        pod: 'web-1',
        container: 'main',
        terminalContainer: 'shell',
        port,
      }));

      const run = (...args: string[]): ReturnType<typeof kubectl> => kubectl(version, kubeconfig, args);

      test(`${version}: get shows tables, objects and what is not there`, async () => {
        const table = await run('get', 'secrets', '-n', 'shop');
        expect(table.stdout).toMatch(/^NAME +TYPE +DATA +AGE\ndatabase +Opaque +4 /);
        const one = await run('get', 'secret', 'database', '-n', 'shop', '-o', 'jsonpath={.data.password}');
        expect(Buffer.from(one.stdout, 'base64').toString()).toBe('canary-password');
        const absent = await run('get', 'secret', 'nothing', '-n', 'shop');
        expect(absent).toMatchObject({
          code: 1,
          stderr: 'Error from server (NotFound): secrets "nothing" not found\n',
        });
        const pods = await run('get', 'pods', '-A');
        expect(pods.stdout).toMatch(/shop +web-1 +3\/3 +Running/);
        const labelled = await run('get', 'pods', '-n', 'shop', '-l', 'app=web,tier!=x', '-o', 'name');
        expect(labelled.stdout).toBe('pod/web-1\n');
      });

      test(`${version}: create, patch, apply and delete`, async () => {
        const name = `made-${version}`;
        const made = await run('create', 'configmap', name, '-n', 'shop', '--from-literal=a=1', '--validate=false');
        expect(made.code, made.stderr).toBe(0);
        expect(await run('patch', 'configmap', name, '-n', 'shop', '-p', '{"data":{"b":"2"}}')).toMatchObject({
          code: 0,
        });
        await run('label', 'configmap', name, '-n', 'shop', 'x=y');
        const shown = await run('get', 'configmap', name, '-n', 'shop', '-o', 'json');
        expect(JSON.parse(shown.stdout)).toMatchObject({ data: { a: '1', b: '2' }, metadata: { labels: { x: 'y' } } });
        const gone = await run('delete', 'configmap', name, '-n', 'shop');
        expect(gone).toMatchObject({ code: 0 });
        expect(gone.stdout).toContain(`configmap "${name}" deleted`);
      });

      test(`${version}: get -w sees what happens`, async () => {
        const name = `watched-${version}`;
        const watching = startKubectl(version, kubeconfig, ['get', 'configmaps', '-n', 'shop', '-w', '-o', 'name']);
        let seen = '';
        const path = '/api/v1/namespaces/shop/configmaps';
        for await (const chunk of watching.stdout) {
          const isFirst = seen === '';
          seen += String(chunk);
          if (isFirst) await standIn.api('POST', path, { body: { metadata: { name } } });
          if (seen.includes(name)) break;
        }
        watching.kill();
        expect(seen).toContain(`configmap/${name}\n`);
      });
    });
  }

  test('debug adds a container and attaches to it', async () => {
    const args = ['debug', 'web-1', '-n', 'shop', '-it', '--image=busybox', '--profile=general', '--', 'sh'];
    const screen = kubectlOnTerminal('new', kubeconfig, args);
    const start = await screen.shows(/prompt, try pressing enter/);
    screen.type('\r');
    const at = await screen.shows(prompt, start);
    screen.type('echo $((6*7))\r');
    await screen.shows(/\n42\r?\n/, at);
    screen.type('exit\r');
    expect(await screen.process.ended).toBe(0);
  });

  test('scale, auth can-i, drain, rollout restart and create token find what they ask for', async () => {
    const run = (...args: string[]): ReturnType<typeof kubectl> => kubectl('new', kubeconfig, args);
    for (const args of [
      ['scale', 'deploy/web', '-n', 'shop', '--replicas=3'],
      ['rollout', 'restart', 'deploy/web', '-n', 'shop'],
      ['auth', 'can-i', 'delete', 'pods'],
      ['create', 'token', 'default', '-n', 'shop'],
      ['create', 'secret', 'generic', 'typed', '-n', 'shop', '--from-literal=key=canary-typed'],
      ['describe', 'secret', 'typed', '-n', 'shop'],
      ['api-resources'],
    ]) {
      const ran = await run(...args);
      expect(ran.code, `${args.join(' ')}: ${ran.stderr}`).toBe(0);
    }
    const made = JSON.parse(
      (await standIn.api('GET', '/api/v1/namespaces/shop/secrets/typed')).body.toString(),
    ) as object;
    expect(made).toMatchObject({ data: { key: Buffer.from('canary-typed').toString('base64') } });
  });

  test('whoever has no token is refused, and the impersonator must impersonate', async () => {
    const path = '/api/v1/namespaces/shop/pods';
    expect((await standIn.api('GET', path, { token: 'nobody' })).status).toBe(401);
    const token = standIn.impersonatorToken;
    expect((await standIn.api('GET', path, { token })).status).toBe(403);
    const headers = { 'impersonate-user': 'alice@example.com' };
    expect((await standIn.api('GET', path, { token, headers })).status).toBe(200);
    expect(standIn.requests.at(-1)).toMatchObject({ method: 'GET', url: path, user: 'gateway', headers });
  });
});

describe.skipIf(reason !== null)('the stand-in of an API server before 1.30', () => {
  test('kubectl falls back to SPDY', async () => {
    const standIn = await startStandIn({ abilities: { webSocketV5: false } });
    try {
      await standIn.api('POST', '/api/v1/namespaces/shop/pods', { body: podManifest('old', await freePort()) });
      const args = ['exec', '-n', 'shop', 'old', '-c', 'main', '-i', '--', 'sh', '-c', 'cat; exit 4'];
      const ran = await kubectl('newest', await standIn.kubeconfig(), args, { input: 'through SPDY\n' });
      expect(ran).toMatchObject({ code: 4, stdout: 'through SPDY\n' });
      const streams = standIn.requests.filter(({ url }) => url.includes('/exec'));
      expect(streams.map(({ headers }) => headers.upgrade)).toEqual(['websocket', 'SPDY/3.1']);
    } finally {
      await standIn.stop();
    }
  });
});
