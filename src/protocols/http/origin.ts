/**
 * Which resource a request is for: by the origin that the client named, and by nothing else (A-HTTP-10).
 *
 * Invariants: exactly one host is named, in origin-form; what Host, `:authority` and SNI say is the same name; a name that
 * is no resource's below one of the listener's domains is 421, whatever else the request says (A-HTTP-02, A-HTTP-09).
 */
import { httpErrors } from './errors.ts';
import { type Field, valuesOf } from './fields.ts';

export interface Origin {
  /** Name of the resource. */
  readonly resource: string;
  /** The domain that its origin is below. */
  readonly domain: string;
  /** As the client spelled it, in lower case, with its port. */
  readonly authority: string;
}

export interface Named {
  readonly version: '0.9' | '1.0' | '1.1' | '2';
  /** `:authority` of HTTP/2, or null. */
  readonly authority: string | null;
  readonly fields: readonly Field[];
  /** What the client named in its TLS handshake, where that is known. */
  readonly serverName: string | null;
  readonly domains: readonly string[];
  /** A Host that is an address names nobody: then the handshake does. */
  readonly handshakeNames?: boolean;
}

// A host name of RFC 1123 and perhaps a port: no user, no brackets, no address that could be another's.
const authorityForm = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)\.?(?::([0-9]{1,5}))?$/;
// An address of either kind, and perhaps a port.
const addressForm = /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$/;
const resourceForm = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;

/** Throws `http.malformed` or `http.wrong-origin`. */
export function originOf({ version, authority, fields, serverName, domains, handshakeNames }: Named): Origin {
  const hosts = valuesOf(fields, 'host');
  if (hosts.length > 1) throw malformed('it has more than one Host');
  const [host] = hosts;
  if (version !== '2' && host === undefined) throw malformed('it has no Host');
  if (version === '2' && authority === null && host === undefined) throw malformed('it names no authority');
  if (authority !== null && host !== undefined && authority.toLowerCase() !== host.toLowerCase()) {
    throw malformed('its Host is not its authority');
  }
  const said = (authority ?? host!).toLowerCase();
  const address = handshakeNames === true && serverName !== null ? addressForm.exec(said) : null;
  const named = address === null ? said : `${serverName!.toLowerCase()}${address[1] ?? ''}`;
  const parts = authorityForm.exec(named);
  if (parts === null) throw malformed('its Host is no host name');
  const [, name = ''] = parts;
  if (serverName !== null && serverName.toLowerCase().replace(/\.$/, '') !== name)
    throw httpErrors('http.wrong-origin');
  for (const domain of domains) {
    if (!name.endsWith(`.${domain}`)) continue;
    const resource = name.slice(0, -domain.length - 1);
    if (resourceForm.test(resource)) return { resource, domain, authority: named };
  }
  throw httpErrors('http.wrong-origin');
}

function malformed(what: string): Error {
  return httpErrors('http.malformed', { values: { what } });
}
