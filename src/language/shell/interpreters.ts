/**
 * Interpreters: what of their code can be read off the text.
 *
 * Code in the text is looked through for the usual ways to start a program; whatever is found is walked. Only code in which
 * nothing could start one counts as harmless: everything else is `opaque:code`. Files are `interpreter`, which was not read.
 */
import { walkAside } from './environment.ts';
import { baseName, type Field, literal, textsOf } from './field.ts';
import { type Call, type Handler, launch, spell } from './launch.ts';
import { type OptionSpec, parseOptions } from './options.ts';
import { flag, type Scope, within } from './scope.ts';
import { walkText } from './walk.ts';

const suspectPython =
  /\b(?:os|subprocess|pty|ctypes|socket|exec|eval|compile|\w*__\w*|getattr|open|input|globals|locals|vars|builtins|importlib|shutil|breakpoint|lambda|class|def|with|help|setattr|delattr)\b|@/;
const knownImports = /\b(?:import|from)\s+(?!(?:sys|json|time|datetime|math|re|string|hashlib|base64|uuid)\b)/;
const knownAttributes =
  /\.\s*(?!(?:get|keys|values|items|join|split|strip|rstrip|lstrip|format|lower|upper|replace|load|loads|dump|dumps|stdin|stdout|argv|version|version_info|now|utcnow|time|date|datetime|today|strftime|isoformat|sqrt|pi|read|readline|readlines|write|sort|append|count|index|startswith|endswith|hexdigest|encode|decode|b64encode|b64decode|sha256|sha1|md5|uuid4|major|minor|micro|findall|search|sub|group|\d+)\b)\w+/;

