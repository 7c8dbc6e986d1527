/**
 * Who and what, before the upstream is opened: the client's login, and then ours at the upstream.
 *
 * Invariants: identity comes from the one LOGIN that succeeded (A-PG-03); nothing may follow it before it is answered;
 * the upstream's own words never reach the client before the session stands.
 */
import { withDeadline } from '../../base/deadline.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Wire } from '../../base/wire.ts';
import { coreErrors } from '../../core/errors.ts';
import { splitLogin } from '../../core/login.ts';
import type { Door } from '../../core/protocol.ts';
import type { Session, Upstream } from '../../core/session.ts';
import { FrameReader } from './codec.ts';
import { templateErrors } from './errors.ts';
import * as limits from './limits.ts';
import { decodeClientLine, decodeServerLine, encodeFailure, encodeLogin, encodeOk } from './messages.ts';

type Readable = Pick<Wire, 'handle' | 'pause'>;

/** Logs the client in and the gateway in at the upstream. Null: the client was told why not, and is being closed. */
export async function start(client: Wire, door: Door): Promise<{ session: Session; upstream: Upstream } | null> {
  let session: Session | null = null;
  let side: 'client' | 'upstream' = 'client';
  try {
    const line = await oneLine(client, door, limits.loginDeadlineMs, 'login of the client');
    const message = decodeClientLine(line);
    if (message.name !== 'LOGIN') throw templateErrors('template.unexpected', { detail: message.name });
    const login = splitLogin(message.login);
    if (login === null || login.resource === null) {
      door.refuseIdentity(message.login, 'core.not-authenticated');
      throw coreErrors('core.not-authenticated');
    }
    const principal = await door.identifyBySecret(message.login, message.secret);
    session = await door.openSession(principal, login.resource, {});
    const upstream = await session.dial();
    side = 'upstream';
    await logInUpstream(session, upstream, door);
    session.establish();
    client.write(encodeOk());
    return { session, upstream };
  } catch (error) {
    refuse(client, door, side, error);
    if (session !== null) {
      const code = error instanceof GatewayError ? error.code : null;
      session.finish({ reason: client.closed ? 'client-closed' : 'failed', message: '', code, by: null });
    }
    return null;
  }
}

async function logInUpstream(session: Session, upstream: Upstream, door: Door): Promise<void> {
  const credential = await session.credential();
  const answer = oneLine(upstream, door, limits.upstreamDeadlineMs, 'login at the resource');
  upstream.handshake(encodeLogin(credential?.username ?? '-', credential?.password ?? '-'));
  const message = decodeServerLine(await answer);
  if (message.name !== 'OK') throw templateErrors('template.upstream-credential', { detail: message.code });
}

/** The one line that may come now. Anything behind it is refused: nobody asked for it yet. */
function oneLine(wire: Readable, door: Door, deadlineMs: number, what: string): Promise<string> {
  const reader = new FrameReader();
  const line = new Promise<string>((resolve, reject) => {
    const closed = (): void => reject(templateErrors('template.closed'));
    wire.handle({
      read(chunk) {
        try {
          reader.push(chunk);
          const frame = reader.next();
          if (frame === null) return;
          wire.pause();
          if (reader.waitingBytes > 0) throw templateErrors('template.unexpected', { detail: 'early data' });
          if (frame.type === 'line') resolve(frame.text);
        } catch (error) {
          reject(error);
        }
      },
      end: closed,
      drain: () => undefined,
      close: closed,
    });
  });
  return withDeadline(line, deadlineMs, what, door.clock, door.signal);
}

/** Tells the client why, journals broken protocol, and closes. */
function refuse(client: Wire, door: Door, side: 'client' | 'upstream', error: unknown): void {
  const known = error instanceof GatewayError ? error : null;
  if (known?.kind === 'protocol') door.violation(side, known.code, known.detail ?? known.publicMessage);
  const text = known?.publicMessage ?? 'The gateway could not go on with this connection.';
  client.handle({ read: () => undefined, end: () => undefined, drain: () => undefined, close: () => undefined });
  client.end(encodeFailure('BYE', known?.code ?? 'base.assertion', text));
  door.clock.after(limits.refusalLingerMs, () => client.destroy());
}
