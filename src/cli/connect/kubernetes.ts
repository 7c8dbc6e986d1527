/**
 * Kubernetes for `sallyport connect`: kubectl, helm or k9s with a kubeconfig that exists for the call, and a kubeconfig that
 * lasts, in which a credential plugin gives out short-lived tokens (`sallyport kubernetes-credential`).
 *
 * Invariants:
 * - The token is in no command line: a throw-away kubeconfig names a file that only its owner can read, a lasting one none.
 * - The gateway's certificate is always checked, for the resource's own name.
 *
 * Kubernetes documentation: "Organizing Cluster Access Using kubeconfig Files"; client.authentication.k8s.io.
 */
import { join } from 'node:path';
import { usage } from '../errors.ts';
import type { ClientAdapter, Invocation, PrepareOptions, PrintedLine, Target } from './client.ts';
import { shellWord } from './quote.ts';
import { makeThrowAway, removeThrowAway, writeText } from './ssh-files.ts';

const programs = ['kubectl', 'helm', 'k9s'] as const;

/** The version of the plugin's protocol that kubectl before 1.22 knows, and later ones still do (tried up to 1.36). */
const pluginVersion = 'client.authentication.k8s.io/v1beta1';

export const kubernetesClient: ClientAdapter = {
  protocol: 'kubernetes',
  title: 'Kubernetes',
  programs,
  prepare,
  printedLines,
  forward: null,
  config,
};

async function prepare(target: Target, options: PrepareOptions): Promise<Invocation> {
  const directory = await makeThrowAway(options.env);
  try {
    const token = join(directory, 'token');
    await writeText(token, target.token);
    const path = join(directory, 'config');
    await writeText(path, kubeconfig(target, { tokenFile: token }));
    return {
      program: options.program ?? programs[0],
      args: options.args,
      env: { KUBECONFIG: path },
      dispose: () => removeThrowAway(directory),
    };
  } catch (error) {
    await removeThrowAway(directory);
    throw error;
  }
}

function config(target: Target): Promise<{ readonly text: string; readonly note: string }> {
  const exec = {
    apiVersion: pluginVersion,
    command: 'sallyport',
    args: ['kubernetes-credential'],
    interactiveMode: 'Never',
    installHint: 'Install sallyport, and sign on with: sallyport login',
  };
  return Promise.resolve({
    text: kubeconfig(target, { exec }),
    note: `To use it: sallyport connect ${target.resource} --config > ~/.kube/${target.resource} and export KUBECONFIG=~/.kube/${target.resource}`,
  });
}

/** JSON, which is YAML as well, and has one way to spell a text. */
function kubeconfig(target: Target, user: object): string {
  const name = target.resource;
  const { server, serverName } = addressOf(target);
  const cluster = {
    server,
    ...(serverName === null ? {} : { 'tls-server-name': serverName }),
    ...(target.caFile === null ? {} : { 'certificate-authority': target.caFile }),
  };
  const whole = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    preferences: {},
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/** Go resolves no names below localhost: the address stands for itself there, and the handshake says the name. */
function addressOf({ origin, resource, host, port }: Target): { server: string; serverName: string | null } {
  if (origin === undefined || origin === null) {
    throw usage(
      `${resource} has no origin that kubectl could use.`,
      'Its administrator gives clusters names that are labels of host names; see sallyport status for the listener.',
    );
  }
  const { hostname } = new URL(origin);
  if (!hostname.endsWith('.localhost')) return { server: origin, serverName: null };
  const address = host === 'localhost' ? '127.0.0.1' : host;
  return { server: `https://${address.includes(':') ? `[${address}]` : address}:${port}`, serverName: hostname };
}

function printedLines(target: Target, { isTokenShown }: { readonly isTokenShown: boolean }): readonly PrintedLine[] {
  const { server, serverName } = addressOf(target);
  const name = shellWord(target.resource);
  const token = isTokenShown ? shellWord(target.token) : '"$SALLYPORT_TOKEN"';
  return [
    { title: 'kubectl', line: `sallyport connect ${name} -- get pods` },
    {
      title: 'kubeconfig',
      line: `sallyport connect ${name} --config > ~/.kube/${name} && export KUBECONFIG=~/.kube/${name}`,
    },
    { title: 'Server', line: server },
    ...(serverName === null ? [] : [{ title: 'Server name', line: serverName }]),
    ...(target.caFile === null ? [] : [{ title: 'Authority', line: target.caFile }]),
    { title: 'Token', line: isTokenShown ? target.token : token },
  ];
}