/** Python that can only compute and print: few modules, few attributes, no names that reach others. */
function isHarmlessPython(code: string): boolean {
  const bare = code.replace(/(\w*)(["'])(?:\\[\s\S]|(?!\2)[^\n])*\2/g, (_, prefix: string) =>
    /f/i.test(prefix) ? '@' : '0',
  );
  return (
    !suspectPython.test(bare) &&
    !knownImports.test(bare) &&
    !knownAttributes.test(bare) &&
    !/,\s*\w+\s*$/m.test(
      /^\s*import\b.*$/m
        .exec(bare)?.[0]
        .replace(/\b(?:sys|json|time|datetime|math|re|string|hashlib|base64|uuid)\b/g, '') ?? '',
    )
  );
}

/** Perl that only prints: no operators on names, no files. */
function isHarmlessPerl(code: string): boolean {
  return (
    /^\s*(?:print|printf|say)\b[\w\s"'.,:;+*%=()\\$-]*$/.test(code) &&
    !/\b(?:do|require|use|open|eval|exec|system|sys\w+|qx|pipe|unlink|rename|kill|fork|glob|dump|bless|readpipe|syscall|sub)\b|[@$][{(]|->/.test(
      code,
    )
  );
}

const starts =
  /(?:system|popen\d?|exec[lv]?p?e?|check_output|check_call|getoutput|getstatusoutput|run|call|Popen|spawn\w*|execSync|execFileSync|exec|shell_exec|passthru|proc_open|qx|os\.execute|io\.popen|spawnlp)\s*[({[]?\s*[([]?\s*(['"])((?:\\[\s\S]|(?!\1)[\s\S])*)\1((?:\s*,\s*(['"])(?:\\[\s\S]|(?!\4)[\s\S])*\4)*)/g;

/** Everything in the code that looks like the start of a program. */
function walkStarts(at: Scope, code: string, how: string): void {
  for (const match of code.matchAll(starts)) {
    const text = match[2]!.replace(/\\(['"\\])/g, '$1');
    const rest = [...(match[3] ?? '').matchAll(/(['"])((?:\\[\s\S]|(?!\1)[\s\S])*)\1/g)].map((one) => one[2]!);
    if (rest.length === 0) walkText(at, text, how, { stdin: { kind: 'unknown' } });
    else {
      const inner = within(at, how, { stdin: { kind: 'unknown' } });
      if (inner !== null)
        launch(
          inner,
          [text, ...rest].map((word) => literal(word)),
        );
    }
  }
  for (const match of code.matchAll(/`([^`]*)`/g)) walkText(at, match[1]!, how, { stdin: { kind: 'unknown' } });
  for (const match of code.matchAll(/\b(?:qx|%x)\s*([{(/|!])([^})/|!]*)[})/|!]/g))
    walkText(at, match[2]!, how, { stdin: { kind: 'unknown' } });
}

interface Language extends OptionSpec {
  /** Letters whose value is code. */
  readonly code: string;
  readonly codeLong?: readonly string[];
  /** Where nothing is given: an interactive interpreter, or code from standard input. */
  readonly harmless?: (code: string) => boolean;
  /** Options that only tell something. */
  readonly tells: string;
}

const languages: Readonly<Record<string, Language>> = {
  python: {
    flags: 'bBdEhiIOqsSuvVxPR?',
    values: 'cmWX',
    code: 'c',
    tells: 'Vh',
    long: 'help version check-hash-based-pycs= help-env help-xoptions help-all',
    harmless: isHarmlessPython,
  },
  perl: {
    flags: 'acfgnpsStTuUvVwWX',
    values: 'eE',
    optional: '0lCDdFiImMx',
    code: 'eE',
    tells: 'vV',
    long: 'help version',
    harmless: isHarmlessPerl,
  },
  ruby: {
    flags: 'aclnpsSUvwyh',
    values: 'eCErI',
    optional: '0FiKTWx',
    code: 'e',
    tells: 'vh',
    long: 'help version copyright verbose',
  },
  node: {
    flags: 'civh',
    values: 'epCr',
    code: 'ep',
    codeLong: ['eval', 'print'],
    tells: 'vh',
    long: 'eval= print= check interactive require= import= version help input-type= max-old-space-size? inspect? inspect-brk? experimental-vm-modules no-warnings trace-warnings env-file= test watch loader=',
    harmless: (code) =>
      /^(?:process\.version\w*|process\.(?:arch|platform)|[\d\s+*/().-]|console\.log\((?:process\.version\w*|[\d\s+*/()."'-])*\))*;?$/.test(
        code,
      ),
  },
  php: { flags: 'ailmnvwqsh', values: 'BcdEFfRrtSz', code: 'rBRE', tells: 'vimh', long: 'version info ini help' },
  lua: { flags: 'iEvW', values: 'el', code: 'e', tells: 'v' },
  tclsh: { flags: '', values: '', code: '', tells: '' },
  expect: { flags: 'bdDinNv', values: 'cf', code: 'c', tells: 'v' },
  Rscript: { flags: '', values: 'eg', code: 'e', tells: '', long: 'help version verbose vanilla default-packages=' },
  R: {
    flags: 'q',
    values: 'efdg',
    code: 'e',
    tells: '',
    long: 'help version vanilla slave no-save quiet file= args interactive',
  },
  osascript: { flags: 'i', values: 'els', code: 'e', tells: '' },
  groovy: { flags: 'hv', values: 'ecD', code: 'e', tells: 'v' },
  julia: { flags: 'hviq', values: 'eEpLtJ', code: 'eE', tells: 'v' },
  java: { flags: '', values: '', code: '', tells: '' },
};

function interpret(call: Call): void {
  const { at, program, args } = call;
  const name =
    {
      nodejs: 'node',
      luajit: 'lua',
      wish: 'tclsh',
      pypy: 'python',
      bun: 'node',
      deno: 'node',
      irb: 'ruby',
      jshell: 'java',
    }[program] ?? program;
  const language = languages[name]!;
  const parsed = parseOptions(language, args);
  const codes = parsed.options.filter(
    ({ name: option }) => language.code.includes(option) || language.codeLong?.includes(option) === true,
  );
  if (
    parsed.options.length > 0 &&
    parsed.operands.length === 0 &&
    codes.length === 0 &&
    parsed.options.every(
      ({ name: option }) => language.tells.includes(option) || option === 'version' || option === 'help',
    )
  )
    return;
  const isPlain = (code: string | null): boolean =>
    code !== null &&
    language.harmless?.(code) === true &&
    !(name === 'perl' && (parsed.operands.length > 0 || parsed.options.length > 1));
  if (codes.length === 0 || !codes.every(({ value }) => isPlain(value?.text ?? null))) flag(at, 'interpreter', program);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  for (const { value } of codes) {
    const code = value?.text ?? null;
    if (!isPlain(code)) flag(at, 'opaque:code', program);
    if (code !== null) walkStarts(at, code, `${program} code`);
  }
  if (codes.length > 0) return;
  const [file] = parsed.operands;
  const isModule = parsed.options.some(({ name: option }) => option === 'm');
  if (file === undefined || file.text === '-') {
    if (isModule) return;
    if (at.stdin.kind === 'text') {
      walkStarts(at, at.stdin.text, `${program} code`);
      flag(at, 'opaque:code', program);
    } else if (at.stdin.kind === 'unknown' || at.context.stdin !== 'terminal')
      flag(at, 'opaque:code', `${program} reads its code`);
    return;
  }
  if (file.contents !== undefined) flag(at, 'opaque:code', program);
  at.gather.filesRun.add(file.text === null ? null : baseName(file.text));
}

const awkSpec: OptionSpec = {
  flags: 'bcCghknNOPrsStVM',
  values: 'FvfeilE',
  optional: 'dDopL',
  long: 'field-separator= assign= file= source= include= load= exec= characters-as-bytes traditional copyright dump-variables? debug? gen-pot help lint? bignum use-lc-numeric non-decimal-data optimize pretty-print? posix profile? re-interval no-optimize sandbox lint-old version csv',
};

/** A program that neither pipes, nor calls `system`, nor writes to a command; strings and patterns are left out. */
function awk({ at, program, args }: Call): void {
  const parsed = parseOptions(awkSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  const sources = parsed.options.filter(({ name }) => name === 'e' || name === 'source').map(({ value }) => value);
  const files = parsed.options.filter(
    ({ name }) => 'fEil'.includes(name) || ['file', 'exec', 'include', 'load'].includes(name),
  );
  if (files.length > 0) flag(at, 'interpreter', program);
  for (const { value } of files) at.gather.filesRun.add(value?.text == null ? null : baseName(value.text));
  if (sources.length === 0 && files.length === 0) sources.push(parsed.operands[0] ?? null);
  for (const source of sources) {
    const code = source?.text ?? null;
    if (code === null) {
      flag(at, 'opaque:code', program);
      continue;
    }
    const bare = code.replace(/"(?:\\[\s\S]|[^"\\])*"/g, '""').replace(/\|\|/g, ' ');
    if (!/\bsystem\b|\||@/.test(bare)) continue;
    flag(at, 'interpreter', program);
    // A command is known only where it is one string by itself.
    const whole = [
      ...code.matchAll(
        /system\s*\(\s*"((?:\\[\s\S]|[^"\\])*)"\s*\)|"((?:\\[\s\S]|[^"\\])*)"\s*\|&?\s*getline|\|&?\s*"((?:\\[\s\S]|[^"\\])*)"\s*(?:[;}\n]|$)/g,
      ),
    ];
    const uses = bare.match(/\bsystem\b|\|/g)?.length ?? 0;
    for (const match of whole)
      walkText(at, (match[1] ?? match[2] ?? match[3])!.replace(/\\(["\\])/g, '$1'), `${program} system`, {
        stdin: { kind: 'unknown' },
      });
    if (whole.length < uses || bare.includes('@')) flag(at, 'opaque:code', program);
  }
}

const sedSpec: OptionSpec = {
  flags: 'nErsuz',
  values: 'efl',
  optional: 'iIE',
  long: 'quiet silent debug expression= file= follow-symlinks in-place? line-length= posix regexp-extended separate sandbox unbuffered null-data zero-terminated help version',
  permutes: true,
};

/** `e` runs commands, alone or behind `s///`. A script of plain substitutions and deletions is harmless. */
function sed({ at, program, args }: Call): void {
  const parsed = parseOptions(sedSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  const scripts: (Field | null)[] = parsed.options
    .filter(({ name }) => name === 'e' || name === 'expression')
    .map(({ value }) => value);
  const files = parsed.options.filter(({ name }) => name === 'f' || name === 'file');
  if (files.length > 0) flag(at, 'interpreter', program);
  for (const { value } of files) at.gather.filesRun.add(value?.text == null ? null : baseName(value.text));
  if (scripts.length === 0 && files.length === 0) scripts.push(parsed.operands[0] ?? null);
  if (parsed.options.some(({ name }) => name === 'sandbox')) return;
  for (const script of scripts) {
    const text = script?.text ?? null;
    if (text !== null && isPlainSed(text)) continue;
    flag(at, 'opaque:sed-e', text ?? '');
    if (text === null) continue;
    for (const match of text.matchAll(/(?:^|[;{}\n\d/$!])\s*e\s+([^\n]+)/g))
      walkText(at, match[1]!, 'sed e', { stdin: { kind: 'unknown' } });
    for (const match of text.matchAll(/s([^\w\s])((?:\\[\s\S]|(?!\1)[\s\S])*)\1((?:\\[\s\S]|(?!\1)[\s\S])*)\1\w*e/g))
      walkText(at, match[3]!.replace(/\\(.)/g, '$1'), 'sed s///e', { stdin: { kind: 'unknown' } });
  }
}

/** Addresses, substitutions without `e`, and commands that take no argument, between `;` and newlines. */
function isPlainSed(script: string): boolean {
  let rest = script;
  const address = /^(?:\d+(?:~\d+)?|\$|\/(?:\\[\s\S]|\[[^\]]*\]|[^/\\[])*\/[IM]*)/;
  for (let steps = 0; steps < 200; steps += 1) {
    rest = rest.replace(/^[\s;{}]+/, '');
    if (rest === '') return true;
    rest = rest.replace(address, '');
    if (/^\s*,/.test(rest))
      rest = rest
        .replace(/^\s*,\s*/, '')
        .replace(/^[+~]\d+/, '')
        .replace(address, '');
    rest = rest.replace(/^[\s!]+/, '');
    const command = rest[0];
    if (command === undefined) return false;
    if (command === 's' || command === 'y') {
      const delimiter = rest[1];
      if (delimiter === undefined || /[\\\n]/.test(delimiter)) return false;
      const end = endOfParts(rest, 2, delimiter);
      if (end < 0) return false;
      const flags = /^[\dgpIiMm]*/.exec(rest.slice(end))![0];
      rest = rest.slice(end + flags.length);
      if (!/^\s*(?:[;}\n#]|$)/.test(rest)) return false;
    } else if (/[dDgGhHnNpPxlzF=]/.test(command)) rest = rest.slice(1);
    else if (/[qQ]/.test(command)) rest = rest.slice(1).replace(/^\s*\d+/, '');
    else if (/[btT:]/.test(command)) rest = rest.slice(1).replace(/^[ \t]*[\w.-]*/, '');
    else if (/[aic]/.test(command)) rest = rest.replace(/^[^\n]*(?:\\\n[^\n]*)*/, '');
    else return false;
    if (!/^[ \t]*(?:[;}\n]|$)/.test(rest)) return false;
  }
  return false;
}

/** Past the second of two parts; -1 where they do not end. Brackets hide delimiters from some, so that they count as doubt. */
function endOfParts(text: string, from: number, delimiter: string): number {
  let parts = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === delimiter) {
      parts += 1;
      if (parts === 2) return at + 1;
    } else if (text[at] === '[' && parts === 0 && text.slice(at, text.indexOf(']', at) + 1).includes(delimiter))
      return -1;
  }
  return -1;
}

/** Clients of databases, debuggers and editors of lines, which have an escape to the shell. */
function client(commands: readonly string[], pattern: RegExp): Handler {
  return ({ at, program, args }) => {
    const texts = textsOf(args);
    let given = false;
    for (const [index, text] of texts.entries()) {
      const attached = commands.find(
        (option) => text?.startsWith(option) === true && text.length > option.length && !option.startsWith('--'),
      );
      const value =
        text !== null && commands.includes(text)
          ? (texts[index + 1] ?? null)
          : attached === undefined
            ? commands.some((option) => option.startsWith('--') && text?.startsWith(`${option}=`) === true)
              ? text!.slice(text!.indexOf('=') + 1)
              : undefined
            : text!.slice(attached.length);
      if (value === undefined) continue;
      given = true;
      if (value === null) flag(at, 'opaque:code', program);
      else for (const match of value.matchAll(pattern)) walkAside(at, match[1]!, `${program} escape`);
    }
    if (given) return;
    if (at.stdin.kind === 'text')
      for (const match of at.stdin.text.matchAll(pattern)) walkAside(at, match[1]!, `${program} escape`);
    else flag(at, 'escape-capable', program);
    if (texts.some((text) => text !== null && /^(?:-f|--file|-x|--command)/.test(text)))
      flag(at, 'interpreter', spell(args));
  };
}

export const interpreters: Readonly<Record<string, Handler>> = {
  ...Object.fromEntries(
    [...Object.keys(languages), 'nodejs', 'luajit', 'wish', 'pypy', 'bun', 'deno', 'irb', 'jshell'].map((name) => [
      name,
      interpret,
    ]),
  ),
  awk,
  gawk: awk,
  mawk: awk,
  nawk: awk,
  sed,
  gsed: sed,
  psql: client(['-c', '--command'], /\\!\s*([^\n]*)|\|\s*([^\n]*)/g),
  mysql: client(['-e', '--execute'], /(?:\\!|^system\s)\s*([^\n;]*)/gm),
  mariadb: client(['-e', '--execute'], /(?:\\!|^system\s)\s*([^\n;]*)/gm),
  sqlite3: client([], /\.(?:shell|system)\s+([^\n]*)/g),
  gdb: client(['-ex', '--eval-command', '-iex'], /^(?:shell|!|python\s.*|pipe)\s*(.*)/g),
  ed: client([], /^!(.*)/gm),
  ex: client(['-c', '+'], /!(.*)/g),
  ftp: client([], /^!(.*)/gm),
  sftp: client([], /^!(.*)/gm),
  lftp: client(['-c', '-e'], /!([^;\n]*)/g),
  dc: client(['-e', '--expression'], /!([^\n]*)/g),
  sqlplus: client([], /^\s*(?:!|host\s)(.*)/gim),
  mongosh: client(['--eval'], /run(?:Program)?\(["']([^"']*)/g),
  'redis-cli': () => undefined,
};
