/**
 * Programs that are known, and that one of their words makes start another program or load code: `gcc -wrapper`, `rg --pre`,
 * `ssh-keygen -D`, `dpkg -i`. What it starts is not looked for; that it does is enough for the analysis not to be bounded.
 *
 * Deliberately absent: programs whose commands are listed (option-runners.ts, wrappers.ts).
 */
import type { ShellFlag } from '../../core/shell-effects.ts';
import { type Field, mayBeOption } from './field.ts';
import type { Call } from './launch.ts';
import { flag } from './scope.ts';

const compilers =
  /^(?:-wrapper|-f?plugin|-B|--?specs|-fuse-ld|-fpass-plugin|-load|-Xclang|-Xlinker|-Wl,.*plugin|--prefix|--config|@)/;
const binutils = /^(?:--?plugin|@)/;

const words: readonly (readonly [programs: string, word: RegExp, flag?: ShellFlag])[] = [
  ['gcc cc g++ c++ c89 c99 clang clang++ cpp gfortran gnat gdc', compilers],
  ['ld ld.bfd ld.gold ld.lld nm ar ranlib strip objcopy gcc-ar gcc-nm gcc-ranlib', binutils],
  ['zip', /^(?:-[a-zA-Z]*TT|--unzip)/],
  ['openssl', /^(?:engine|--?(?:engine|provider|provider-path|config|keygen_engine|ssl_client_engine))$/],
  ['dpkg', /^--(?:pre|post|status)-(?:invoke|logger)/],
  ['rpm rpmbuild rpmspec rpmquery', /^(?:-E|-D|--(?:eval|define|pipe|rcfile|macros|load|undefine))/],
  ['yum dnf', /^(?:-c|--config|--setopt|--installroot)/],
  ['ssh-keygen', /^-[a-zA-Z0-9]*[Dw]/],
  ['ssh-add', /^-[a-zA-Z]*[sS]/],
  ['gpg gpg2', /^--(?:photo-viewer|exec-path|agent-program|dirmngr-program|keyboxd-program|pinentry|options|homedir)/],
  ['ctags etags', /^--_?(?:options|.*xcmd)/],
  ['patch', /^(?:-[a-zA-Z]*e|--ed)/],
  ['coredumpctl', /^(?:debug|gdb|--debugger)/],
  ['bpftrace', /^--unsafe/],
  ['rg', /^--(?:pre|hostname-bin)(?:$|=)/],
  ['ag', /^--pager/],
  ['bat batcat', /^--pager/],
  ['logrotate', /^[^-]/, 'runs-files'],
  [
    'dpkg apt apt-get aptitude rpm yum dnf zypper',
    /^(?:-i|--install|--unpack|--configure)$|\.(?:deb|rpm)$/,
    'runs-files',
  ],
  ['ldd', /^(?!-|(?:\/usr)?\/(?:s?bin|lib\w*)\/[^.])/, 'path-exec'],
  ['curl', /^(?:-[a-zA-Z#]*K|--config)/],
  ['mutt neomutt', /^/, 'escape-capable'],
];

export function steered({ at, program, args }: Call): void {
  if (!steeredPrograms.has(program)) return;
  for (const [programs, word, code = 'opaque:option'] of words) {
    if (programs.split(' ').includes(program)) look(at, program, args, word, code);
  }
}

const steeredPrograms: ReadonlySet<string> = new Set(words.flatMap(([programs]) => programs.split(' ')));

function look(at: Call['at'], program: string, args: readonly Field[], word: RegExp, code: ShellFlag): void {
  if (code === 'escape-capable') flag(at, code, program);
  for (const field of args) {
    if (field.text === '--') return;
    const isMeant = field.text === null ? mayBeOption(field) : word.test(field.text);
    if (isMeant) flag(at, field.text === null ? 'dynamic-argument' : code, `${program} ${field.text ?? field.head}`);
  }
}
