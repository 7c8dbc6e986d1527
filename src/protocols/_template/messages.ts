/**
 * What lines mean. Pure: text to message and back.
 *
 * | client | server |
 * |---|---|
 * | `LOGIN login secret` · `READ text` · `REPEAT n` · `WRITE text` · `PUT n name` · `PING` · `QUIT` | `OK n` · `ERR code text` · `BYE code text` |
 *
 * Deliberately absent: which line may come when (startup.ts, session.ts).
 */
import { escapeLine } from '../../base/escape.ts';
import { templateErrors } from './errors.ts';
import * as limits from './limits.ts';

export type ClientMessage =
  | { readonly name: 'LOGIN'; readonly login: string; readonly secret: string }
  | { readonly name: 'READ' | 'WRITE'; readonly text: string }
  | { readonly name: 'REPEAT'; readonly count: number }
  | { readonly name: 'PUT'; readonly bytes: number; readonly target: string }
  | { readonly name: 'PING' | 'QUIT' };

export type ServerMessage =
  | { readonly name: 'OK'; readonly bytes: number }
  | { readonly name: 'ERR' | 'BYE'; readonly code: string; readonly text: string };

export function decodeClientLine(line: string): ClientMessage {
  const login = /^LOGIN (\S+) (\S+)$/.exec(line);
  if (login !== null) return { name: 'LOGIN', login: login[1]!, secret: login[2]! };
  const text = /^(READ|WRITE) (.*)$/s.exec(line);
  if (text !== null) return { name: text[1] as 'READ' | 'WRITE', text: text[2]! };
  const repeat = /^REPEAT (\d{1,10})$/.exec(line);
  if (repeat !== null) return { name: 'REPEAT', count: bounded(repeat[1]!) };
  const put = /^PUT (\d{1,10}) (\S+)$/.exec(line);
  if (put !== null) return { name: 'PUT', bytes: bounded(put[1]!), target: put[2]! };
  if (line === 'PING' || line === 'QUIT') return { name: line };
  throw templateErrors('template.malformed');
}

export function decodeServerLine(line: string): ServerMessage {
  const ok = /^OK (\d{1,10})$/.exec(line);
  if (ok !== null && Number(ok[1]) <= limits.bodyBytesMax) return { name: 'OK', bytes: Number(ok[1]) };
  const other = /^(ERR|BYE) ([a-z0-9.-]+) (.*)$/s.exec(line);
  if (other !== null) return { name: other[1] as 'ERR' | 'BYE', code: other[2]!, text: other[3]! };
  throw templateErrors('template.upstream-malformed');
}

export function encodeLogin(login: string, secret: string): Buffer {
  return Buffer.from(`LOGIN ${login} ${secret}\n`);
}

export function encodeOk(body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from(`OK ${body.length}\n`), body]);
}

export function encodeFailure(name: 'ERR' | 'BYE', code: string, text: string): Buffer {
  return Buffer.from(`${name} ${code} ${escapeLine(text)}\n`);
}

function bounded(digits: string): number {
  const value = Number(digits);
  if (value > limits.bodyBytesMax) throw templateErrors('template.malformed', { detail: 'body past its limit' });
  return value;
}
