/**
 * Shells inside the shell: which simple commands start one that a person would type into, and what is run instead so that
 * it is gated as well. Known spellings only; every other way to a prompt is what the strict posture holds.
 */
import type { ShellPlan } from './hooks/plan.ts';

const shellStart =
  /^(exec\s+)?(?:command\s+)?(?:\/(?:usr\/)?bin\/)?(bash|zsh|sh|dash)((?:\s+-(?:i|l|il|li|-login|-norc|-noprofile|-posix))*)$/;
const asRoot =
  /^(exec\s+)?(?:\/(?:usr\/)?bin\/)?sudo\s+(?:-i|-s|-H\s+-s|su|su\s+-|su\s+-l|(?:-i\s+)?(?:\/(?:usr\/)?bin\/)?(?:bash|sh|zsh))$/;
const switchUser = /^(exec\s+)?(?:\/(?:usr\/)?bin\/)?su(\s+(?:-|-l|--login))?(?:\s+root)?$/;

/** The command that starts the same with hooks, or null where `text` is no such start. */
export function gatedNested(text: string, nested: ShellPlan['nested']): string | null {
  const trimmed = text.trim();
  const plain = shellStart.exec(trimmed);
  if (plain !== null) {
    const start = plain[2] === 'zsh' ? nested.zsh : nested.bash;
    return start === undefined ? null : `${plain[1] ?? ''}${start}`;
  }
  if (nested.bash === undefined) return null;
  const root = asRoot.exec(trimmed);
  if (root !== null) return `${root[1] ?? ''}sudo -H ${nested.bash}`;
  const su = switchUser.exec(trimmed);
  // `--session-command` keeps the terminal, so that job control works inside.
  return su === null ? null : `${su[1] ?? ''}su${su[2] ?? ''} --session-command '${nested.bash}'`;
}
