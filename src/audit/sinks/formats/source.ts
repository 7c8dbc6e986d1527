/** Where a client came from, as events have it (an address, perhaps with a port), taken apart for formats that ask for the parts. */
import { isIP } from 'node:net';

export interface SourceParts {
  readonly ip: string | null;
  /** What is no address: a name, or whatever the event has. */
  readonly host: string | null;
  readonly port: number | null;
}

export function splitSource(source: string | null): SourceParts {
  if (source === null || source === '') return { ip: null, host: null, port: null };
  if (isIP(source) !== 0) return { ip: source, host: null, port: null };
  const match = /^\[?([^\]]*?)\]?:(\d{1,5})$/.exec(source);
  if (match !== null && isIP(match[1]!) !== 0) return { ip: match[1]!, host: null, port: Number(match[2]) };
  return { ip: null, host: source, port: null };
}
