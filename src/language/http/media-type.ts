/**
 * Content types (RFC 9110, section 8.3.1): type, subtype and parameters.
 *
 * Invariant: null for what two parsers could read differently: a parameter twice, a quote that does not end.
 */

export interface MediaType {
  /** In lower case, without parameters. */
  readonly type: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const opening = new RegExp(`^(${token}/${token})[ \\t]*`);
const parameter = new RegExp(`^;[ \\t]*(?:(${token})=(?:(${token})|"((?:[\\t !#-\\[\\]-~]|\\\\[\\t !-~])*)"))?[ \\t]*`);

export function mediaTypeOf(value: string): MediaType | null {
  let rest = value.trim();
  const type = opening.exec(rest);
  if (type === null) return null;
  const parameters = new Map<string, string>();
  rest = rest.slice(type[0].length);
  while (rest !== '') {
    const found = parameter.exec(rest);
    if (found === null) return null;
    rest = rest.slice(found[0].length);
    const name = found[1]?.toLowerCase();
    if (name === undefined) continue;
    if (parameters.has(name)) return null;
    parameters.set(name, found[2] ?? found[3]!.replaceAll(/\\(.)/g, '$1'));
  }
  return { type: type[1]!.toLowerCase(), parameters };
}
