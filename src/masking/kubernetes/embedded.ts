/**
 * Values in disguise: bytes that stand in JSON as base64, and an object that stands in a text as JSON.
 *
 * Invariants: what comes out is base64, or JSON in a text, again, so that typed clients go on to read it; what cannot be read
 * as what it should be is redacted.
 */
import type { CellContext, MaskStream, ValueMask } from '../../core/masking.ts';
import { JsonBody } from '../http/json.ts';
import type { JsonRules } from '../http/json-place.ts';
import type { Values } from '../http/values.ts';
import { redacted } from '../spelling.ts';
import { fillStream } from '../streams.ts';
import { Hits } from '../terminal/hits.ts';

const text: CellContext = { type: 'text', column: '', charactersMax: null };
const redactedBytes = Buffer.from(redacted);
const redactedText = Buffer.from(redactedBytes.toString('base64'));
const redactedJson = Buffer.from(JSON.stringify(redacted));
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isText(bytes: Buffer): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** A mask of text that stands in a text; of what is none, an object or a number, `otherwise`. */
function ofText(
  { rule, how }: Pick<ValueMask, 'rule' | 'how'>,
  otherwise: (value: Buffer, cell: CellContext) => Buffer | null,
  apply: (value: Buffer) => Buffer | null,
  tooLong: Buffer | null,
): ValueMask {
  return Object.freeze({
    rule,
    how,
    apply: (value: Buffer, cell: CellContext) => (cell.type === 'text' ? apply(value) : otherwise(value, cell)),
    stream: (cell: CellContext): MaskStream => fillStream(cell),
    ...(tooLong === null ? {} : { tooLong }),
  });
}

/** What a Mask makes of the bytes that a text in base64 stands for. */
export function inBase64(inner: ValueMask): ValueMask {
  const mask = (value: Buffer): Buffer | null => {
    const spelled = value.toString('latin1');
    const bytes = base64.test(spelled) ? Buffer.from(spelled, 'base64') : null;
    // An empty value tells nothing but that it is empty, and stays valid.
    if (bytes === null || (bytes.length > 0 && !isText(bytes))) return inner.how === 'null' ? null : redactedText;
    const masked = inner.apply(bytes, text);
    return masked === null ? null : Buffer.from(masked.toString('base64'));
  };
  const tooLong = Buffer.from(inner.how === 'null' ? 'null' : JSON.stringify(redactedText.toString()));
  return ofText(inner, (value, cell) => inner.apply(value, cell), mask, tooLong);
}

/** An object or a list that is looked through as a whole cannot be: nothing of it is kept. */
const unlooked = (value: Buffer, { type }: CellContext): Buffer => (type === 'json' ? redactedJson : value);

/** What detectors find in the bytes that a text in base64 stands for. A long one is looked at as any text is. */
export function detectedInBase64(values: Values): ValueMask {
  const mask = (value: Buffer): Buffer => {
    const spelled = value.toString('latin1');
    const bytes = base64.test(spelled) ? Buffer.from(spelled, 'base64') : value;
    const masked = values.bytes(bytes, '', new Hits());
    if (masked === bytes) return value;
    return bytes === value ? masked : Buffer.from(masked.toString('base64'));
  };
  return ofText({ rule: values.detection.rule, how: 'detect' }, unlooked, mask, null);
}

/** What Masks make of the object that a text stands for as JSON. */
export function inJson(rule: string, rules: JsonRules): ValueMask {
  const mask = (value: Buffer): Buffer => {
    if (value.length === 0) return value;
    const body = new JsonBody(rules);
    const masked = Buffer.concat([Buffer.from(body.push(value)), body.end()]);
    if (body.fault !== null) return redactedBytes;
    return masked;
  };
  return ofText({ rule, how: 'detect' }, unlooked, mask, redactedJson);
}
