/** Names as rules write them: without regard to case, since a rule restricts, and may rather match too much. */
import { compileName as compileGlob, type NameTest } from '../base/glob.ts';

export type { NameTest };

/** Tests names that are given in lower case. */
export function compileName(pattern: string): NameTest {
  return compileGlob(pattern.toLowerCase());
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
