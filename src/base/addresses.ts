/**
 * Where the gateway may connect on behalf of a configured URL (A-API-04).
 *
 * Invariants: every address that a name resolves to must be allowed, and the connection goes to one that was looked at, so
 * that a name which changes its mind in between reaches nothing else; link-local addresses, where clouds keep their
 * metadata, are never allowed.
 *
 * RFC 6890 and IANA's registries of special-purpose addresses.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, type LookupFunction } from 'node:net';

function blockOf(...ranges: readonly string[]): BlockList {
  const block = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix = ''] = range.split('/');
    block.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return block;
}

const never = blockOf(
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::/32',
);

const notPublic = blockOf(
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '::1/128',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  'fc00::/7',
  'fec0::/10',
);

/** IPv6 addresses that carry an IPv4 address, which is what counts: mapped, translated, 6to4. */
const carrying = blockOf('::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '::/96');

/** Whether `address` may be connected to; `allowPrivate` where its operator said so for this endpoint. */
export function isAllowedAddress(address: string, allowPrivate: boolean): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const kind = family === 6 ? 'ipv6' : 'ipv4';
  if (never.check(address, kind)) return false;
  // Loopback lies in ::/96 as well, and is no disguise.
  if (kind === 'ipv6' && carrying.check(address, 'ipv6') && !isLoopback(address)) return false;
  return allowPrivate || !notPublic.check(address, kind);
}

function isLoopback(address: string): boolean {
  return notPublic.check(address, 'ipv6') && new URL(`http://[${address}]/`).hostname === '[::1]';
}

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** The address to connect to for `host`, or null where one that it resolves to is not allowed. Rejects as DNS does. */
export async function resolveAllowed(host: string, allowPrivate: boolean): Promise<ResolvedAddress | null> {
  return (await resolveAllAllowed(host, allowPrivate))?.[0] ?? null;
}

/** All addresses of `host`, in the order to try them, or null where one of them is not allowed. Rejects as DNS does. */
export async function resolveAllAllowed(
  host: string,
  allowPrivate: boolean,
): Promise<readonly ResolvedAddress[] | null> {
  const bare = host.replace(/^\[|\]$/g, '');
  const found = await lookup(bare, { all: true, verbatim: true });
  return found.length > 0 && found.every(({ address }) => isAllowedAddress(address, allowPrivate)) ? found : null;
}

/** A lookup that answers these addresses, which were looked at, whatever the name resolves to by now. At least one. */
export function pinnedTo(addresses: readonly ResolvedAddress[]): LookupFunction {
  const [first] = addresses;
  return (_host, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first!.address, first!.family);
  };
}

/**
 * For libraries that connect by themselves: a lookup that finds only what may be connected to. Nothing is looked up for a
 * literal address, which its caller checks (`isAllowedAddress`).
 */
export function allowedLookup(allowPrivate: boolean): LookupFunction {
  return (host, options, callback) => {
    resolveAllAllowed(host, allowPrivate).then(
      (found) => {
        const first = found?.[0];
        if (found === null || first === undefined) {
          callback(Object.assign(new Error('an address that is not allowed'), { code: 'EADDRNOTALLOWED' }), '', 0);
        } else if (options.all === true) callback(null, [...found]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}
