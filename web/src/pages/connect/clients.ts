/**
 * What to paste for each client of a protocol, with everything filled in that is known here.
 *
 * Invariant: a token stands in a line only after the person asked for one on this page; otherwise the client asks for it, or finds it
 * where it keeps such things.
 */
import type { AnswerOf } from '../../api/client.ts';
import { libpqValue, literal, shellWord, uriHost, uriPart } from './quoting.ts';

export type Resource = AnswerOf<'listResources'>['resources'][number];

export interface Target {
  readonly resource: Resource;
  /** `principal+resource`. */
  readonly login: string;
  readonly host: string;
  readonly port: number;
  /** Null where clients trust the certificate already. */
  readonly caFile: string | null;
  /** PEM. */
  readonly ca: string | null;
  readonly token: string | null;
  readonly hostKeys: readonly string[];
  readonly origin: string | null;
}

export interface Snippet {
  readonly title: string;
  readonly text: string;
  readonly note?: string;
}

export interface Client {
  readonly id: string;
  readonly title: string;
  readonly snippets: readonly Snippet[];
  /** Opened in a tab of its own. */
  readonly open?: string;
}

/** How a program finds the token where it is not written out. */
const fromEnvironment = 'SALLYPORT_TOKEN';

export function clientsOf(target: Target): readonly Client[] {
  const clients = byProtocol[target.resource.protocol]?.(target) ?? [];
  return [...clients, sallyport(target)];
}

function sallyport({ resource }: Target): Client {
  const name = shellWord(resource.name);
  const starts: Readonly<Record<string, string>> = {
    postgres: `sallyport connect ${name} -- -c 'select 1'`,
    ssh: `sallyport connect ${name} -- uptime\nsallyport connect ${name} --config >> ~/.ssh/config`,
    http: `sallyport connect ${name} -- /`,
    kubernetes: `sallyport connect ${name} -- get pods\nsallyport connect ${name} --config > ~/.kube/${resource.name}`,
  };
  return {
    id: 'sallyport',
    title: 'sallyport',
    snippets: [
      {
        title: 'Sign on once',
        text: `sallyport login --server ${location.origin}`,
        note: 'It keeps a token of its own. With an authority that this machine does not know: --ca FILE.',
      },
      {
        title: 'Connect',
        text: `sallyport connect ${name}`,
        note: 'Starts the usual client with everything filled in.',
      },
      { title: 'And more', text: starts[resource.protocol] ?? `sallyport connect ${name} --print` },
    ],
  };
}

