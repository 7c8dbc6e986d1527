/**
 * What a resource's settings let through: names of environment variables, and forwards by kind and place.
 *
 * Invariants: what is on no list is refused (A-SSH-10, A-SSH-15); the target itself, and the addresses at which clouds keep
 * their credentials, are reached only where the list names them, not by a wildcard (A-SSH-12).
 *
 * Honest limit: a name is resolved by the target, so a name that somebody points at such an address is not seen here.
 */
import { compileName } from '../../base/glob.ts';
import { networkOf } from '../../base/network.ts';
import { type ConnectionMeaning, hostOf } from '../../core/connections.ts';

/** Names with `*` for any run of characters; case counts. */
export function compileNames(patterns: readonly string[]): (name: string) => boolean {
  const tests = patterns.map(compileName);
  return (name) => tests.some((test) => test(name));
}

/**
 * Whether a variable leaves alone how the target's shell reads a text: in some encodings (GBK, Big5, Shift JIS) a backslash
 * may be the second half of a character, and so quotes end elsewhere than where they were seen to end (A-PG-12, for shells).
 */
export function keepsEncoding(name: string, value: string): boolean {
  return (
    !encodingNames.has(name) || /^(?:|C|POSIX|(?:C|[A-Za-z]{2,3}(?:_[A-Za-z]{2})?)\.utf-?8(?:@[a-z]+)?)$/i.test(value)
  );
}

const encodingNames: ReadonlySet<string> = new Set(['LANG', 'LC_ALL', 'LC_CTYPE']);

/**
 * `local HOST:PORT`, `remote HOST:PORT`, `local-socket PATH`, `remote-socket PATH`, `agent`, `x11`; else nothing. `own`: the
 * target's address.
 */
export function compileForwards(
  entries: readonly string[],
  own = '127.0.0.1',
): (connection: ConnectionMeaning) => boolean {
  const tests = entries.map((entry) => compileForward(entry, hostOf(own)));
  return (connection) => tests.some((test) => test(connection));
}

function compileForward(entry: string, own: string): (connection: ConnectionMeaning) => boolean {
  const [what = '', where = ''] = entry.trim().split(/\s+/, 2);
  if (what === 'agent' || what === 'x11') return ({ kind }) => kind === what;
  const direction = what.startsWith('local') ? 'outward' : 'inward';
  if (what === 'local-socket' || what === 'remote-socket') {
    const path = compileName(where);
    return (connection) =>
      connection.kind === 'unix' && connection.direction === direction && path(connection.path ?? '');
  }
  if (what !== 'local' && what !== 'remote') return () => false;
  const colon = where.lastIndexOf(':');
  const [name, number] = colon < 0 ? ['*', where] : [where.slice(0, colon), where.slice(colon + 1)];
  const pattern = hostOf(name.replace(/^\[|\]$/g, ''));
  const host = compileName(pattern);
  const isWild = pattern.includes('*');
  return (connection) => {
    if (direction === 'outward' && isWild && (connection.host === own || isSpecial(connection.host ?? '')))
      return false;
    if (connection.kind !== 'tcp' || connection.direction !== direction) return false;
    if (number !== '*' && String(connection.port) !== number) return false;
    return host(connection.host ?? '');
  };
}

/** The machine itself, its links, and the metadata services of the clouds. */
const special = ['127.0.0.0/8', '0.0.0.0/8', '::1', '::', '169.254.0.0/16', 'fe80::/10', 'fd00:ec2::254'].map(
  (text) => networkOf(text)!,
);

/** As hosts files spell it. */
const ownNames = /^(?:ip6-)?(?:localhost|loopback)[46]?(?:\.|$)/;

function isSpecial(host: string): boolean {
  return (
    host === '*' || host.endsWith('.localhost') || ownNames.test(host) || special.some((network) => network.has(host))
  );
}
