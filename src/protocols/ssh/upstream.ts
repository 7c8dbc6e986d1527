/**
 * The way to the target: through the hops, if there are any, each with its own pinned host key and credential.
 *
 * Invariants:
 * - A host key is pinned per resource; one that is not pinned ends the attempt before a credential is sent (A-SSH-18).
 * - A certificate of the gateway's authority is made for this session and its principal, for a minute, with a key that
 *   exists for as long.
 * - The hop sees the enciphered stream to the next one and nothing else.
 *
 * Deliberately absent: trust on first use (an administrator's act, `trust.ts`), passwords of the client.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { isGatewayError } from '../../base/errors.ts';
import { fingerprintOf } from '../../base/fingerprint.ts';
import { wireOf } from '../../base/sockets.ts';
import type { Wire } from '../../base/wire.ts';
import { coreErrors } from '../../core/errors.ts';
import type { UpstreamCredential, UserAuthority } from '../../core/ports.ts';
import type { Door } from '../../core/protocol.ts';
import type { Resource } from '../../core/resource.ts';
import type { Session } from '../../core/session.ts';
import { sshRoomErrors } from './errors.ts';
import { wireOverChannel } from './hop.ts';
import * as limits from './limits.ts';
import { settingsOf } from './settings.ts';
import {
  connectSsh,
  privateKeyFrom,
  privateKeyFromText,
  publicKeyFrom,
  publicKeyFromText,
  type SshClientConnection,
  type SshClientHandler,
  type SshCredential,
  type SshPrivateKey,
  type SshPublicKey,
  SshWriter,
  signCertificate,
} from './transport/index.ts';

/**
 * Connects the session to its resource. Rejects with `core.upstream-unreachable`, or with what the person may be told.
 * `handler` hears of the target itself, not of the hops.
 */
export async function openUpstream(
  session: Session,
  handler: SshClientHandler,
  door: Door,
): Promise<SshClientConnection> {
  const way = [...session.hops, session.resource];
  let wire: Wire = wireOf(await session.dial());
  for (const [index, resource] of way.entries()) {
    const isTarget = index === way.length - 1;
    const connection = await connectTo(session, resource, wire, isTarget ? handler : hopHandler(session), door);
    if (isTarget) return connection;
    const next = way[index + 1]!;
    try {
      const channel = await connection.open(
        {
          kind: 'direct-tcpip',
          target: { host: next.host, port: next.port },
          origin: { host: '127.0.0.1', port: 0 },
        },
        limits.targetStepDeadlineMs,
      );
      wire = wireOverChannel(channel, next, () => connection.destroy());
    } catch (cause) {
      connection.destroy();
      throw coreErrors('core.upstream-unreachable', { cause, values: { resource: next.name } });
    }
  }
  throw coreErrors('core.upstream-unreachable', { values: { resource: session.resource.name } });
}

/** One step of the way: the key, then the credential. The wire is closed where it rejects. */
export async function connectTo(
  session: Pick<Session, 'id' | 'credential' | 'principal'>,
  resource: Resource,
  wire: Wire,
  handler: SshClientHandler,
  door: Pick<Door, 'clock' | 'log' | 'signal'>,
): Promise<SshClientConnection> {
  const pins = settingsOf(resource).hostKeys.map(pinOf);
  if (pins.length === 0) {
    wire.destroy();
    throw sshRoomErrors('ssh.host-key-unpinned', { values: { resource: resource.name } });
  }
  const credential = await session.credential(resource);
  const credentials = credential === null ? [] : credentialsOf(session, credential, door.clock);
  if (credential === null || credentials.length === 0) {
    wire.destroy();
    throw sshRoomErrors('ssh.no-credential', { values: { resource: resource.name } });
  }
  const types = pins.map(({ type }) => type).filter((type) => type !== null);
  try {
    return await connectSsh(wire, {
      user: credential.username,
      credentials,
      verifyHostKey: (key) => pins.some((pin) => pin.matches(key)),
      ...(types.length === pins.length ? { hostKeyTypes: types } : {}),
      handler,
      clock: door.clock,
      log: door.log,
      signal: door.signal,
    });
  } catch (error) {
    wire.destroy();
    if (isGatewayError(error)) throw error;
    throw coreErrors('core.upstream-unreachable', { cause: error, values: { resource: resource.name } });
  }
}

/** A hop carries one stream; whatever it asks for is refused, and its end is the end of the session's way. */
function hopHandler(session: Session): SshClientHandler {
  return {
    open: (_open, answer) => answer.reject(1, 'not here'),
    close: () =>
      session.end({
        reason: 'upstream-closed',
        message: 'The connection to a host on the way was lost.',
        code: 'core.upstream-unreachable',
        by: null,
      }),
  };
}

interface Pin {
  /** Null where only the fingerprint is known. */
  readonly type: string | null;
  matches(key: SshPublicKey): boolean;
}

/** `ssh-ed25519 AAAA… comment` or `SHA256:…`. What is neither matches nothing. */
function pinOf(text: string): Pin {
  if (text.startsWith('SHA256:')) {
    return { type: null, matches: ({ blob }) => fingerprintOf(blob) === text.trim() };
  }
  const { type, blob } = publicKeyFromText(text);
  return { type, matches: (key) => key.blob.equals(blob) };
}

type Vouched = Pick<Session, 'id' | 'principal'>;

/** The ways to log in, the strongest first. */
function credentialsOf(session: Vouched, credential: UpstreamCredential, clock: Clock): SshCredential[] {
  const ways: SshCredential[] = [];
  if (credential.authority !== null) ways.push(certified(session, credential.username, credential.authority, clock));
  if (credential.privateKey !== null) {
    ways.push({ method: 'publickey', key: privateKeyFromText(credential.privateKey) });
  }
  if (credential.password !== null) {
    ways.push({ method: 'password', password: credential.password });
    ways.push({ method: 'keyboard-interactive', password: credential.password });
  }
  return ways;
}

/** A key of this session's own, and a certificate for it that names the principal for the target's log. */
function certified(session: Vouched, username: string, authority: UserAuthority, clock: Clock): SshCredential {
  const key = privateKeyFrom(generateKeyPairSync('ed25519').privateKey);
  const nowSeconds = Math.floor(clock.now() / 1000);
  const certificate = signCertificate(
    {
      key: key.publicKey,
      serial: randomBytes(8).readBigUInt64BE(),
      keyId: `sallyport ${session.principal.name} ${session.id}`,
      principals: [username],
      validAfter: nowSeconds - limits.certificateSkewSeconds,
      validBefore: nowSeconds + limits.certificateSeconds,
      extensions: {
        'permit-agent-forwarding': '',
        'permit-port-forwarding': '',
        'permit-pty': '',
        'permit-X11-forwarding': '',
      },
    },
    authorityKey(authority),
  );
  return { method: 'publickey', key, certificate };
}

/** The authority as the transport signs with it; its private half stays where it is kept. */
export function authorityKey({ key, sign }: UserAuthority): SshPrivateKey {
  return {
    publicKey: publicKeyFrom(key.blob),
    algorithms: ['ssh-ed25519'],
    sign: (data) => new SshWriter(128).string('ssh-ed25519').string(sign(data)).finish(),
  };
}