function postgres(target: Target): readonly Client[] {
  const { resource, login, host, port, caFile, token } = target;
  const configured = resource.settings['database'];
  const database = typeof configured === 'string' && configured !== '' ? configured : resource.name;
  const root = caFile ?? 'system';
  const words = [
    ...[
      ['host', host],
      ['port', String(port)],
      ['user', login],
      ['dbname', database],
    ],
    ...[
      ['sslmode', 'verify-full'],
      ['sslrootcert', root],
    ],
  ].map(([key, value]) => `${key}=${libpqValue(value!)}`);
  const password = token === null ? '' : `PGPASSWORD=${shellWord(token)} `;
  const query = `sslmode=verify-full&sslrootcert=${uriPart(root)}`;
  const secret = token === null ? '' : `:${uriPart(token)}`;
  const uri = `postgresql://${uriPart(login)}${secret}@${uriHost(host)}:${port}/${uriPart(database)}?${query}`;
  const jdbc = `jdbc:postgresql://${uriHost(host)}:${port}/${uriPart(database)}?user=${uriPart(login)}&sslmode=verify-full${caFile === null ? '' : `&sslrootcert=${uriPart(caFile)}`}`;
  const asked = token === null ? 'It asks for the password: that is the token.' : undefined;
  const python = token === null ? `os.environ["${fromEnvironment}"]` : literal(token);
  const node = token === null ? `process.env.${fromEnvironment}` : literal(token);
  return [
    {
      id: 'psql',
      title: 'psql',
      snippets: [snippet('psql', `${password}psql ${shellWord(words.join(' '))}`, asked), { title: 'URI', text: uri }],
    },
    {
      id: 'jdbc',
      title: 'DBeaver, JDBC',
      snippets: [
        snippet('JDBC URL', jdbc, 'In DBeaver: New connection, PostgreSQL, Connect by URL. The password is the token.'),
        { title: 'User', text: login },
        ...(token === null ? [] : [{ title: 'Password', text: token }]),
      ],
    },
    {
      id: 'python',
      title: 'Python',
      snippets: [
        {
          title: 'psycopg',
          text: [
            ...(token === null ? ['import os'] : []),
            'import psycopg',
            '',
            `connection = psycopg.connect(`,
            `    host=${literal(host)}, port=${port}, dbname=${literal(database)},`,
            `    user=${literal(login)}, password=${python},`,
            `    sslmode="verify-full", sslrootcert=${literal(root)},`,
            `)`,
          ].join('\n'),
        },
      ],
    },
    {
      id: 'node',
      title: 'Node',
      snippets: [
        {
          title: 'pg',
          text: [
            ...(caFile === null ? [] : ["import { readFileSync } from 'node:fs';"]),
            "import pg from 'pg';",
            '',
            'const client = new pg.Client({',
            `  host: ${literal(host)},`,
            `  port: ${port},`,
            `  database: ${literal(database)},`,
            `  user: ${literal(login)},`,
            `  password: ${node},`,
            caFile === null ? '  ssl: true,' : `  ssl: { ca: readFileSync(${literal(caFile)}, 'utf8') },`,
            '});',
            'await client.connect();',
          ].join('\n'),
        },
      ],
    },
  ];
}

function snippet(title: string, text: string, note: string | undefined): Snippet {
  return note === undefined ? { title, text } : { title, text, note };
}

function ssh(target: Target): readonly Client[] {
  const { resource, login, host, port, token, hostKeys } = target;
  const at = shellWord(`${login}@${host}`);
  const withToken = token === null ? '' : `SSHPASS=${shellWord(token)} sshpass -e `;
  const asPassword = token === null ? '' : ' -o PreferredAuthentications=password,keyboard-interactive';
  const known = port === 22 ? host : `[${host}]:${port}`;
  const path = shellWord(`${login}@${uriHost(host)}:PATH`);
  const keys: Snippet = {
    title: 'known_hosts',
    text: hostKeys.map((key) => `${known} ${key}`).join('\n'),
    note: 'The gateway’s own keys. With these lines in ~/.ssh/known_hosts, ssh asks nothing the first time.',
  };
  const asked = token === null ? 'It asks for the password: that is the token.' : undefined;
  return [
    {
      id: 'ssh',
      title: 'ssh',
      snippets: [snippet('ssh', `${withToken}ssh${asPassword} -p ${port} ${at}`, asked), keys],
    },
    {
      id: 'config',
      title: 'ssh config',
      snippets: [
        {
          title: '~/.ssh/config',
          text: [`Host ${resource.name}`, `  HostName ${host}`, `  Port ${port}`, `  User ${login}`].join('\n'),
          note: `Then: ssh ${resource.name}. For editors and Ansible without passwords: sallyport connect ${resource.name} --config >> ~/.ssh/config`,
        },
        keys,
      ],
    },
    {
      id: 'sftp',
      title: 'sftp, scp',
      snippets: [
        snippet('sftp', `${withToken}sftp${asPassword} -P ${port} ${at}`, asked),
        { title: 'scp', text: `${withToken}scp${asPassword} -P ${port} FILE ${path}` },
        { title: 'rsync', text: `${withToken}rsync -e ${shellWord(`ssh${asPassword} -p ${port}`)} FILE ${path}` },
      ],
    },
  ];
}

