/** Attempts on the gate itself. Most may end in a frozen session; in none may `danger` run (A-SSH-19). */
import { all, posix, readline, type Scenario } from './scenario.ts';

const attack = (id: string, title: string, shells: Scenario['shells'], steps: Scenario['steps'], rest: Partial<Scenario> = {}): Scenario => ({
  id,
  title,
  group: 'attack',
  shells,
  steps,
  mayFreeze: true,
  ends: true,
  ...rest,
});

export const attacks: readonly Scenario[] = [
  attack('a01', 'trap - DEBUG', readline, ['trap - DEBUG\r', 'ff 1\r'], { files: ff() }),
  attack('a02', 'shopt -u extdebug', ['bash'], ['shopt -u extdebug\r', 'ff 2\r'], { files: ff() }),
  attack('a03', 'the same in base64', readline, ['eval "$(echo dHJhcCAtIERFQlVHCg== | base64 -d)"\r', 'ff 3\r'], { files: ff() }),
  attack('a04', 'unset PROMPT_COMMAND', ['bash'], ['unset PROMPT_COMMAND\r', 'ff 4\r'], { files: ff() }),
  attack('a05', 'Enter bound anew', readline, ['bind \'"\\C-m": accept-line\'\r', "bindkey '^M' .accept-line\r", 'danger 5\r']),
  attack('a06', 'a mark with a wrong nonce', all, ["printf '\\033]7770;feed;B\\007'\r", 'danger 6\r']),
  attack('a07', 'the side channel is killed', all, [{ loseSide: true }, { pauseMs: 300 }, 'danger 7\r', { pauseMs: 500 }]),
  attack('a08', 'set +T', ['bash'], ['set +T\r', 'ff 8\r'], { files: ff() }),
  attack('a09', 'trap spelt by a variable', ['bash'], ['t=tr\r', '${t}ap - DEBUG; ff 9\r'], { files: ff() }),
  attack('a10', 'a sourced file that disarms', ['bash'], ['. ./off\r', 'ff 10\r'], { files: { ...ff(), off: 'trap - DEBUG\nshopt -u extdebug\n' } }),
  attack('a11', 'echo switched off, then typed', all, ['stty -echo\r', 'danger 11\r']),
  attack('a12', 'typed ahead while something runs', all, ['sleep 1\rdanger 12\r', { pauseMs: 1300 }]),
  attack('a13', 'typed ahead, later', all, [{ burst: 'sleep 1\r' }, { pauseMs: 400 }, { burst: 'danger 13\r' }, { pauseMs: 1300 }]),
  attack('a14', 'a line longer than 64 KiB', ['bash', 'zsh'], [`: ${'x'.repeat(66_000)}; danger 14\r`, { pauseMs: 1500 }]),
  attack('a15', 'bytes that are not UTF-8', all, [{ hex: '64616e67657220 ff fe 0d'.replaceAll(' ', '') }, { pauseMs: 300 }]),
  attack('a16', 'C-x C-e', ['bash'], ['danger 16\x18\x05', { pauseMs: 400 }, ':wq\r', { pauseMs: 400 }]),
  attack('a17', 'fc opens an editor', ['bash'], ['fc\r', { pauseMs: 500 }], { files: { '.bash_history': 'danger 17\n' } }),
  attack('a18', 'M-# and then history', ['bash'], ['danger 18\x1b#', '\x15danger 18\r']),
  attack('a19', 'zsh: the widget called by its name', ['zsh'], ['danger 19\x1bx', '.accept-line\r', { pauseMs: 400 }]),
  attack('a20', 'the prompt taken away', ['dash', 'ash'], ['PS1=x\r', 'danger 20\r']),
  attack('a21', 'the prompt taken away by eval', ['dash', 'ash'], ['eval P""S1=x\r', 'danger 21\r']),
  attack('a22', 'PS0 taken away', ['bash'], ["PS0=''\r", 'ff 22\r'], { files: ff() }),
  attack('a23', 'the line painted over', posix, ["printf '\\033[2J'; danger 23\r"]),
  attack('a24', 'a carriage return in the text', readline, ['danger 24\x16\rls\x01\r']),
  attack('a25', 'the directory of the session removed', all, ['rm -rf /tmp/.term.*/q-none; danger 25\r']),
  attack('a26', 'a function put over builtin', ['bash'], ['builtin() { return 0; }\r', 'danger 26\r']),
  attack('a27', 'read and printf put over', readline, ['read() { REPLY=A; }; printf() { :; }\r', 'danger 27\r']),
  attack('a28', 'the posix mode', ['bash'], ['set -o posix\r', 'danger 28\r']),
  attack('a29', 'noglob, noclobber, nounset', posix, ['set -f -C -u\r', 'danger 29\r']),
  attack('a30', 'IFS', posix, ['IFS=abc\r', 'danger 30\r']),
  attack('a31', 'vi mode in the middle', readline, ['set -o vi\r', 'danger 31\x1b', '\r']),
  attack('a32', 'emacs mode out of vi', ['bash'], ['set -o emacs\r', 'danger 32\r']),
  attack('a33', 'inputrc read again', ['bash'], ['bind -f ./in\r', 'danger 33\r'], { files: { in: '"\\C-m": accept-line\n' } }),
  attack('a34', 'an interrupt while the line is asked', readline, ['danger 34\r\x03danger 34\r']),
  attack('a35', 'errexit in zsh taken back', ['zsh'], ['unsetopt debug_before_cmd\r', 'ff 35\r'], { files: ff() }),
];

function ff(): Readonly<Record<string, string>> {
  const path = 'PATH=$HOME/bin:/usr/bin:/bin\n';
  return { '.bashrc': `${path}PS1='\\$ '\nff() { danger "$@"; }\n`, '.zshrc': "PROMPT='%# '\nff() { danger \"$@\"; }\n" };
}
