/**
 * What can be done for shells without a line hook (dash, busybox ash, any POSIX sh): prompts with marks that cannot be
 * changed for the rest of the session, so that the gate knows where a line begins, and reads it from the screen.
 *
 * Sourced through ENV. Lines are judged as displayed, before Enter is passed on. There is no command level.
 */
import type { HookPlace } from './bash.ts';

export function posixHooks(place: HookPlace, shell: 'dash' | 'ash', userEnv: string): string {
  const { prefix: p, nonce } = place.names;
  // busybox counts the columns of its prompt, and leaves out what stands between these.
  const [open, close] = shell === 'ash' ? ['\\[', '\\]'] : ['', ''];
  const mark = (letter: string, data = ''): string => `${open}\u001b]7770;${nonce};${letter}${data}\u0007${close}`;
  // Where the shell believes to be; nothing where that has control characters, or backslashes, which busybox expands in prompts:
  // they could end the mark. No variable, no failure under `set -u`, no process.
  const directory = `\${PWD+\${PWD##*[[:cntrl:]\\\\]*}}`;
  // One exchange as fish does it: over the FIFO that the side script keeps open.
  const ask = (level: 'H' | 'U', ordinal: number): string =>
    `printf '${level}\\037m.${ordinal}'$$'\\037${nonce}\\037${shell}\\037-\\000' > '${place.directory}/q'
IFS= read -r ${p}r < '${place.directory}/m'
case $${p}r in m.${ordinal}$$A) ;; *) exit 1 ;; esac`;
  return `${ask('H', 1)}
unset ENV
${userEnv === '' ? '' : `ENV='${userEnv.replaceAll("'", "'\\''")}'`}
[ -r /etc/profile ] && . /etc/profile
[ -r "$HOME/.profile" ] && . "$HOME/.profile"
[ -n "\${ENV-}" ] && [ -r "$ENV" ] && . "$ENV"
${place.lessSecure ? 'export LESSSECURE=1' : ''}
[ -n "\${PS1-}" ] || PS1='$ '
PS1='${mark('A', `;$?;${directory}`)}'"$PS1"'${mark('B')}'
PS2='${mark('F')}'"\${PS2:-> }"'${mark('G')}'
readonly PS1 PS2
${ask('U', 2)}
unset ${p}r
`;
}
