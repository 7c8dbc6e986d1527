/**
 * Remote commands (exec, attach, run): which protocol is agreed on, and an end that speaks it.
 *
 * Source: apimachinery util/remotecommand constants.go; util/httpstream httpstream.go (Handshake); wsstream conn.go.
 */
import { ExecOverSpdy } from './exec-spdy.ts';
import { ExecOverWebSocket } from './exec-websocket.ts';
import type {
  ExecEvents,
  ExecShape,
  ExecStreams,
  ExecTransport,
  Link,
  Role,
  SpdyExecProtocol,
  WebSocketExecProtocol,
} from './types.ts';

/** What SPDY can carry, best first: what a client end offers in X-Stream-Protocol-Version. */
export const spdyExecProtocols: readonly SpdyExecProtocol[] = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
];

/** What WebSocket can carry, best first. A client end offers only those in which it can say all that it has to. */
export const webSocketExecProtocols: readonly WebSocketExecProtocol[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
];

/**
 * The protocol for a client that offers these, in its order; null where none of them is known. A client that offers none
 * gets the first version, as a kubelet does it; nothing is said to it about that.
 */
export function chooseSpdyExec(offered: readonly string[]): SpdyExecProtocol | null {
  return choose(offered, spdyExecProtocols, 'channel.k8s.io');
}

export function chooseWebSocketExec(offered: readonly string[]): WebSocketExecProtocol | null {
  return choose(offered, webSocketExecProtocols, 'channel.k8s.io');
}

export function choose<Name extends string>(
  offered: readonly string[],
  known: readonly Name[],
  fallback: Name | null,
): Name | null {
  if (offered.length === 0) return fallback;
  for (const name of offered) {
    const index = known.indexOf(name as Name);
    if (index >= 0) return known[index]!;
  }
  return null;
}

/** An end of a remote command on a transport that has switched, or is about to. Nothing happens before `start`. */
export function createExecStreams(
  role: Role,
  transport: ExecTransport,
  shape: ExecShape,
  link: Link,
  events: ExecEvents,
): ExecStreams {
  return transport.kind === 'spdy'
    ? new ExecOverSpdy(role, transport, shape, link, events)
    : new ExecOverWebSocket(role, transport, shape, link, events);
}
