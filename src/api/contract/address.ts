/**
 * Addresses of targets: `host:port`, IPv6 in brackets, the port optional where the protocol has one by default.
 *
 * Deliberately absent: resolving names, and judging where an address leads.
 */

export interface Address {
  readonly host: string;
  /** Null where the address names none. */
  readonly port: number | null;
}

const hostName =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;
const bracketed = /^\[([0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?)\](?::(.*))?$/;

/** Reads an address; null where it is none. */
export function parseAddress(text: string): Address | null {
  const six = bracketed.exec(text);
  if (six !== null) {
    const host = six[1] as string;
    if (!host.includes(':')) return null;
    return withPort(host, six[2]);
  }
  const colon = text.indexOf(':');
  const host = colon === -1 ? text : text.slice(0, colon);
  if (!hostName.test(host)) return null;
  return withPort(host, colon === -1 ? undefined : text.slice(colon + 1));
}

/** Writes an address with its port. */
export function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function withPort(host: string, text: string | undefined): Address | null {
  if (text === undefined) return { host, port: null };
  if (!/^[0-9]{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? { host, port } : null;
}