function http(target: Target): readonly Client[] {
  const { origin, caFile, token } = target;
  if (origin === null) return [];
  const shown = token === null ? `"$${fromEnvironment}"` : shellWord(token);
  const trust = caFile === null ? '' : ` --cacert ${shellWord(caFile)}`;
  const python = token === null ? `os.environ["${fromEnvironment}"]` : literal(token);
  const node = token === null ? `process.env.${fromEnvironment}` : literal(token);
  return [
    {
      id: 'browser',
      title: 'Browser',
      open: `${origin}/`,
      snippets: [{ title: 'Address', text: `${origin}/`, note: 'You are signed on there by your session here.' }],
    },
    {
      id: 'curl',
      title: 'curl',
      // printf is the shell's own, so that no list of processes shows the token.
      snippets: [
        {
          title: 'curl',
          text: `printf 'oauth2-bearer = "%s"\\n' ${shown} | curl -K -${trust} ${shellWord(`${origin}/`)}`,
        },
      ],
    },
    {
      id: 'python',
      title: 'Python',
      snippets: [
        {
          title: 'requests',
          text: [
            ...(token === null ? ['import os'] : []),
            'import requests',
            '',
            'answer = requests.get(',
            `    ${literal(`${origin}/`)},`,
            `    headers={"Authorization": "Bearer " + ${python}},`,
            ...(caFile === null ? [] : [`    verify=${literal(caFile)},`]),
            ')',
          ].join('\n'),
        },
      ],
    },
    {
      id: 'node',
      title: 'Node',
      snippets: [
        {
          title: 'fetch',
          text: [
            `const answer = await fetch(${literal(`${origin}/`)}, {`,
            `  headers: { authorization: \`Bearer \${${node}}\` },`,
            '});',
          ].join('\n'),
          ...(caFile === null ? {} : { note: `Start it with NODE_EXTRA_CA_CERTS=${shellWord(caFile)}` }),
        },
      ],
    },
  ];
}

function kubernetes(target: Target): readonly Client[] {
  const { resource, origin, host, port, token, ca } = target;
  if (origin === null) return [];
  const { name } = resource;
  const { hostname } = new URL(origin);
  // Go resolves no names below localhost: the address stands for itself there, and the handshake says the name.
  const isLocal = hostname.endsWith('.localhost');
  const server = isLocal ? `https://${uriHost(host === 'localhost' ? '127.0.0.1' : host)}:${port}` : origin;
  const lines = [
    'apiVersion: v1',
    'kind: Config',
    `current-context: ${name}`,
    'clusters:',
    `  - name: ${name}`,
    '    cluster:',
    `      server: ${server}`,
    ...(isLocal ? [`      tls-server-name: ${hostname}`] : []),
    ...(ca === null ? [] : [`      certificate-authority-data: ${btoa(ca)}`]),
    'users:',
    `  - name: ${name}`,
    '    user:',
    ...(token === null
      ? [
          '      exec:',
          '        apiVersion: client.authentication.k8s.io/v1beta1',
          '        command: sallyport',
          '        args: [kubernetes-credential]',
          '        interactiveMode: Never',
        ]
      : [`      token: ${token}`]),
    'contexts:',
    `  - name: ${name}`,
    `    context: { cluster: ${name}, user: ${name} }`,
  ];
  return [
    {
      id: 'kubeconfig',
      title: 'kubeconfig',
      snippets: [
        {
          title: `~/.kube/${name}`,
          text: lines.join('\n'),
          note:
            token === null
              ? 'It gets tokens by sallyport, which signs you on. Or get one above, and it stands in the file.'
              : 'The token stands in it: keep the file to yourself.',
        },
        { title: 'kubectl', text: `KUBECONFIG=~/.kube/${name} kubectl get pods` },
      ],
    },
  ];
}

const byProtocol: Readonly<Record<string, (target: Target) => readonly Client[]>> = { postgres, ssh, http, kubernetes };
