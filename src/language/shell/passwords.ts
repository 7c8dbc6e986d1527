/**
 * Passwords that pass on a program's input, and what of them is recorded: nothing (A-REC-05).
 *
 * Honest limit: on a plain input a password looks like any other line. Known are the programs and options by which one is
 * asked for there; the input of all others is recorded as it is.
 */
import type { ShellAnalysis } from '../../core/shell.ts';

/** Read one from their input where there is no terminal, whatever their options. */
const readers: ReadonlySet<string> = new Set([
  'chpasswd',
  'cryptsetup',
  'kinit',
  'kpasswd',
  'mkpasswd',
  'passwd',
  'smbpasswd',
  'su',
]);

const options: Readonly<Record<string, RegExp>> = {
  sudo: /^(?:-[a-zA-Z]*S|--stdin$)/,
  mysql: /^(?:-p|--password)$/,
  mariadb: /^(?:-p|--password)$/,
  mysqldump: /^(?:-p|--password)$/,
  htpasswd: /^-[a-zA-Z]*i/,
};

const anywhere = /^--?(?:password|pass(?:phrase)?|token|secret)-(?:stdin|fd)(?:=|$)|^(?:stdin|fd:0)$/;

/** Whether something that the text runs takes a password from its input. */
export function readsPassword(shell: ShellAnalysis | null): boolean {
  return (shell?.commands ?? []).some(({ program, argv }) => {
    const own = options[program ?? ''];
    if (readers.has(program ?? '')) return true;
    return argv.slice(1).some((word) => word !== null && (anywhere.test(word) || own?.test(word) === true));
  });
}

/** A command with its input, as the record takes it where the input begins with a password. */
export function withoutFirstLine(command: string, input: string): string {
  const end = input.indexOf('\n');
  return `${command}\n(a line that may be a password)${end < 0 ? '' : input.slice(end)}`;
}
