/** Completion in the YAML of a manifest: keys that may stand there, and values that are known. By indentation, so that it helps while the text does not parse. */
import type { CodeChoices } from '../../ui/editor.tsx';
import { type Path, parse, valueAt } from './document.ts';
import { indexOfVariant, type Schema, schemaAt, variantsOf } from './schema.ts';

interface Line {
  readonly indent: number;
  readonly key: string | null;
  readonly isItem: boolean;
}

function read(line: string): Line | null {
  const match = /^(\s*)((?:- )*)(?:([\w.-]+):)?/.exec(line);
  if (match === null || line.trim() === '' || line.trim().startsWith('#')) return null;
  const [, space = '', dashes = '', key = null] = match;
  return { indent: space.length + dashes.length, key, isItem: dashes !== '' };
}

/** The way of keys down to a line, by what is indented less above it. */
function wayTo(lines: readonly string[], at: number, indent: number): Path {
  const way: (string | number)[] = [];
  let below = indent;
  for (let index = at - 1; index >= 0 && below > 0; index--) {
    const line = read(lines[index]!);
    if (line === null || line.indent >= below || line.key === null) {
      if (line?.isItem && line.indent === below && line.key !== null) way.unshift(0);
      continue;
    }
    way.unshift(line.key);
    below = line.isItem ? line.indent - 1 : line.indent;
    if (line.isItem) way.unshift(0);
  }
  return way;
}

export function completeYaml(
  schema: Schema,
  text: string,
  at: number,
  suggest: (path: Path) => readonly string[],
): CodeChoices | null {
  const before = text.slice(0, at);
  const lines = before.split('\n');
  const line = lines.at(-1)!;
  if (line.trimStart().startsWith('#')) return null;
  const value = parse(text).value ?? {};
  const asValue = /^(\s*(?:- )*)([\w.-]+):\s+(?:.*[[,]\s*)?([\w.-]*)$/.exec(line);
  if (asValue !== null && !line.includes('{')) {
    const [, lead = '', key = '', typed = ''] = asValue;
    const path = [...wayTo(lines, lines.length - 1, lead.length), key];
    return choicesOf(valueChoices(schemaAt(schema, value, path), suggest(path)), at - typed.length);
  }
  const inFlow = /(?:^\s*(?:- )*|[{,]\s*)([\w.-]+):\s*\{(?:[^{}]*,)?\s*([\w.-]*)$/.exec(line);
  if (inFlow !== null) {
    const [, key = '', typed = ''] = inFlow;
    const lead = /^\s*(?:- )*/.exec(line)![0].length;
    const path = [...wayTo(lines, lines.length - 1, lead), key];
    return choicesOf(keyChoices(schemaAt(schema, value, path), valueAt(value, path), ': '), at - typed.length);
  }
  const asKey = /^(\s*(?:- )*)([\w.-]*)$/.exec(line);
  if (asKey === null) return null;
  const [, lead = '', typed = ''] = asKey;
  const path = wayTo(lines, lines.length - 1, lead.length);
  const there = schemaAt(schema, value, path);
  const isItem = lead.includes('- ');
  const of = isItem ? (there?.items ?? there) : there;
  const keys = keyChoices(of ?? null, valueAt(value, path), ': ');
  const values = isItem ? valueChoices(of ?? null, suggest(path)) : [];
  return choicesOf([...keys, ...values], at - typed.length);
}

type Choices = CodeChoices['choices'];

function choicesOf(choices: Choices, from: number): CodeChoices | null {
  return choices.length === 0 ? null : { from, choices };
}

function keyChoices(schema: Schema | null, value: unknown, end: string): Choices {
  const properties = schema?.properties ?? {};
  const given = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  return Object.entries(properties)
    .filter(([name]) => !given.includes(name))
    .map(([name, one]) => ({
      label: name,
      kind: 'property' as const,
      insert: `${name}${one.type === 'object' || one.type === 'array' ? ':' : end}`,
      ...(schema?.required?.includes(name) ? { detail: 'required' } : {}),
      ...(one.description === undefined ? {} : { info: one.description }),
    }));
}

function valueChoices(schema: Schema | null, suggested: readonly string[]): Choices {
  if (schema === null) return suggested.map((label) => ({ label, kind: 'text' as const }));
  const variants = variantsOf(schema);
  const shape = variants === null ? schema : variants[Math.max(0, indexOfVariant(variants, undefined))]!;
  const of = shape.items ?? shape;
  const choices =
    of.enum ?? (of.type === 'boolean' ? ['true', 'false'] : of.const === undefined ? [] : [String(of.const)]);
  return [
    ...choices.map((choice) => ({ label: String(choice), kind: 'enum' as const })),
    ...suggested.map((label) => ({ label, kind: 'text' as const })),
  ];
}
