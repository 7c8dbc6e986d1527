/**
 * Head fields of answers: what of the target's goes to the client, and what is recorded.
 *
 * Invariants:
 * - No field lets the target speak for another origin than its own: `Domain` of cookies is taken off, cookies by the gateway's
 *   names are dropped, `Alt-Svc` does not lead round the gateway (A-HTTP-09). Redirects to the target's own address lead to
 *   the origin; they are never followed here (A-HTTP-10).
 * - What is masked is masked before it is recorded or delivered.
 *
 * Deliberately absent: bodies.
 */
import type { HttpMasks } from '../../core/masking.ts';
import { type Field, folded, isOwnCookie, namedByConnection, omitted } from './fields.ts';
import { addressFields, addressWithoutPasswords } from './passwords.ts';
import type { Secrets } from './secrets.ts';

export interface AnswerFieldContext {
  /** Scheme and authority by which the client named the origin. */
  readonly origin: string;
  /** Those by which the target may name itself. */
  readonly targetOrigins: readonly string[];
  readonly masks: HttpMasks | null;
  readonly secrets: Secrets;
}

export interface AnswerFields {
  readonly delivered: Field[];
  readonly recorded: Field[];
}

const dropped: ReadonlySet<string> = new Set([
  'alt-svc',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
]);

export function answerFields(sent: readonly Field[], context: AnswerFieldContext): AnswerFields {
  const named = namedByConnection(sent);
  const delivered: Field[] = [];
  const recorded: Field[] = [];
  for (const [name, value] of sent) {
    const known = folded(name);
    if (named.has(known) || dropped.has(known) || known.startsWith('x-sallyport-')) continue;
    let out = value;
    if (known === 'location' || known === 'content-location' || known === 'refresh') out = atOrigin(value, context);
    else if (known === 'set-cookie') {
      const cookie = ownCookieOnly(value);
      if (cookie === null) continue;
      out = cookie;
    }
    out = maskedValue(name, out, context);
    delivered.push([name, out]);
    const plain = addressFields.has(known) ? addressWithoutPasswords(out) : out;
    recorded.push([known, known === 'set-cookie' ? out.replace(/=[^;]*/, `=${omitted}`) : plain]);
  }
  return { delivered, recorded };
}

function maskedValue(name: string, value: string, { masks, secrets }: AnswerFieldContext): string {
  const out = secrets.inText(value);
  return masks === null ? out : masks.header(name.toLowerCase(), out);
}

/** The target's own address becomes the origin's. */
function atOrigin(value: string, { origin, targetOrigins }: AnswerFieldContext): string {
  for (const target of targetOrigins) {
    const at = value.toLowerCase().indexOf(target.toLowerCase());
    if (at < 0) continue;
    const next = value[at + target.length];
    if (next === undefined || '/?#'.includes(next)) {
      return value.slice(0, at) + origin + value.slice(at + target.length);
    }
  }
  return value;
}

/** A cookie of this origin and no other; null where it would be one of the gateway's own. */
function ownCookieOnly(value: string): string | null {
  const [pair = '', ...attributes] = value.split(';');
  if (isOwnCookie(pair.split('=', 1)[0]!)) return null;
  return [pair, ...attributes.filter((one) => !/^\s*domain\s*(?:=|$)/i.test(one))].join(';');
}
