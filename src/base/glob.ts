/**
 * Names with `*` for any run of characters. Linear in the length of the name times the number of stars, never a regular
 * expression. Case counts.
 */

/** True when `name` is one that the pattern means. */
export type NameTest = (name: string) => boolean;

export function compileName(pattern: string): NameTest {
  const parts = pattern.split('*');
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
