/** Networks of addresses in CIDR notation (RFC 4632), and whether an address is in one. No sockets. */
import { BlockList, isIP } from 'node:net';

export interface Network {
  has(address: string): boolean;
}

/** True for a plain IPv4 or IPv6 address. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}

/** `10.0.0.0/8`, `fd00::/8`, or one address; null for anything else. An IPv4-mapped address counts as its IPv4 one. */
export function networkOf(text: string): Network | null {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = isIP(address);
  const bits = slash < 0 ? (family === 4 ? 32 : 128) : Number(text.slice(slash + 1) || Number.NaN);
  if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) return null;
  const list = new BlockList();
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  return {
    has: (candidate) => {
      const its = isIP(candidate);
      return its !== 0 && list.check(candidate, its === 4 ? 'ipv4' : 'ipv6');
    },
  };
}
