/**
 * Which shell an exec asks for: the program itself, or the first that there is, where a program asks by a text that is known to
 * the letter and does nothing else.
 */

/** `sh -c TEXT` by which programs open a shell, and what it tries in turn. */
const choices: ReadonlyMap<string, readonly string[]> = new Map([
  // k9s
  ['command -v bash >/dev/null && exec bash || exec sh', ['bash', 'sh']],
]);

/** What is tried in turn; null where the exec is no such choice. */
export function chosenShells([program, flag, text, ...more]: readonly string[]): readonly string[] | null {
  if (program !== 'sh' || flag !== '-c' || text === undefined || more.length > 0) return null;
  return choices.get(text) ?? null;
}

/** Says in SHELL which shell it is, where the container has it: `command -v` of a busybox names its own `sh` without a path. */
export function namedShell(programs: readonly string[]): string {
  const search = 'IFS=:; for d in $PATH; do [ -x "$d/$s" ] && s=$d/$s && break; done; unset IFS';
  return `for s in ${programs.join(' ')}; do case $s in */*) ;; *) ${search} ;; esac; [ -x "$s" ] && break; done; SHELL=$s; export SHELL`;
}
