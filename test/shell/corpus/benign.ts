/** Ordinary work, in which nothing is to be denied; and secrets, which must not be recorded. */
import { all, editing, history, posix, readline, type Scenario } from './scenario.ts';

const benign = (id: string, title: string, shells: Scenario['shells'], steps: Scenario['steps'], ledger: readonly string[], rest: Partial<Scenario> = {}): Scenario => ({
  id,
  title,
  group: 'benign',
  shells,
  steps,
  ledger,
  ...rest,
});

const secret = (id: string, title: string, shells: Scenario['shells'], steps: Scenario['steps'], rest: Partial<Scenario> = {}): Scenario => ({
  id,
  title,
  group: 'secret',
  shells,
  steps,
  secret: 'hunter2',
  ...rest,
});

export const benigns: readonly Scenario[] = [
  benign('b01', 'the word as an argument', all, ['echo danger; safe 1\r'], ['safe 1']),
  benign('b02', 'the word as text for cat', ['bash', 'zsh', 'fish'], ['cat > notes\r', 'danger is a word\r', 'danger\r', '\x04', 'safe 2\r'], ['safe 2']),
  benign('b03', 'the word in a here-document', posix, ['cat <<E\r', 'danger here\r', 'E\r', 'safe 3\r'], ['safe 3']),
  benign('b04', 'the word in an editor', all, ['vim -u NONE notes\r', { pauseMs: 700 }, 'idanger\rdanger\x1b', { pauseMs: 100 }, ':wq\r', { pauseMs: 400 }, 'safe 4\r'], ['safe 4']),
  benign('b05', 'grep for the word', all, ['grep -c danger notes; safe 5\r'], ['safe 5'], { files: { notes: 'danger\n' } }),
  benign('b06', 'the word typed, then taken back', all, ['danger\x03', 'safe 6\r'], ['safe 6']),
  benign('b07', 'the word in a comment', posix, ['# danger\r', 'safe 7\r'], ['safe 7']),
  benign('b08', 'empty lines', all, ['\r\r\r', 'safe 8\r'], ['safe 8']),
  benign('b09', 'an unknown command', all, ['nosuchthing\r', 'safe 9\r'], ['safe 9']),
  benign('b10', 'a syntax error', posix, ['echo )\r', 'safe 10\r'], ['safe 10']),
  benign('b11', 'an interrupt of a program', all, ['sleep 20\r', { pauseMs: 300 }, '\x03', 'safe 11\r'], ['safe 11']),
  benign('b12', 'stopped and continued', ['bash', 'zsh', 'fish', 'dash'], ['sleep 1\r', { pauseMs: 300 }, '\x1a', 'fg\r', { pauseMs: 1200 }, 'safe 12\r'], ['safe 12']),
  benign('b13', 'the status is kept', posix, ['false\r', 'safe $?\r'], ['safe 1']),
  benign('b14', 'a loop of three hundred', readline, ['for i in {1..300}; do :; done; safe 14\r', { pauseMs: 300 }], ['safe 14']),
  benign('b15', 'a long output', all, ['seq 3000; safe 15\r', { pauseMs: 300 }], ['safe 15']),
  benign('b16', 'a resize while something runs', all, ['sleep 0.5\r', { resize: [60, 20] }, { pauseMs: 700 }, 'safe 16\r'], ['safe 16']),
  benign('b17', 'a function and its call', posix, ['h() { safe 17; }\r', 'h\r'], ['safe 17']),
  benign('b18', 'an alias', posix, ["alias s='safe'\r", 's 18\r'], ['safe 18']),
  benign('b19', 'Enter that is quoted', ['bash', 'zsh'], ['safe 19\x16\r\x7f\r'], ['safe 19']),
  benign('b20', 'a question of the completion, answered', ['bash'], ['\t\t', 'n', 'safe 20\r'], ['safe 20'], {}),
  benign('b21', 'typed ahead for a program', all, ['head -n 1 > got\r', 'line for head\r', { pauseMs: 200 }, 'safe 21\r'], ['safe 21']),
  benign('b22', 'typed ahead for the shell', all, ['sleep 0.6\rsafe 22\r', { pauseMs: 900 }], ['safe 22']),
  benign('b23', 'several lines in one burst', all, ['safe a\rsafe b\rsafe c\r'], ['safe a', 'safe b', 'safe c']),
  benign('b24', 'a search given up', readline, ['\x12saf', '\x07', 'safe 24\r'], ['safe 24'], { files: history('safe old') }),
  benign('b25', 'a background job that reports', posix, ['sleep 0.2 &\r', { pauseMs: 400 }, '\r', 'safe 25\r'], ['safe 25']),
  benign('b26', 'a pipe with a loop', posix, ['seq 3 | while read x; do safe $x; done\r'], ['safe 1', 'safe 2', 'safe 3']),
  benign('b27', 'an inner shell and back', readline, ['bash\r', { pauseMs: 500 }, 'safe in\r', 'exit\r', { pauseMs: 300 }, 'safe out\r'], ['safe in', 'safe out']),
  benign('b28', 'completion with list, then a command', editing, ['ls /usr/\t\t', '\x15safe 28\r'], ['safe 28']),
  benign('b29', 'variables and arithmetic', posix, ['n=29\r', 'safe $((n))\r'], ['safe 29']),
  benign('b30', 'C-d at a program, then on', all, ['cat >/dev/null\r', 'text\r', '\x04', 'safe 30\r'], ['safe 30']),
  benign('b31', 'the argument of the last command', ['bash', 'zsh'], ['true 31\r', 'safe $_\r'], ['safe 31']),
  benign('b32', 'a pasted block', editing, ['\x1b[200~safe a\nsafe b\x1b[201~', '\r'], ['safe a', 'safe b']),
  benign('b33', 'a DEBUG trap of the person', ['bash'], ['safe 33\r', 'cat seen | head -n 1 > /dev/null; safe more\r'], ['safe 33', 'safe more'], { files: { '.bashrc': "PATH=$HOME/bin:/usr/bin:/bin\nPS1='\\$ '\ntrap 'echo \"$BASH_COMMAND\" >> ~/seen' DEBUG\n" } }),
  benign('b34', 'read asks for a line', posix, ['read -r x\r', 'danger as data\r', 'safe 34\r'], ['safe 34'], { shells: ['bash', 'zsh'] }),
];

