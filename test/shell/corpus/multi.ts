/** Submissions of several lines. */
import { editing, posix, readline, type Scenario } from './scenario.ts';

const multi = (id: string, title: string, shells: Scenario['shells'], steps: Scenario['steps'], lines: readonly string[], rest: Partial<Scenario> = {}): Scenario => ({
  id,
  title,
  group: 'multi',
  shells,
  steps,
  lines,
  ...rest,
});

export const multis: readonly Scenario[] = [
  multi('m01', 'a backslash at the end', posix, ['dan\\\r', 'ger 1\r'], ['dan\\\nger 1']),
  multi('m02', 'a loop', posix, ['for i in 1; do\r', 'danger $i\r', 'done\r'], ['for i in 1; do\ndanger $i\ndone']),
  multi('m03', 'if', posix, ['if true\r', 'then danger 3\r', 'fi\r'], ['if true\nthen danger 3\nfi']),
  multi('m04', 'an open quote', posix, ["danger 'a\r", "b'\r"], ["danger 'a\nb'"]),
  multi('m05', 'an open pipe', posix, ['true |\r', 'danger 5\r'], ['true |\ndanger 5']),
  multi('m06', 'an open &&', posix, ['true &&\r', 'danger 6\r'], ['true &&\ndanger 6']),
  multi('m07', 'a function, then its call', posix, ['f() {\r', 'danger 7\r', '}\r', 'f\r'], ['f() {\ndanger 7\n}', 'f']),
  multi('m08', 'case', posix, ['case x in\r', 'x) danger 8;;\r', 'esac\r'], ['case x in\nx) danger 8;;\nesac']),
  multi('m09', 'the second line edited', readline, ['for i in 1; do\r', 'ger $i\x01dan\r', 'done\r'], ['for i in 1; do\ndanger $i\ndone']),
  multi('m10', 'given up at the second line, then another', posix, ['for i in 1; do\r', '\x03', 'danger 10\r'], ['danger 10']),
  multi('m11', 'a loop pasted in brackets', readline, ['\x1b[200~for i in 1; do\ndanger $i\ndone\x1b[201~', '\r'], ['for i in 1; do\ndanger $i\ndone']),
  multi('m12', 'a loop in one burst', posix, ['for i in 1; do\rdanger $i\rdone\r'], ['for i in 1; do\ndanger $i\ndone']),
  multi('m13', 'a here-document for cat', posix, ['cat <<E >/dev/null\r', 'danger is only text\r', 'E\r', 'danger 13\r'], ['cat <<E >/dev/null\ndanger is only text\nE', 'danger 13']),
  multi('m14', 'a here-document for sh', posix, ['sh <<E\r', 'danger 14\r', 'E\r'], ['sh <<E\ndanger 14\nE'], { group: 'indirect' }),
  multi('m15', 'fish: a block', ['fish'], ['for i in 1\r', 'danger $i\r', 'end\r'], ['for i in 1\ndanger $i\nend']),
  multi('m16', 'fish: begin and end in one line', ['fish'], ['begin; danger 16; end\r'], ['begin; danger 16; end']),
  multi('m17', 'M-Enter puts a line feed in', ['fish', 'zsh'], ['safe 17\x1b\r', 'danger 17\r'], ['safe 17\ndanger 17']),
  multi('m18', 'a multi-line entry of the history', editing, ['\x1b[A\r'], ['for i in 1; do danger $i; done'], { files: { ...hist('for i in 1; do danger $i; done') }, shells: readline }),
  multi('m19', 'while with a here-string', readline, ['while read x; do\r', 'danger $x\r', 'done <<< 19\r'], ['while read x; do\ndanger $x\ndone <<< 19']),
  multi('m20', 'comments and empty lines between', readline, ['# nothing\r', '\r', 'danger 20\r'], ['# nothing', 'danger 20']),
];

function hist(text: string): Readonly<Record<string, string>> {
  return { '.bash_history': `${text}\n`, '.zsh_history': `${text}\n`, '.zshrc': "PROMPT='%# '\nHISTFILE=~/.zsh_history\nHISTSIZE=100\n" };
}
