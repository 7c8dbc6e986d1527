/** Reading what people write: lengths of time, moments, and secrets from standard input. */
import { cliError, usage } from './errors.ts';
import type { InputStream } from './io.ts';
import { secretBytesMax } from './limits.ts';

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s`, `30m`, `8h`, `7d` in seconds. Throws `cli.usage`. */
export function parseSeconds(text: string, option: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  if (match === null)
    throw usage(`${option} must be a length of time such as 30m, 8h or 7d.`, 'Correct it and run it again.');
  return Number(match[1]) * unitSeconds[match[2]!]!;
}

/** An ISO 8601 moment or a length of time before `nowMs`, as ISO 8601. Throws `cli.usage`. */
export function parseMoment(text: string, nowMs: number, option: string): string {
  if (/^\d{1,6}[smhd]$/.test(text)) return new Date(nowMs - parseSeconds(text, option) * 1000).toISOString();
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw usage(
      `${option} must be a moment such as 2026-01-31T12:00:00Z, or a length of time such as 2h.`,
      'Correct it and run it again.',
    );
  }
  return new Date(at).toISOString();
}

/** All of standard input as text, bounded. A final line feed is dropped, since editors and echo add one. */
export async function readSecret(stdin: InputStream, what: string): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const part = Buffer.from(chunk as Uint8Array | string);
    length += part.length;
    if (length > secretBytesMax) throw cliError('cli.too-large', { what, bytes: secretBytesMax });
    parts.push(part);
  }
  const text = Buffer.concat(parts)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (text === '') throw usage(`${what} on standard input is empty.`, 'Pipe it in: sallyport … < FILE');
  return text;
}