export const secrets: readonly Scenario[] = [
  secret('s01', 'read -s', ['bash', 'zsh'], ['read -rs x\r', 'hunter2\r', 'safe 1\r'], { ledger: ['safe 1'] }),
  secret('s02', 'a program that switches echo off', all, ['sh ./ask\r', { pauseMs: 200 }, 'hunter2\r', { pauseMs: 200 }, 'safe 2\r'], { files: { ask: 'stty -echo; printf "Password: "; read x; stty echo; echo\n' }, ledger: ['safe 2'] }),
  secret('s03', 'the same, typed key by key', all, ['sh ./ask\r', { pauseMs: 200 }, ...[...'hunter2'].map((burst) => ({ burst })), { burst: '\r' }, { pauseMs: 200 }, 'safe 3\r'], { files: { ask: 'stty -echo; printf "PIN? "; read x; stty echo; echo\n' }, ledger: ['safe 3'] }),
  secret('s04', 'stars instead of characters', all, ['/usr/bin/python3 ask.py\r', { pauseMs: 400 }, 'hunter2\r', { pauseMs: 300 }, 'safe 4\r'], { files: { 'ask.py': 'import sys,tty,termios\nf=sys.stdin.fileno()\no=termios.tcgetattr(f)\ntty.setraw(f)\nwhile True:\n  c=sys.stdin.read(1)\n  if c in "\\r\\n": break\n  sys.stdout.write("*"); sys.stdout.flush()\ntermios.tcsetattr(f,termios.TCSADRAIN,o)\nprint()\n' }, ledger: ['safe 4'] }),
];
