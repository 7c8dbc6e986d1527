/**
 * Options as getopt reads them: clusters, values attached or apart, long names and their abbreviations.
 *
 * Invariant: `isCertain` only where every word before the operands was understood; otherwise what follows is a guess.
 */
import { dynamic, type Field, literal, mayBeOption } from './field.ts';

export interface OptionSpec {
  /** Letters without a value. */
  readonly flags: string;
  /** Letters with a value. */
  readonly values: string;
  /** Letters with a value only where it is attached. */
  readonly optional?: string;
  /** Long names, separated by blanks; `name=` takes a value, `name?` one only where it is attached. */
  readonly long?: string;
  /** Long names begin with one dash (`find`, `java`, …). */
  readonly isSingleDash?: boolean;
  /** Options count behind operands too. */
  readonly permutes?: boolean;
}

export interface Option {
  readonly name: string;
  readonly value: Field | null;
}

export interface Options {
  readonly options: readonly Option[];
  readonly operands: readonly Field[];
  readonly isCertain: boolean;
  /** Why not, for people. */
  readonly doubt: string;
}

/** `fields` without the name of the program. */
export function parseOptions(spec: OptionSpec, fields: readonly Field[]): Options {
  const options: Option[] = [];
  const operands: Field[] = [];
  let doubt: string | null = null;
  let at = 0;
  for (; at < fields.length; at += 1) {
    const field = fields[at]!;
    const { text } = field;
    if (text === '--') {
      operands.push(...fields.slice(at + 1));
      break;
    }
    if (text === null || !text.startsWith('-') || text === '-') {
      if (text === null && mayBeOption(field)) doubt ??= 'a dynamic word';
      operands.push(...(spec.permutes === true ? [field] : fields.slice(at)));
      if (spec.permutes !== true) break;
      continue;
    }
    const read = text.startsWith('--') ? readLong(spec, text, fields[at + 1]) : readShort(spec, text, fields[at + 1]);
    options.push(...read.options);
    if (read.doubt !== null) doubt ??= read.doubt;
    if (read.takesNext) at += 1;
  }
  return { options, operands, isCertain: doubt === null, doubt: doubt ?? '' };
}

interface Read {
  readonly options: Option[];
  readonly takesNext: boolean;
  readonly doubt: string | null;
}

function readLong({ long = '' }: OptionSpec, text: string, next: Field | undefined): Read {
  const equals = text.indexOf('=');
  const written = text.slice(2, equals < 0 ? undefined : equals);
  const names = long.split(' ').filter((name) => name !== '');
  const exact = names.find((name) => name.replace(/[=?]$/, '') === written);
  const matches = exact !== undefined ? [exact] : names.filter((name) => name.startsWith(written));
  const [found] = matches;
  if (found === undefined || matches.length > 1) {
    const value = equals < 0 ? null : literal(text.slice(equals + 1));
    return { options: [{ name: written, value }], takesNext: false, doubt: text };
  }
  const name = found.replace(/[=?]$/, '');
  if (equals >= 0)
    return { options: [{ name, value: literal(text.slice(equals + 1)) }], takesNext: false, doubt: null };
  if (!found.endsWith('=')) return { options: [{ name, value: null }], takesNext: false, doubt: null };
  return { options: [{ name, value: next ?? null }], takesNext: true, doubt: splits(next) };
}

function readShort(spec: OptionSpec, text: string, next: Field | undefined): Read {
  const options: Option[] = [];
  for (let at = 1; at < text.length; at += 1) {
    const name = text[at]!;
    const rest = text.slice(at + 1);
    if (spec.values.includes(name)) {
      if (rest !== '') return { options: [...options, { name, value: literal(rest) }], takesNext: false, doubt: null };
      return { options: [...options, { name, value: next ?? null }], takesNext: true, doubt: splits(next) };
    }
    if (spec.optional?.includes(name) === true) {
      return {
        options: [...options, { name, value: rest === '' ? null : literal(rest) }],
        takesNext: false,
        doubt: null,
      };
    }
    options.push({ name, value: null });
    if (!spec.flags.includes(name)) return { options, takesNext: false, doubt: text };
  }
  return { options, takesNext: false, doubt: null };
}

/** A value that may be several words, or none, moves everything behind it. */
function splits(next: Field | undefined): string | null {
  return next !== undefined && !next.isSingle ? 'a dynamic word' : null;
}

export function valueIn({ options }: Options, ...names: readonly string[]): Field | null {
  return options.findLast(({ name, value }) => names.includes(name) && value !== null)?.value ?? null;
}

export function has({ options }: Options, ...names: readonly string[]): boolean {
  return options.some(({ name }) => names.includes(name));
}

export const unknownValue = dynamic('', true);
