/**
 * `sallyport connect`: starts the stock client with everything filled in, prints the lines or a configuration, or opens a
 * local port.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import { formatAddress, type OpenableResource } from '../../api/contract/index.ts';
import { escapeLine } from '../../base/escape.ts';
import type { Api } from '../api.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import type { ClientAdapter, Invocation, Target } from '../connect/client.ts';
import { clientAdapterOf, clientAdapters } from '../connect/index.ts';
import { openLocalPort } from '../connect/local-port.ts';
import { cliError, codeOf, reasonOf, usage } from '../errors.ts';
import { exitCodes } from '../exit.ts';
import { toJson, toYaml } from '../output/structured.ts';
import { displayWidth, padTo } from '../output/width.ts';

export const connectCommand: CommandSpec = {
  name: 'connect',
  group: 'Connect',
  summary: 'Open a resource with its stock client, or a local port for other tools.',
  arguments: [
    { name: '[resource]', description: 'What to open; left out, lists what you may open.', complete: 'resource' },
    { name: '[client-args...]', description: 'Arguments for the client, after --.' },
  ],
  options: [
    {
      flags: '--program <name>',
      description: 'Another client than the usual: sftp, scp or rsync for SSH, helm or k9s for Kubernetes.',
      choices: ['psql', 'ssh', 'sftp', 'scp', 'rsync', 'curl', 'kubectl', 'helm', 'k9s'],
    },
    {
      flags: '--print',
      description: 'Print lines to paste instead (psql, URI, JDBC, Python; ssh, sftp, rsync; curl, variables).',
    },
    {
      flags: '--config',
      description: 'Print a configuration that lasts: of ssh, for editors, Ansible, rsync and git; a kubeconfig.',
    },
    { flags: '--show-token', description: 'With --print: write the access token into the lines.' },
    {
      flags: '--local-port [port]',
      description: 'Open a port on 127.0.0.1 for tools that cannot do TLS or need a fixed address.',
    },
    { flags: '--database <name>', description: "Another database than the resource's own, where it allows that." },
  ],
  examples: [
    'sallyport connect orders',
    "sallyport connect orders -- -c 'select count(*) from payments'",
    'sallyport connect orders --local-port 5433',
    'sallyport connect web-1 -- uptime',
    'sallyport connect web-1 -- -L 8080:localhost:80 -N',
    'sallyport connect web-1 --program scp -- app.tar web-1:/tmp/',
    'sallyport connect web-1 --config >> ~/.ssh/config',
    'sallyport connect shop-api -- /v1/customers',
    'sallyport connect shop-api --print',
    'sallyport connect shop-cluster -- get pods',
    'sallyport connect shop-cluster --config > ~/.kube/shop-cluster',
  ],
  async run(context) {
    const { args, options } = context;
    const api = await context.api();
    const { resources } = await api.client.call('listResources');
    const name = args[0];
    if (name === undefined) return await listResources(context, resources);
    const resource = resources.find((candidate) => candidate.name === name);
    if (resource === undefined) {
      throw cliError('cli.no', {
        what: `There is no resource ${name} that you may open.`,
        todo: `See what you may open: sallyport connect, and why not this: sallyport explain ${name}. To ask for it: sallyport request ${name} --for 1h`,
      });
    }
    const adapter = clientAdapterOf(resource.protocol);
    if (adapter === null) {
      const known = clientAdapters.map((candidate) => candidate.title).join(', ');
      throw usage(
        `This version cannot start a client for ${resource.title}.`,
        `It knows: ${known}. Connect with the client of your choice.`,
      );
    }
    const target = await targetOf(context, api, resource, adapter);
    const port = localPortOf(context);
    if (port !== null) return await serveLocalPort(context, adapter, target, port);
    if (options.flag('print')) return await printLines(context, adapter, target, null);
    if (options.flag('config')) return await printConfig(context, api, adapter, target);
    const program = options.text('program');
    if (program !== null && !adapter.programs.includes(program)) {
      throw usage(`${adapter.title} is not opened with ${program}.`, `It knows: ${adapter.programs.join(', ')}.`);
    }
    const invocation = await adapter.prepare(target, { api, env: context.io.env, program, args: args.slice(1) });
    try {
      return await startClient(context, invocation, target);
    } finally {
      await invocation.dispose?.();
    }
  },
};

async function listResources(context: CommandContext, resources: readonly OpenableResource[]): Promise<undefined> {
  const { output } = context;
  await output.result(resources, async () => {
    if (resources.length === 0)
      return output.note('There is no resource that you may open. To ask for one: sallyport request RESOURCE --for 1h');
    const { server } = await context.api();
    const origins = resources.map((resource) => originFor(server.hostname, resource.origins));
    const hasOrigins = origins.some((origin) => origin !== null);
    await output.table(
      [
        { title: 'RESOURCE' },
        { title: 'PROTOCOL' },
        { title: 'LABELS', widest: 60 },
        ...(hasOrigins ? [{ title: 'AT' }] : []),
      ],
      resources.map((resource, index) => [
        { text: resource.name, paint: output.palette.strong },
        resource.title,
        Object.entries(resource.labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(', '),
        ...(hasOrigins ? [origins[index] === null ? '' : `${origins[index]}/`] : []),
      ]),
    );
  });
  return undefined;
}

async function targetOf(
  context: CommandContext,
  api: Api,
  resource: OpenableResource,
  adapter: ClientAdapter,
): Promise<Target> {
  if (resource.listener === null) {
    throw cliError('cli.no', {
      what: `The gateway has no open port for ${resource.title} now.`,
      todo: 'Its administrator can add a listener; see sallyport status.',
    });
  }
  const isSsh = adapter.protocol === 'ssh';
  if (!isSsh && !resource.listener.tls) {
    throw usage(
      `The port for ${resource.title} takes connections without TLS.`,
      'A token is not sent in clear; have its listener set up with TLS.',
    );
  }
  if (!isSsh && api.profile.ca === null && api.server.protocol === 'http:') {
    // Over plain HTTP on this machine login needed no authority, but the resource's port speaks TLS.
    throw usage(
      "The authority of the gateway's certificates is not known here.",
      'Name the file that the gateway printed when it started: sallyport login --ca FILE',
    );
  }
  const principal = api.profile.principal ?? (await api.client.call('whoami')).name;
  const database = context.options.text('database') ?? resource.settings['database'];
  return {
    resource: resource.name,
    login: `${principal}+${resource.name}`,
    token: api.profile.token!,
    // A listener on every address names none; the gateway is where the API is.
    host: isUnspecified(resource.listener.host) ? api.server.hostname.replace(/^\[|\]$/g, '') : resource.listener.host,
    port: resource.listener.port,
    caFile: api.profile.ca,
    ca: api.ca,
    database: typeof database === 'string' ? database : null,
    origin: originFor(api.server.hostname, resource.origins),
    ...(isSsh ? { hostKeys: (await api.client.call('sshKeys')).hostKeys } : {}),
  };
}

function localPortOf(context: CommandContext): number | null {
  if (context.options.flag('localPort')) return 0;
  return context.options.integer('localPort', { minimum: 1, maximum: 65_535 });
}

async function printLines(
  context: CommandContext,
  adapter: ClientAdapter,
  target: Target,
  local: { readonly host: string; readonly port: number } | null,
): Promise<undefined> {
  const { options, output } = context;
  const isTokenShown = options.flag('showToken');
  const lines = adapter.printedLines(target, { isTokenShown, local });
  const structured = { resource: target.resource, login: target.login, lines };
  if (output.format === 'json') await output.line(toJson(structured));
  else if (output.format === 'yaml') await output.line(toYaml(structured));
  else {
    const width = Math.max(...lines.map((line) => displayWidth(line.title)));
    for (const { title, line } of lines) {
      await output.line(`${output.palette.faint(padTo(title, width))}  ${escapeLine(line)}`);
    }
  }
  if (!isTokenShown) output.note('The password is your access token; --show-token writes it into the lines.');
  return undefined;
}

async function printConfig(
  context: CommandContext,
  api: Api,
  adapter: ClientAdapter,
  target: Target,
): Promise<undefined> {
  if (adapter.config === undefined) {
    throw usage(`There is no configuration for ${adapter.title}.`, `Print lines instead: --print`);
  }
  const directory = join(context.profiles.directory, adapter.protocol, await context.profileName());
  const { text, note } = await adapter.config(target, { api, directory });
  await context.output.write(text);
  context.output.note(note);
  return undefined;
}

async function serveLocalPort(
  context: CommandContext,
  adapter: ClientAdapter,
  target: Target,
  port: number,
): Promise<number> {
  const { output, signal } = context;
  if (adapter.forward === null) {
    throw usage(
      `Clients of ${adapter.title} need no local port.`,
      `Give them the gateway itself: sallyport connect ${target.resource} --config, or --print`,
    );
  }
  const local = await openLocalPort(adapter.forward, target, port);
  try {
    output.note(`✔ ${adapter.title} for ${target.resource} on ${formatAddress(local.host, local.port)}, until Ctrl-C.`);
    await printLines(context, adapter, target, local);
    await output.flush();
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await local.close();
  }
  return exitCodes.interrupted;
}

/** Runs the client as if it had been called directly: its streams, its signals, its exit code. */
async function startClient(context: CommandContext, invocation: Invocation, target: Target): Promise<number> {
  const { io } = context;
  context.takeSignals();
  const child = spawn(invocation.program, invocation.args, { stdio: 'inherit', env: { ...io.env, ...invocation.env } });
  const releases = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) =>
    io.onSignal(name, () => {
      // At a terminal Ctrl-C reaches the child by itself; handing it on would cancel twice.
      if (name === 'SIGINT' && io.stdin.isTTY === true) return;
      child.kill(name);
    }),
  );
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, name) => resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
    });
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      throw cliError('cli.no-client', { program: invocation.program, resource: target.resource }, error);
    throw usage(`${invocation.program} could not be started: ${reasonOf(error)}.`, 'Check its installation.');
  } finally {
    for (const release of releases) release();
  }
}

/** The origin below the name that the gateway is known by here; below localhost where the gateway is on this machine. */
function originFor(server: string, origins: readonly string[]): string | null {
  const name = /^(?:127(?:\.\d+){3}|\[::1\])$/.test(server) ? 'localhost' : server;
  return origins.find((origin) => new URL(origin).hostname.endsWith(`.${name}`)) ?? origins[0] ?? null;
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '';
}
