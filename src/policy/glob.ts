/**
 * Names with `*` for any run of characters. Linear in the length of the name times the number of stars, never a regular
 * expression. Names are compared without regard to case: a rule restricts, and may rather match too much.
 */

/** True when `name`, given in lower case, is one that the pattern means. */
export type NameTest = (name: string) => boolean;

export function compileName(pattern: string): NameTest {
  const parts = pattern.toLowerCase().split('*');
  const first = parts[0]!;
  const last = parts.at(-1)!;
  if (parts.length === 1) return (name) => name === first;
  const middle = parts.slice(1, -1).filter((part) => part !== '');
  const shortest = parts.reduce((sum, part) => sum + part.length, 0);
  if (shortest === 0) return () => true;
  return (name) => {
    if (name.length < shortest || !name.startsWith(first) || !name.endsWith(last)) return false;
    let from = first.length;
    const until = name.length - last.length;
    for (const part of middle) {
      const at = name.indexOf(part, from);
      if (at < 0 || at + part.length > until) return false;
      from = at + part.length;
    }
    return true;
  };
}

interface Wild {
  /** Null where the pattern names no schema. */
  readonly schema: NameTest | null;
  readonly name: NameTest;
}

/** Names that may be qualified by a schema: `schema.name` or `name`. Those without stars cost nothing, however many. */
export class NameList {
  readonly #names = new Set<string>();
  readonly #qualified = new Set<string>();
  /** Names of `#qualified`, for what may stand in any schema. */
  readonly #unqualified = new Set<string>();
  readonly #wild: Wild[] = [];

  /** False where the pattern is neither `name` nor `schema.name`. */
  add(pattern: string): boolean {
    const parts = pattern.toLowerCase().split('.');
    if (parts.length > 2 || parts.some((part) => part === '')) return false;
    const name = parts.at(-1)!;
    const schema = parts.length === 2 ? parts[0]! : null;
    if (pattern.includes('*')) {
      this.#wild.push({ schema: schema === null ? null : compileName(schema), name: compileName(name) });
    } else if (schema === null) {
      this.#names.add(name);
    } else {
      this.#qualified.add(`${schema}.${name}`);
      this.#unqualified.add(name);
    }
    return true;
  }

  /** Patterns that are tried one by one. */
  get wildcards(): number {
    return this.#wild.length;
  }

  /** A schema that is not known may be any. */
  has(schema: string | null, name: string): boolean {
    const ofName = name.toLowerCase();
    if (this.#names.has(ofName)) return true;
    const ofSchema = schema?.toLowerCase() ?? null;
    if (ofSchema === null ? this.#unqualified.has(ofName) : this.#qualified.has(`${ofSchema}.${ofName}`)) return true;
    return this.#wild.some(
      (wild) => wild.name(ofName) && (wild.schema === null || ofSchema === null || wild.schema(ofSchema)),
    );
  }
}
