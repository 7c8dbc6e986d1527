/**
 * JSON and YAML for scripts.
 *
 * Invariant: the text means exactly the value, and still carries nothing that a terminal would obey (I13): what
 * JSON.stringify leaves raw (C1 controls, DEL, characters that reorder) is written as `\uXXXX`, which both formats read
 * back as the same character.
 */
import { Document, isScalar, visit } from 'yaml';
import { escapeText } from '../../base/escape.ts';

export function toJson(value: unknown): string {
  return escapeText(JSON.stringify(value, null, 2));
}

/** One line, for streams of objects. */
export function toJsonLine(value: unknown): string {
  return escapeText(JSON.stringify(value));
}

export function toYaml(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar(_key, node) {
      if (isScalar(node) && typeof node.value === 'string' && /[\r\t]/.test(node.value + escapeMark(node.value))) {
        node.type = 'QUOTE_DOUBLE';
      }
    },
  });
  return escapeText(
    document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }),
  ).trimEnd();
}

/** A mark that the pattern above finds when the text holds something that has to be escaped. */
function escapeMark(text: string): string {
  return escapeText(text) === text ? '' : '\t';
}
