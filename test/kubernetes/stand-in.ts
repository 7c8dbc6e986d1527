/**
 * Stands in for an API server where the real one is not built (CI above all): enough of it for kubectl of any age to get,
 * list, watch, create, patch and delete, and to exec, attach, copy, forward ports and read logs of pods whose containers are
 * real processes on this machine.
 *
 * Real: discovery, the first objects, and tables' columns, all captured from the real API server (`captured/`); the streams'
 * wire formats; the processes. `streams-suite.ts` tries it and the real cluster with the same tests.
 *
 * Deliberately absent: authorisation (whoever has a token may do everything; the impersonator must impersonate),
 * admission, validation, defaults, controllers, encodings but JSON, OpenAPI (so that `kubectl create` and `apply` want
 * `--validate=false`), server-side apply's ownership of fields.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Answer, type ApiOptions, type ApiServer, callApi, writeKubeconfig } from './access.ts';
import { makeAuthority } from './certificates.ts';
import { notFound, StatusError, sendJson, sendStatus } from './stand-in/answers.ts';
import { answerResource, sendLog } from './stand-in/handlers.ts';
import { Pods } from './stand-in/pods.ts';
import { discovery, parsePath, seed } from './stand-in/resources.ts';
import { Store } from './stand-in/store.ts';
import { type Abilities, servePortForward, serveProcess, shapeOf } from './stand-in/streams.ts';

export interface StandInOptions {
  readonly abilities?: Partial<Abilities>;
  /** More tokens. */
  readonly users?: readonly { readonly token: string; readonly name: string }[];
}

/** A request as it came, in the order they came: what a test looks at to see what reached the cluster. */
export interface StandInRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  /** Of the token; the user that is impersonated is in the headers. */
  readonly user: string | null;
  /** Complete when the request has been answered; empty for streams. */
  body: Buffer;
}

export interface StandIn extends ApiServer {
  readonly requests: readonly StandInRequest[];
  readonly store: Store;
}

/** Where the captured versions end: what is made here is newer. */
const firstVersion = 100_000;

export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-stand-in-'));
  const standIn = new StandInServer(folder, options);
  await standIn.start();
  return standIn;
}

