/**
 * Kubernetes as a dialect of HTTP: what is a command, who the cluster is told asks, and how a refusal reads in kubectl.
 *
 * Deliberately absent: conversations that a request turns into (switching.ts).
 */
import { credentialFields, type Dialect, ownFields } from '../http/index.ts';
import { readableFields } from './accept.ts';
import { assertCredential, impersonationOf } from './identity.ts';
import * as limits from './limits.ts';
import { understand } from './request.ts';
import { transportOf } from './settings.ts';
import { renderStatus, warning } from './status.ts';
import { Switching } from './switching.ts';

export const kubernetesDialect: Dialect = {
  upgrades: ['websocket', 'spdy/3.1'],
  // Nobody looks at an API server with a browser; a program hears 401.
  takesVisits: false,
  // `tls-server-name` of a kubeconfig, for programs that cannot resolve the name. Without pages nothing hangs on Host.
  handshakeNames: true,
  bodyBytesMax: limits.bodyBytesMax,
  // Whatever it is, a rule may ask for it, and a body without a type is taken for JSON by the API server.
  readsBody: () => true,
  settingsOf: transportOf,
  understand,
  examinedFields: readableFields,
  credentialFields: (session, credential) => {
    assertCredential(session, credential);
    return credentialFields(credential);
  },
  ownFields: (session, context) => [...ownFields(context, null), ...impersonationOf(session)],
  notedFields: ({ judgement, ordinal }) =>
    judgement?.hold == null ? [] : [warning(`a reviewer approved this (command ${ordinal} of your session)`)],
  render: renderStatus,
  switch: (connection, request, socket) => Switching.begin(connection, request, socket),
};
