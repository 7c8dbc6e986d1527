/**
 * Origins: where a resource of HTTP stands for browsers and programs. Each has a host name of its own,
 * `RESOURCE.DOMAIN`, since cookies, scripts and storage are kept apart by nothing less (A-HTTP-09).
 *
 * Deliberately absent: DNS. `*.localhost` leads to this machine everywhere (RFC 6761); a domain of one's own needs a
 * wildcard record that leads to the gateway.
 */

import { originLabel } from '../api/contract/index.ts';

/** What can be the first label of a host name, and so the name of a resource that has an origin. */
export function isOriginLabel(name: string): boolean {
  return originLabel.test(name);
}

/** Those of the gateway's names that resources can stand below: DNS names, in lower case, and always `localhost`, last. */
export function originDomains(names: readonly string[]): readonly string[] {
  const given = names.map((name) => name.toLowerCase().replace(/\.$/, '')).filter(isDomain);
  return [...new Set([...given.filter((name) => name !== 'localhost'), 'localhost'])];
}

/** `https://RESOURCE.DOMAIN:PORT` for each domain; none for a name that is no label. */
export function originsOf(resource: string, domains: readonly string[], port: number): readonly string[] {
  if (!isOriginLabel(resource)) return [];
  return domains.map((domain) => new URL(`https://${resource}.${domain}:${port}`).origin);
}

function isDomain(name: string): boolean {
  const labels = name.split('.');
  // Addresses end in a number (WHATWG URL, section 3.5), and so does nothing else.
  return name.length <= 190 && labels.every(isOriginLabel) && !/^[0-9]+$/.test(labels.at(-1)!);
}
