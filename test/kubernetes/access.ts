/** How tests reach an API server: by a kubeconfig, or by a request of their own. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** An API server of a test, real or not. */
export interface ApiServer {
  /** `https://127.0.0.1:PORT`. */
  readonly address: string;
  readonly port: number;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
  /** Of the user `admin` in `system:masters`. */
  readonly adminToken: string;
  /** Of the user `gateway`, who may impersonate users, groups and service accounts, and nothing else. */
  readonly impersonatorToken: string;
  readonly folder: string;
  /** Writes a kubeconfig for a token (the administrator's unless given) and says where. */
  kubeconfig(token?: string, name?: string): Promise<string>;
  /** One request, as the administrator unless `token` is given; an object as body is sent as JSON. */
  api(method: string, path: string, options?: ApiOptions): Promise<Answer>;
  stop(): Promise<void>;
}

export interface ApiOptions {
  readonly token?: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

type Reachable = Pick<ApiServer, 'address' | 'port' | 'ca' | 'adminToken' | 'folder'>;

export function callApi(server: Reachable, method: string, path: string, options: ApiOptions = {}): Promise<Answer> {
  const body = options.body === undefined ? undefined : toBytes(options.body);
  const headers: Record<string, string> = {
    authorization: `Bearer ${options.token ?? server.adminToken}`,
    ...(body === undefined ? {} : { 'content-type': options.contentType ?? 'application/json' }),
    ...(options.accept === undefined ? {} : { accept: options.accept }),
    ...options.headers,
  };
  return new Promise((resolve, reject) => {
    const { port, ca } = server;
    const sent = request({ host: '127.0.0.1', port, ca, method, path, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function writeKubeconfig(server: Reachable, token = server.adminToken, name = 'direct'): Promise<string> {
  const path = join(server.folder, `${name}-${randomBytes(4).toString('hex')}.kubeconfig`);
  const authority = Buffer.from(server.ca).toString('base64');
  const settings = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: server.address, 'certificate-authority-data': authority } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  await writeFile(path, stringify(settings), { mode: 0o600 });
  return path;
}

function toBytes(body: unknown): string | Uint8Array {
  return typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
}
