/**
 * What a protocol that is spoken over HTTP changes of it. HTTP itself is a dialect like any other.
 *
 *     bytes ─► framing ─► origin ─► who asks ─► fields ─► body ─► understand ─► judged ─► own fields ─► target
 *                                   visits      same      reads   dialect                 dialect
 *
 * Invariants: framing, origins, the fields that lie, flows, masks and the record are the same in every dialect; none can
 * turn them off. What a dialect says the request is, is what the target gets.
 *
 * Deliberately absent: dialects of other rooms; they hand theirs to `createHttpServer` (index.ts).
 */
import type { Duplex } from 'node:stream';
import type { UpstreamCredential } from '../../core/ports.ts';
import type { Resource } from '../../core/resource.ts';
import type { Command, Session } from '../../core/session.ts';
import { isReadType } from '../../language/index.ts';
import { type Answer, type Refusal, render } from './answers.ts';
import type { ClientExchange, RequestHead } from './client.ts';
import type { Connection } from './connection.ts';
import { credentialFields } from './credentials.ts';
import { examinedFields, type Field, type FieldContext, ownFields } from './fields.ts';
import { knownMessageCodings, rpcOf } from './grpc.ts';
import type { ScannedRequest } from './head.ts';
import * as limits from './limits.ts';
import { type ReadBody, type Understood, understand } from './request.ts';
import { type HttpSettings, settingsOf } from './settings.ts';
import { WebSocketExchange } from './websocket.ts';

/** A request whose client and resource are known, before it is a command. */
export interface AskedRequest {
  readonly client: ClientExchange;
  /** What of its head goes on. */
  readonly passed: readonly Field[];
  readonly body: ReadBody;
  readonly resource: Resource;
  /** What its connection turns into; null: nothing. One of `Dialect.upgrades`. */
  readonly upgrade: string | null;
}

export interface Dialect {
  /** Values of `Upgrade` that are followed, in lower case; with any other a request is taken for what it is without. */
  readonly upgrades: readonly string[];
  /** Browsers without proof are sent to the console. */
  readonly takesVisits: boolean;
  /** Clients may name an address in Host, and the resource in their handshake alone. */
  readonly handshakeNames: boolean;
  /** Longest body that is read whole before it is judged, in bytes. */
  readonly bodyBytesMax: number;
  /** Whether a body of this media type (lower case; empty where none is given) is read whole before it is judged. */
  readsBody(mediaType: string): boolean;
  /** Whether this very request is read whole, whatever its type. Absent: none. */
  readsWhole?(head: RequestHead, resource: Resource): boolean;
  settingsOf(resource: Resource): HttpSettings;
  /** The command that a request is. Throws what the client is told where it could mean two things. */
  understand(asked: AskedRequest): Understood;
  /** Changes what asks for an answer that nobody here could look into. `masked`: not even a part of it may pass unseen. */
  examinedFields(fields: readonly Field[], masked: boolean): Field[];
  /** The resource's credential as fields; throws where it is none that may be used. None: nothing is configured. */
  credentialFields(session: Session, credential: UpstreamCredential | null): Field[];
  /** What the gateway says itself, over whatever the client and the credential say by these names. May throw. */
  ownFields(session: Session, context: FieldContext): Field[];
  /** Added to the head of the answer to a command. */
  notedFields(command: Command): Field[];
  /** A refusal in the form that its clients understand. `asked`: the fields of the request, as far as it was one. */
  render(refusal: Refusal, asked: readonly Field[]): Answer;
  /** Takes over a connection whose client asks to switch to one of `upgrades`. */
  switch(connection: Connection, request: ScannedRequest, socket: Duplex): void;
}

export const httpDialect: Dialect = {
  // Everything else is taken for what it is without the upgrade.
  upgrades: ['websocket'],
  takesVisits: true,
  // A page belongs to what Host says, whatever a proxy in front of the browser made of the handshake.
  handshakeNames: false,
  bodyBytesMax: limits.analysedBodyBytesMax,
  readsBody: (mediaType) => isReadType(mediaType),
  readsWhole: (head, resource) => rpcOf(head, settingsOf(resource))?.clientStreams === false,
  settingsOf,
  understand: ({ client, passed, body, resource, upgrade }) =>
    understand(client, passed, body, settingsOf(resource), upgrade === 'websocket' ? upgrade : null),
  examinedFields: (fields, masked) => knownMessageCodings(examinedFields(fields, masked)),
  credentialFields: (_session, credential) => credentialFields(credential),
  ownFields: (session, context) => {
    const { identityHeaders } = settingsOf(session.resource);
    return ownFields(context, identityHeaders ? { principal: session.principal, session: session.id } : null);
  },
  notedFields: () => [],
  render,
  switch: (connection, request, socket) => WebSocketExchange.begin(connection, request, socket),
};
