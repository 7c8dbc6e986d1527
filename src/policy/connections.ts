/**
 * `match.commands.connections`: where a carried connection ends.
 *
 * Invariants: a name is compared as written, without regard to case, and as an address where it is one; a name whose
 * address nobody knows yet may stand for any address, and a rule about networks then finds `perhaps`.
 */
import { isAddress, networkOf } from '../base/network.ts';
import { type ConnectionMeaning, connectionKinds, hostOf } from '../core/connections.ts';
import type { CommandCondition, Facts } from './facts.ts';
import { type Fields, quote } from './fields.ts';
import { both, either, type Finding, no, opaque, perhaps, yes } from './finding.ts';
import { compileName } from './glob.ts';

const selectorFields = ['kinds', 'direction', 'hosts', 'ports', 'paths'] as const;
const portMax = 65_535;

type Part = (connection: ConnectionMeaning) => Finding;

export function compileConnections(fields: Fields, path: string, value: unknown): CommandCondition {
  const given = fields.object(path, value, selectorFields);
  const parts: Part[] = [];
  const kinds = fields.choices(`${path}.kinds`, given.kinds, connectionKinds);
  if (kinds !== null) parts.push(({ kind }) => (kinds.includes(kind) ? yes : no));
  if (given.direction !== undefined) {
    const wanted = fields.choice(`${path}.direction`, given.direction, ['outward', 'inward'] as const);
    parts.push(({ direction }) => (direction === wanted ? yes : no));
  }
  const hosts = fields.list(`${path}.hosts`, given.hosts);
  if (hosts !== null) {
    const tests = hosts.map((host) => hostTest(fields, `${path}.hosts`, host));
    parts.push(({ host }) => (host === null ? no : tests.map((test) => test(host)).reduce(either, no)));
  }
  if (given.ports !== undefined) {
    const ports = portsOf(fields, `${path}.ports`, given.ports);
    // Port 0 is chosen by the target: it may be any.
    parts.push(({ port }) => (port === null ? no : port === 0 ? perhaps : ports.has(port) ? yes : no));
  }
  const paths = fields.list(`${path}.paths`, given.paths)?.map(compileName);
  if (paths !== undefined) {
    parts.push(({ path: at }) => (at !== null && paths.some((test) => test(at.toLowerCase())) ? yes : no));
  }
  if (parts.length === 0) throw fields.fault(path, 'this selects nothing in particular');
  return {
    name: path,
    isVolatile: false,
    needsStructure: false,
    steps: 0,
    test: (facts) => {
      const connection = connectionOf(facts);
      if (connection === null) return facts.command.kind === 'connection' ? opaque : no;
      return parts.map((part) => part(connection)).reduce(both);
    },
    because: ({ command }) => `the command is ${quote(command.text)}`,
  };
}

function connectionOf({ command }: Facts): ConnectionMeaning | null {
  return command.meaning?.language === 'connection' ? command.meaning.connection : null;
}

function hostTest(fields: Fields, path: string, pattern: string): (host: string) => Finding {
  if (pattern.includes('/')) {
    const network = networkOf(pattern);
    if (network === null) throw fields.fault(path, `${quote(pattern)} is no network`);
    return (host) => (isAddress(host) ? (network.has(host) ? yes : no) : perhaps);
  }
  const test = compileName(hostOf(pattern));
  const meansAddress = isAddress(hostOf(pattern));
  return (host) => {
    if (test(host)) return yes;
    // `*` listens on, or a name may stand for, the very address that the rule means.
    return host === '*' || (meansAddress && !isAddress(host)) ? perhaps : no;
  };
}

function portsOf(fields: Fields, path: string, value: unknown): ReadonlySet<number> {
  if (!Array.isArray(value) || value.length === 0) throw fields.fault(path, 'this is not a list of ports');
  return new Set(
    value.map((port: unknown) => {
      if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > portMax) {
        throw fields.fault(path, `${quote(String(port))} is no port`);
      }
      return port;
    }),
  );
}