class StandInServer implements StandIn {
  readonly folder: string;
  readonly adminToken = randomBytes(16).toString('hex');
  readonly impersonatorToken = randomBytes(16).toString('hex');
  readonly requests: StandInRequest[] = [];
  readonly store = new Store(firstVersion);
  address = '';
  port = 0;
  ca = '';
  readonly #abilities: Abilities;
  readonly #users: ReadonlyMap<string, string>;
  readonly #pods: Pods;
  readonly #sockets = new Set<Duplex>();
  #server: Server | null = null;
  readonly #onExit = (): void => {
    this.#pods.killAll();
    rmSync(this.folder, { recursive: true, force: true });
  };

  constructor(folder: string, options: StandInOptions) {
    this.folder = folder;
    this.#abilities = { webSocketV5: true, ...options.abilities };
    this.#users = new Map([
      [this.adminToken, 'admin'],
      [this.impersonatorToken, 'gateway'],
      ...(options.users ?? []).map(({ token, name }) => [token, name] as const),
    ]);
    this.#pods = new Pods(this.store, join(folder, 'containers'));
    seed(this.store);
  }

  async start(): Promise<void> {
    process.once('exit', this.#onExit);
    const authority = await makeAuthority();
    this.ca = authority.cert;
    const { cert, key } = await authority.issue('kube-apiserver', { hosts: ['127.0.0.1', 'localhost'] });
    const server = createTlsServer({ cert, key, ALPNProtocols: ['http/1.1'] }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server = server;
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.address = `https://127.0.0.1:${this.port}`;
  }

  kubeconfig(token?: string, name?: string): Promise<string> {
    return writeKubeconfig(this, token, name);
  }

  api(method: string, path: string, options?: ApiOptions): Promise<Answer> {
    return callApi(this, method, path, options);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (this.#server === null ? resolve() : this.#server.close(() => resolve())));
    await this.#pods.stopAll();
    process.removeListener('exit', this.#onExit);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Who asks; the refusals are those of the real one. */
  #admit(request: IncomingMessage): StandInRequest {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const user = this.#users.get(token ?? '') ?? null;
    const { method = '', url = '', headers, rawHeaders } = request;
    const noted = { method, url, headers, rawHeaders, user, body: Buffer.alloc(0) };
    this.requests.push(noted);
    if (user === null) throw new StatusError(401, 'Unauthorized', 'Unauthorized');
    if (user === 'gateway' && headers['impersonate-user'] === undefined) {
      throw new StatusError(403, 'Forbidden', 'User "gateway" may only impersonate');
    }
    return noted;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const noted = this.#admit(request);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      noted.body = Buffer.concat(chunks);
      const url = new URL(`https://stand-in${request.url}`);
      if (this.#answerFixed(request, url.pathname, response)) return;
      const asked = parsePath(url.pathname);
      if (asked === null) throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
      if (asked.resource.name === 'pods' && asked.subresource === 'log') {
        const container = this.#pods.container(asked.namespace, asked.name, url.searchParams.get('container'));
        if (container === undefined) throw notFound('pods', asked.name);
        sendLog(container, url.searchParams, response);
        return;
      }
      await answerResource({ asked, url, request, response, body: noted.body, store: this.store, pods: this.#pods });
    } catch (error) {
      if (response.headersSent) response.destroy();
      else if (error instanceof StatusError) sendStatus(response, error);
      else sendStatus(response, new StatusError(500, 'InternalError', String(error)));
    }
  }

  #answerFixed(request: IncomingMessage, path: string, response: ServerResponse): boolean {
    if (['/healthz', '/livez', '/readyz'].includes(path)) {
      response.end('ok');
      return true;
    }
    const whole = discovery.aggregated[path.replace(/\/$/, '')];
    const type =
      /application\/json;(?:g=apidiscovery\.k8s\.io;v=v2|v=v2;g=apidiscovery\.k8s\.io);as=APIGroupDiscoveryList/;
    const found = type.exec(request.headers.accept ?? '');
    if (whole !== undefined && found !== null) {
      sendJson(response, 200, whole, found[0]);
      return true;
    }
    const plain = discovery.plain[path.replace(/\/$/, '')];
    if (plain !== undefined) sendJson(response, 200, plain);
    return plain !== undefined;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined);
    // What came with the head belongs to the stream's first frames.
    if (head.length > 0) socket.unshift(head);
    try {
      this.#admit(request);
      const url = new URL(`https://stand-in${request.url}`);
      const asked = parsePath(url.pathname);
      if (asked === null || asked.resource.name !== 'pods') {
        throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
      }
      const container = this.#pods.container(asked.namespace, asked.name, url.searchParams.get('container'));
      if (container === undefined) throw notFound('pods', asked.name);
      const { subresource } = asked;
      if (subresource === 'portforward') servePortForward(request, socket, this.#abilities);
      else if (subresource === 'exec' || subresource === 'attach') {
        const argv = subresource === 'exec' ? url.searchParams.getAll('command') : null;
        serveProcess(request, socket, container, argv, shapeOf(url.searchParams), this.#abilities);
      } else throw notFound('pods', asked.name);
    } catch (error) {
      refuse(socket, error instanceof StatusError ? error : new StatusError(500, 'InternalError', String(error)));
    }
  }
}

/** A `Status` on a connection that asked to be something else: an ordinary answer, and the end. */
function refuse(socket: Duplex, error: StatusError): void {
  const helper = createServer((_request, response) => {
    response.shouldKeepAlive = false;
    sendStatus(response, error);
  });
  helper.emit('connection', socket);
  socket.unshift(Buffer.from('GET / HTTP/1.1\r\nHost: stand-in\r\nConnection: close\r\n\r\n'));
}
