/** `danger` runs without standing as a command in what was typed. */
import { all, posix, readline, type Scenario } from './scenario.ts';

const path = 'PATH=$HOME/bin:/usr/bin:/bin\n';
const rc = (text: string): Readonly<Record<string, string>> => ({
  '.bashrc': `${path}PS1='\\$ '\n${text}\n`,
  '.zshrc': `PROMPT='%# '\n${text}\n`,
  '.profile': `${path}${text}\n`,
  '.config/fish/config.fish': `${text}\n`,
});

const indirect = (id: string, title: string, shells: Scenario['shells'], steps: Scenario['steps'], rest: Partial<Scenario> = {}): Scenario => ({
  id,
  title,
  group: 'indirect',
  shells,
  steps,
  ...rest,
});

export const indirects: readonly Scenario[] = [
  indirect('i01', 'an alias', posix, ['ll 1\r'], { files: rc("alias ll='danger'") }),
  indirect('i02', 'a function of a start-up file', posix, ['ff 2\r'], { files: rc('ff() { danger "$@"; }') }),
  indirect('i03', 'a variable', posix, ['x=danger\r', '$x 3\r']),
  indirect('i04', 'eval of a split word', posix, ['eval dan""ger 4\r']),
  indirect('i05', 'eval of base64', posix, ['eval "$(echo ZGFuZ2VyIDUK | base64 -d)"\r']),
  indirect('i06', 'a sourced file', posix, ['. ./f\r'], { files: { f: 'danger 6\n' } }),
  indirect('i07', 'a substitution as the command', posix, ['$(echo danger) 7\r']),
  indirect('i08', 'a pattern as the command', posix, ['~/bin/dange? 8\r']),
  indirect('i09', 'a script', all, ['sh ./f\r'], { files: { f: 'danger 9\n' } }),
  indirect('i10', 'base64 into a shell', all, ['echo ZGFuZ2VyIDEwCg== | base64 -d | sh\r']),
  indirect('i11', 'xargs', all, ['echo danger 11 | xargs -I{} sh -c {}\r']),
  indirect('i12', 'fc -s', ['bash'], ['fc -s dan\r'], { files: { '.bash_history': 'danger 12\n' } }),
  indirect('i13', 'a function named as a harmless program', posix, ['safe 13\r'], { files: rc('safe() { danger 13; }'), ends: true }),
  indirect('i14', 'command_not_found_handle', ['bash'], ['nosuchthing 14\r'], { files: rc('command_not_found_handle() { danger 14; }') }),
  indirect('i15', 'exec in a subshell', posix, ['(exec danger 15)\r']),
  indirect('i16', 'process substitution', readline, ['cat <(danger 16)\r']),
  indirect('i17', 'an index with a substitution', ['bash'], ["a='x[$(danger 17)]'\r", '((a))\r']),
  indirect('i18', 'a default value as the command', posix, ['${none:-danger} 18\r']),
  indirect('i19', 'find -exec', all, ['find ~/bin -name danger -exec {} 19 ";"\r']),
  indirect('i20', 'a trap on EXIT in a subshell', readline, ["(trap 'danger 20' EXIT)\r"]),
  indirect('i21', 'a function defined, then called, in one line', posix, ['g() { "$@"; }; g danger 21\r']),
  indirect('i22', 'a variable read from a file', posix, ['read c < f; $c 22\r'], { files: { f: 'danger\n' } }),
  indirect('i23', 'an array', ['bash', 'zsh'], ['a=(danger 23)\r', '"${a[@]}"\r']),
  indirect('i24', 'fish: eval', ['fish'], ['eval (echo ZGFuZ2VyIDI0Cg== | base64 -d)\r']),
  indirect('i25', 'fish: a function of the configuration', ['fish'], ['ff 25\r'], { files: rc('function ff; danger $argv; end') }),
  indirect('i26', 'fish: an abbreviation', ['fish'], ['dd 26\r', 'dd\r', '\r'], { files: rc('abbr -a dd danger') }),
  indirect('i27', 'zsh: a global alias', ['zsh'], ['true; GG\r'], { files: rc("alias -g GG='danger 27'") }),
  indirect('i28', 'zsh: =command', ['zsh'], ['=danger 28\r']),
  indirect('i29', 'a link with another name', all, ['ln -s ~/bin/danger ~/bin/other\r', 'other 29\r']),
  indirect('i30', 'a copy of the program', all, ['cp ~/bin/danger ./copy\r', './copy 30\r']),
  indirect('i31', 'brace expansion', readline, ['{danger,31}\r']),
  indirect('i32', 'a coprocess', ['bash'], ['coproc danger 32\r']),
  indirect('i33', 'mapfile and its callback', ['bash'], ["mapfile -C 'danger 33;:' -c 1 x < f\r"], { files: { f: 'a\nb\n' } }),
  indirect('i34', 'a dynamic loop word', posix, ['for c in dan"ger"; do $c 34; done\r']),
  indirect('i35', 'completion that runs something', ['bash'], ['xx \t', '\x15'], { files: rc('_xx() { danger 35; }; complete -F _xx xx') }),
];
