/** Programs that start others by an option, an operand or their own files: `find -exec`, `xargs`, `git -c`, `tar`, `vim -c`, … */
import { anyWords, baseName, dynamic, type Field, joined, literal, mayBeOption, textsOf } from './field.ts';
import { git } from './git.ts';
import { type Call, type Handler, launch, relaunch, spell } from './launch.ts';
import { has, type OptionSpec, parseOptions, valueIn } from './options.ts';
import { sshSettings } from './remote.ts';
import { flag, type Scope, type Stdin, within } from './scope.ts';
import { runJoined, runShellText, start } from './shells.ts';

const unknownInput: Stdin = { kind: 'unknown' };

function find(call: Call): void {
  const { at, args } = call;
  const texts = textsOf(args);
  for (let index = 0; index < args.length; index += 1) {
    const text = texts[index]!;
    // A dynamic word among the expression may be `-exec`.
    if (
      text === null &&
      index > 0 &&
      mayBeOption(args[index]!) &&
      args[index]!.pattern === null &&
      !/^-i?(?:name|path|wholename|regex|newer\w*|user|group|size|mtime|mmin|atime|amin|ctime|cmin|perm|type|maxdepth|mindepth|inum|links|samefile|uid|gid|fstype|printf|lname)$/.test(
        texts[index - 1] ?? '',
      )
    )
      flag(at, 'dynamic-argument', 'find');
    if (text === null && index === 0 && (!args[0]!.isSingle || mayBeOption(args[0]!)) && args[0]!.pattern === null)
      flag(at, 'dynamic-argument', 'find');
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(text ?? '')) continue;
    let end = index + 1;
    while (end < args.length && texts[end] !== ';' && !(texts[end] === '+' && texts[end - 1] === '{}')) end += 1;
    const words = args
      .slice(index + 1, end)
      .map((field) => (field.text?.includes('{}') === true ? replaced(field.text, '{}', true) : field));
    relaunch(call, words, `find ${text}`, { stdin: text!.startsWith('-ok') ? unknownInput : at.stdin });
    index = end;
  }
}

/** A word in which a mark stands for something that is not known. What find puts there begins with its starting point. */
function replaced(text: string, mark: string, isPath: boolean): Field {
  const at = text.indexOf(mark);
  const head = text.slice(0, at);
  return dynamic(head === '' && isPath ? './' : head, true);
}

const xargsSpec: OptionSpec = {
  flags: '0oprtx',
  values: 'aEdILnPs',
  optional: 'eil',
  long: 'arg-file= delimiter= eof? exit interactive max-args= max-chars= max-lines? max-procs= no-run-if-empty null open-tty process-slot-var= replace? show-limits verbose help version',
};

function xargs(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions(xargsSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `xargs: ${parsed.doubt}`);
  const words = parsed.operands.length === 0 ? [literal('echo')] : parsed.operands;
  const marks = parsed.options.filter(({ name }) => ['I', 'i', 'replace'].includes(name));
  const mark = marks.length === 0 ? null : (marks.at(-1)!.value?.text ?? '{}');
  const items = itemsOf(
    at,
    parsed.options.length === 0 || parsed.options.every(({ name }) => 'Ittr'.includes(name) || name === 'n'),
  );
  const more = { stdin: unknownInput };
  if (mark !== null) {
    // One run per line; all of them where they are known.
    if (items !== null && at.stdin.kind === 'text' && !/['"\\]/.test(at.stdin.text)) {
      for (const line of at.stdin.text
        .split('\n')
        .filter((one) => one.trim() !== '')
        .slice(0, 64)) {
        relaunch(
          call,
          words.map((field) => (field.text === null ? field : literal(field.text.split(mark).join(line.trimStart())))),
          'xargs',
          more,
        );
      }
      return;
    }
    const filled = words.map((field) =>
      field.text?.includes(mark) === true ? replaced(field.text, mark, false) : field,
    );
    if (isOpaque(filled)) flag(at, 'opaque:xargs', spell(words));
    relaunch(call, filled, 'xargs', more);
    return;
  }
  if (items !== null) {
    relaunch(call, [...words, ...items], 'xargs', more);
    return;
  }
  relaunch(call, [...words, anyWords], 'xargs', more);
}

/** A value that is not known takes part in a program that may run it. */
function isOpaque(fields: readonly Field[]): boolean {
  return fields[0]?.text === null;
}

/** What xargs reads, where it is known and plain. */
function itemsOf(at: Scope, isPlain: boolean): Field[] | null {
  if (at.stdin.kind !== 'text' || !isPlain || /['"\\]/.test(at.stdin.text)) return null;
  const items = at.stdin.text.split(/[ \t\n]+/).filter((item) => item !== '');
  return items.length > 256 ? null : items.map((item) => literal(item));
}

function parallel(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions(
    {
      flags: '0kmXtuvqpr',
      values: 'jNIanLdCSsE',
      long: 'jobs= keep-order eta bar dry-run halt= joblog= colsep= delimiter= will-cite no-notice retries= timeout= tag line-buffer ungroup null arg-file= xargs max-args= pipe block= results= verbose quote delay= load= memfree= nice= progress',
    },
    args,
  );
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `parallel: ${parsed.doubt}`);
  if (has(parsed, 'S')) flag(at, 'nested-remote', 'parallel');
  const texts = textsOf(parsed.operands);
  const colons = texts.findIndex((text) => text !== null && /^:{3,4}\+?$/.test(text));
  const words = colons < 0 ? parsed.operands : parsed.operands.slice(0, colons);
  // The shell reads what the template becomes.
  if (words.length === 0) {
    flag(at, 'opaque:xargs', 'parallel');
    for (const field of colons < 0 ? [] : parsed.operands.slice(colons + 1)) runJoined(at, [field], 'parallel');
    return;
  }
  flag(at, 'opaque:xargs', spell(words));
  runJoined(at, words, 'parallel');
}

/** Options whose value is a command, per program; the value is run by a shell unless `isWords`. */
interface Escapes {
  readonly spec: OptionSpec;
  readonly run: readonly string[];
  /** Programs from which a person can start others. */
  readonly isInteractive?: boolean;
}

const tarSpec: OptionSpec = {
  flags: 'AcdrtuxjJzZaBhikmnlopPsSvwWGUEqy0123456789',
  values: 'bCfFgHIKLNTVX',
  long: 'file= directory= checkpoint? checkpoint-action= to-command= use-compress-program= rsh-command= rmt-command= info-script= new-volume-script= exclude= exclude-from= files-from= transform= xform= owner= group= mode= mtime= strip-components= one-top-level? gzip bzip2 xz zstd lzip lzma compress create extract get list append update diff compare delete concatenate catenate verbose? preserve-permissions same-permissions same-owner no-same-owner no-same-permissions numeric-owner overwrite keep-old-files keep-newer-files skip-old-files remove-files wildcards no-wildcards anchored no-anchored dereference hard-dereference absolute-names listed-incremental= incremental sparse sort= format= totals? newer= newer-mtime= after-date= null verbatim-files-from no-recursion recursion exclude-vcs exclude-caches ignore-failed-read warning= auto-compress no-auto-compress to-stdout touch acls xattrs selinux label= level= index-file= block-number blocking-factor= record-size= suffix= backup? force-local starting-file= tape-length= multi-volume occurrence? quoting-style= show-transformed-names full-time pax-option= posix utc verify unlink-first recursive-unlink delay-directory-restore restrict version help usage exclude-backups exclude-tag= exclude-vcs-ignores check-links no-check-device seek no-seek exclude-ignore= clamp-mtime set-mtime-command= set-mtime-format=',
  permutes: true,
};

const escapes: Readonly<Record<string, Escapes>> = {
  tar: {
    spec: tarSpec,
    run: [
      'to-command',
      'use-compress-program',
      'I',
      'rsh-command',
      'rmt-command',
      'F',
      'info-script',
      'new-volume-script',
      'set-mtime-command',
    ],
  },
  rsync: {
    spec: {
      flags: 'vqcarRbudlLkKHpEAXogDtOJSnWxyCsFzhiPmN046U8VI',
      values: 'eTfBM@',
      long: 'rsh= rsync-path= archive recursive relative verbose quiet checksum delete delete-before delete-during delete-delay delete-after delete-excluded exclude= exclude-from= include= include-from= files-from= from0 filter= compress compress-level= partial partial-dir= progress info= debug= stats human-readable dry-run bwlimit= timeout= contimeout= port= password-file= chmod= chown= usermap= groupmap= backup backup-dir= suffix= update inplace append append-verify links copy-links safe-links hard-links perms owner group times numeric-ids devices specials sparse one-file-system size-only ignore-existing existing remove-source-files max-delete= max-size= min-size= temp-dir= compare-dest= copy-dest= link-dest= log-file= log-file-format= out-format= itemize-changes no-motd protect-args secluded-args old-args mkpath server sender daemon rsync-path= remote-option= omit-dir-times prune-empty-dirs fuzzy acls xattrs executability no-perms no-owner no-group no-times no-links no-recursive whole-file no-whole-file checksum-choice= block-size= ignore-times modify-window= iconv= ipv4 ipv6 version help super fake-super munge-links force list-only preallocate delete-missing-args ignore-missing-args early-input= outbuf= sockopts= blocking-io address= config= no-detach cvs-exclude copy-dirlinks keep-dirlinks copy-unsafe-links open-noatime atimes crtimes stop-after= stop-at= fsync skip-compress= compress-choice= zc= zl=',
      permutes: true,
    },
    run: ['e', 'rsh'],
  },
  zip: {
    spec: { flags: '', values: 'xinbtO', long: 'unzip-command= test recurse-paths' },
    run: ['TT', 'unzip-command'],
  },
  split: {
    spec: {
      flags: 'deux',
      values: 'abClnt',
      optional: 'd',
      long: 'filter= bytes= lines= line-bytes= number= suffix-length= additional-suffix= numeric-suffixes? hex-suffixes? elide-empty-files separator= unbuffered verbose help version',
    },
    run: ['filter'],
  },
  sort: {
    spec: {
      flags: 'bdfgiMhnRrVcCmsuz',
      values: 'kotST',
      long: 'compress-program= random-source= key= output= field-separator= parallel= buffer-size= temporary-directory= reverse unique numeric-sort human-numeric-sort version-sort general-numeric-sort stable check? merge zero-terminated files0-from= batch-size= sort= ignore-case dictionary-order ignore-leading-blanks ignore-nonprinting month-sort random-sort debug help version',
      permutes: true,
    },
    run: ['compress-program'],
  },
  wget: {
    spec: {
      flags: 'bdqvFNScxrkKmpHLEh',
      values: 'oaeitOBTPUlARDIQwX',
      optional: 'n',
      long: 'use-askpass= execute= output-document= quiet directory-prefix= user-agent= header= no-check-certificate post-data= post-file= user= password= timeout= tries= continue recursive mirror spider',
      permutes: true,
    },
    run: ['use-askpass'],
  },
  scp: { spec: { flags: '346ABCdfOpqRrstTv', values: 'cDFiJlloPSX' }, run: ['S'] },
  sftp: { spec: { flags: '46AaCfNpqrv', values: 'BbcDFiJloPRSsX' }, run: ['S'], isInteractive: true },
  tcpdump: { spec: { flags: 'AbdDefhHIJKlLnNOpqStuUvxX#', values: 'BcCEFGijmMQrsTVwWyzZ' }, run: ['z'] },
  logrotate: { spec: { flags: 'dfv', values: 'msl' }, run: ['m'] },
  man: {
    spec: { flags: 'fkKlwWadDIitTXZuc78', values: 'CRLmMSseErPHp', long: 'pager= html= preprocessor=' },
    run: ['P', 'pager', 'H', 'html'],
    isInteractive: true,
  },
};

function runOptions(call: Call): void {
  const { at, program, args } = call;
  const { spec, run, isInteractive } = escapes[program]!;
  const words = program === 'tar' ? oldStyle(args) : args;
  const parsed = parseOptions(spec, words);
  // At the target's end neither starts another program.
  if (program === 'scp' && has(parsed, 't', 'f')) return;
  if (program === 'rsync' && has(parsed, 'server')) return;
  if (!parsed.isCertain)
    flag(
      at,
      words.some(({ text }) => text === null) ? 'dynamic-argument' : 'opaque:option',
      `${program}: ${parsed.doubt}`,
    );
  for (const { name, value } of parsed.options) {
    if (run.includes(name)) runShellText(at, value, `${program} ${name.length > 1 ? '--' : '-'}${name}`);
    if (name === 'checkpoint-action') {
      if (value?.text == null) flag(at, 'opaque:option', 'tar');
      else if (value.text.startsWith('exec='))
        runShellText(at, literal(value.text.slice(5)), 'tar --checkpoint-action');
    }
    if (name === 'rsync-path' && value !== null) runShellText(at, value, 'rsync --rsync-path', { host: '*' });
    if (name === 'e' && program === 'wget' && /askpass/i.test(value?.text ?? 'askpass'))
      flag(at, 'opaque:option', 'wget -e');
  }
  if (program === 'scp' || program === 'sftp') sshSettings(at, parsed, program);
  if (isInteractive === true) flag(at, 'escape-capable', program);
}

/** `tar cf x y`: the first word is a cluster whose letters take their values in order. */
function oldStyle(args: readonly Field[]): Field[] {
  const [first, ...rest] = args;
  if (first?.text == null || !/^[A-Za-z0-9]+$/.test(first.text)) return [...args];
  const words: Field[] = [];
  const left = [...rest];
  for (const letter of first.text) {
    words.push(literal(`-${letter}`));
    if (tarSpec.values.includes(letter)) words.push(left.shift() ?? literal(''));
  }
  return [...words, ...left];
}

/** Editors and pagers: what their options run, and that whoever uses them can run more. */
function editor(call: Call): void {
  const { at, program, args } = call;
  flag(at, 'escape-capable', program);
  const texts = textsOf(args);
  for (const [index, text] of texts.entries()) {
    if (text === null) {
      if (mayBeOption(args[index]!) || args[index]!.head.startsWith('+')) flag(at, 'dynamic-argument', program);
      continue;
    }
    const given = /^(?:-c|--cmd|-S|-u|-s|-W|-w|--eval|-f|-l|--load|--funcall|--batch)$/.test(text)
      ? (texts[index + 1] ?? null)
      : text.startsWith('+')
        ? text.slice(1)
        : null;
    if (given === null) continue;
    if (/^\d*$|^\/[^|]*$/.test(given)) continue;
    const shell =
      /^[:%\d,$]*\s*(?:r\s*|w\s*|read\s*)?!\s*(.*)$/s.exec(given) ??
      /system(?:list)?\(\s*["'](.*?)["']\s*\)/.exec(given) ??
      /shell-command\s+"([^"]*)"/.exec(given);
    if (shell !== null) runShellText(at, literal(shell[1]!), `${program} !`);
    if (!/^(?:set? \w+(?:=\w*)?|syntax \w+|\d+|norm(?:al)? \w+|wq?|q!?|x|noh\w*|\$)$/.test(given))
      flag(at, 'opaque:option', `${program} ${given}`);
  }
}

const muxSpec: OptionSpec = { flags: '2CDlNuvVdPAEhbkUaZOIrRK', values: 'cfLSTtnxyFesp' };

function tmux(call: Call): void {
  const { at, args } = call;
  flag(at, 'multiplexer', 'tmux');
  const global = parseOptions({ flags: '2CDlNuvV', values: 'cfLST' }, args);
  if (!global.isCertain) flag(at, 'dynamic-argument', `tmux: ${global.doubt}`);
  const text = valueIn(global, 'c');
  if (text !== null) runShellText(at, text, 'tmux -c');
  if (has(global, 'f')) flag(at, 'opaque:script-file', 'tmux -f');
  for (const part of partsOf(global.operands)) {
    const [verb, ...rest] = part;
    if (verb === undefined) continue;
    if (verb.text === null) flag(at, 'dynamic-argument', 'tmux');
    else if (
      /^(?:new|neww|splitw?|split-window|new-|respawn|run|if|pipe|display-popup|popup|confirm|bind|set-hook|command)/.test(
        verb.text,
      )
    ) {
      const { operands } = parseOptions(muxSpec, rest);
      for (const field of operands.length > 1 && !/^(?:if|bind|set-hook|confirm)/.test(verb.text)
        ? [literal(joined(operands) ?? '')]
        : operands) {
        if (field.text === '' || operands.some(({ text }) => text === null)) flag(at, 'opaque:eval', 'tmux');
        else runShellText(at, field, `tmux ${verb.text}`);
      }
      if (/^(?:if|bind|set-hook|confirm|command)/.test(verb.text)) flag(at, 'opaque:option', `tmux ${verb.text}`);
    } else if (/^send/.test(verb.text)) {
      const { operands } = parseOptions({ flags: 'FHKlMRX', values: 'cNt' }, rest);
      // Keys may be split over several; all of them together are what is typed.
      const keys = textsOf(operands).map((key) =>
        key === null ? null : /^(?:Enter|C-[mj]|KPEnter)$/.test(key) ? '\n' : key === 'Space' ? ' ' : key,
      );
      runShellText(at, keys.includes(null) ? null : literal(keys.join('')), 'tmux send-keys');
      flag(at, 'opaque:eval', 'tmux send-keys');
    } else if (/^(?:source|source-file)$/.test(verb.text)) flag(at, 'opaque:script-file', 'tmux source-file');
  }
}

function partsOf(fields: readonly Field[]): Field[][] {
  const parts: Field[][] = [[]];
  for (const field of fields) {
    if (field.text === ';') parts.push([]);
    else parts.at(-1)!.push(field);
  }
  return parts;
}

function screen(call: Call): void {
  const { at, args } = call;
  flag(at, 'multiplexer', 'screen');
  const parsed = parseOptions(
    { flags: 'aADilLmnOqrRUvxX', values: 'ceEhpSsTt', optional: 'drRfx', long: 'version' },
    args,
  );
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `screen: ${parsed.doubt}`);
  if (has(parsed, 'c')) flag(at, 'opaque:script-file', 'screen -c');
  if (has(parsed, 'X')) {
    const [verb, ...rest] = parsed.operands;
    if (verb?.text === 'stuff')
      runShellText(at, joined(rest) === null ? null : literal(joined(rest)!), 'screen -X stuff');
    else if (/^(?:exec|screen)$/.test(verb?.text ?? '')) relaunch(call, rest, 'screen -X');
    if (verb?.text !== 'quit') flag(at, 'opaque:option', 'screen -X');
  } else if (!has(parsed, 'r', 'd', 'D', 'x', 'l', 's') || parsed.operands.length > 1)
    relaunch(call, parsed.operands, 'screen');
}

/** `at now <<< text`, `batch`: the text is read. */
function later(call: Call): void {
  const { at, program, args } = call;
  const texts = textsOf(args);
  if (texts.some((text) => text !== null && /^-[lrdcV]/.test(text)) || program === 'atq' || program === 'atrm') return;
  flag(at, 'deferred:schedule', program);
  if (texts.some((text) => text === null || text.startsWith('-f'))) flag(at, 'opaque:script-file', program);
  else if (at.stdin.kind === 'text') runShellText(at, literal(at.stdin.text), program);
  else flag(at, 'opaque:stdin-shell', program);
}

function crontab(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions({ flags: 'leirnT', values: 'u' }, args);
  if (has(parsed, 'l', 'r')) return;
  flag(at, 'deferred:schedule', 'crontab');
  if (has(parsed, 'e')) flag(at, 'escape-capable', 'crontab -e');
  else if (parsed.operands.length > 0 && parsed.operands[0]!.text !== '-') flag(at, 'runs-files', 'crontab');
  else if (at.stdin.kind === 'text') {
    for (const line of at.stdin.text.split('\n')) {
      const match = /^\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+([^%]*)/.exec(line);
      if (match !== null && !/^\s*#/.test(line)) runShellText(at, literal(match[1]!), 'crontab');
      else if (/=/.test(line)) flag(at, 'opaque:option', 'crontab');
    }
  } else flag(at, 'opaque:stdin-shell', 'crontab');
}

const runSpec: OptionSpec = {
  flags: 'tPqGdSrvh',
  values: 'puHMCE',
  long: 'unit= property= uid= gid= user machine= host= pty pipe quiet wait scope slice= description= remain-after-exit send-sighup service-type= nice= working-directory= same-dir collect shell on-active= on-boot= on-startup= on-unit-active= on-unit-inactive= on-calendar= timer-property= path-property= socket-property= no-block no-ask-password setenv= help version expand-environment= background= capsule= on-clock-change on-timezone-change slice-inherit',
};

function systemdRun(call: Call): void {
  const { at, program, args } = call;
  const parsed = parseOptions(runSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  if (parsed.options.some(({ name }) => name.startsWith('on-'))) flag(at, 'deferred:schedule', program);
  if (
    parsed.options.some(
      ({ name, value }) => /property|^p$/.test(name) && /^Exec|^OnFailure|^OnSuccess/.test(value?.text ?? 'Exec'),
    )
  )
    flag(at, 'opaque:option', program);
  const user = valueIn(parsed, 'uid');
  const host = valueIn(parsed, 'M', 'machine', 'H', 'host');
  const more = {
    asUser: user === null ? (has(parsed, 'user') ? at.asUser : 'root') : (user.text ?? '*'),
    ...(host === null ? {} : { host: host.text ?? '*' }),
  };
  if (has(parsed, 'S', 'shell') || (parsed.operands.length === 0 && program === 'run0')) start(call, more.asUser);
  else relaunch(call, parsed.operands, program, more);
}

/** Programs that run what files of their own say. */
function fromFiles(run: RegExp | null): Handler {
  return ({ at, program, args }) => {
    flag(at, 'runs-files', program);
    for (const [index, { text }] of args.entries()) {
      if (text === null) {
        if (mayBeOption(args[index]!)) flag(at, 'dynamic-argument', program);
      } else if (run?.test(text) === true) {
        const [, assignment] = /^(?:--eval=)?([\s\S]*)$/.exec(text)!;
        const shell = /\$\(shell ([^)]*)\)/.exec(assignment!);
        if (shell !== null) runShellText(at, literal(shell[1]!), program);
        flag(at, 'opaque:option', `${program} ${text}`);
      }
    }
  };
}

/** `socat … EXEC:cmd`, `nc -e`. */
function socket({ at, program, args }: Call): void {
  for (const [index, { text }] of args.entries()) {
    if (text === null) {
      if (program === 'socat' || mayBeOption(args[index]!)) flag(at, 'dynamic-argument', program);
      continue;
    }
    const address = /^(EXEC|SYSTEM|SHELL):(.*)$/is.exec(text);
    if (program === 'socat' && address !== null) {
      runShellText(at, literal(address[2]!.replace(/,[\w=,-]*$/, '')), 'socat');
    }
    if (program !== 'socat' && /^-[a-zA-Z]*[ec]$|^--(?:exec|sh-exec|lua-exec)/.test(text)) {
      const value = text.includes('=') ? text.slice(text.indexOf('=') + 1) : (args[index + 1]?.text ?? null);
      runShellText(at, value === null ? null : literal(value), `${program} -e`);
    }
  }
}

/** `ip netns exec name cmd`, `ip vrf exec name cmd`. */
function ip(call: Call): void {
  const texts = textsOf(call.args);
  const index = texts.indexOf('exec');
  if (texts.some((text, at) => text === null && mayBeOption(call.args[at]!) && at < 3))
    flag(call.at, 'dynamic-argument', 'ip');
  if (index > 0 && /^(?:ne|netns|vrf)/.test(texts[index - 1] ?? ''))
    relaunch(call, call.args.slice(index + 2), 'ip exec');
  if (texts.some((text) => text !== null && /^-(?:b|batch|force)/.test(text))) flag(call.at, 'runs-files', 'ip');
}

/** A program that is put somewhere under another name. */
function copy({ at, args }: Call): void {
  const operands = args.filter(({ text }) => text === null || !text.startsWith('-'));
  const target = operands.at(-1);
  if (target === undefined || operands.length < 2) return;
  if (target.text === null) at.gather.written.add(null);
  for (const source of operands.slice(0, -1)) {
    const name = target.text === null ? null : baseName(target.text);
    if (name === null) continue;
    at.gather.written.add(name);
    if (source.text !== null) {
      const from = baseName(source.text);
      at.gather.written.add(from);
      if (from !== name) at.gather.copies.set(name, from);
    } else if (source.pattern === null) at.gather.copies.set(name, '');
  }
}

function writes({ at, program, args }: Call): void {
  const texts = textsOf(args);
  for (const [index, text] of texts.entries()) {
    if (program === 'tee' && text === null) at.gather.written.add(null);
    else if (program === 'tee' && text !== null && !text.startsWith('-') && text !== '/dev/null')
      at.gather.written.add(baseName(text));
    else if (program === 'dd' && text?.startsWith('of=') === true) at.gather.written.add(baseName(text.slice(3)));
    else if ((program === 'curl' || program === 'wget') && /^-[oO]$/.test(text ?? '') && texts[index + 1] != null)
      at.gather.written.add(baseName(texts[index + 1]!));
  }
}

function simpleEscape({ at, program }: Call): void {
  flag(at, 'escape-capable', program);
}

function fd(call: Call): void {
  const texts = textsOf(call.args);
  const index = texts.findIndex((text) => text !== null && /^(?:-x|-X|--exec|--exec-batch)$/.test(text));
  if (texts.includes(null)) flag(call.at, 'dynamic-argument', 'fd');
  if (index < 0) return;
  const end = texts.indexOf(';', index);
  relaunch(call, call.args.slice(index + 1, end < 0 ? undefined : end), 'fd -x');
}

function entr(call: Call): void {
  const parsed = parseOptions({ flags: 'acdnprsxz', values: '' }, call.args);
  if (!parsed.isCertain) flag(call.at, 'dynamic-argument', call.program);
  if (has(parsed, 's')) runShellText(call.at, parsed.operands[0] ?? null, 'entr -s');
  else relaunch(call, parsed.operands, 'entr');
}

function rlwrap(call: Call): void {
  const index = call.args.findIndex(({ text }) => text === null || !text.startsWith('-'));
  const inner = within(call.at, call.program);
  if (index >= 0 && inner !== null) launch(inner, call.args.slice(index));
}

function apt({ at, args }: Call): void {
  for (const [index, { text }] of args.entries()) {
    if (text === null && mayBeOption(args[index]!)) flag(at, 'dynamic-argument', 'apt');
    const option =
      text === '-o' || text === '--option'
        ? (args[index + 1]?.text ?? '::')
        : (/^(?:-o|--option=)(.*)/.exec(text ?? '')?.[1] ?? '');
    const value =
      /(?:Invoke|Proxy-Auto-Detect|Pre-Install|Post-Install|Command|Update-Post|Dir::Bin)[^=]*=\s*"?([^"]*)/i.exec(
        option,
      );
    if (value !== null) runShellText(at, literal(value[1]!), 'apt -o');
    else if (option.includes('::') && /Dir|Invoke|Bin|::$/i.test(option)) flag(at, 'opaque:option', 'apt -o');
    if (/^-c$|^--config-file/.test(text ?? '')) flag(at, 'opaque:option', 'apt -c');
  }
}

function systemctl({ at, args }: Call): void {
  const verb = textsOf(args).find((text) => text !== null && !text.startsWith('-'));
  if (verb === 'edit') flag(at, 'escape-capable', 'systemctl edit');
  if (textsOf(args).some((text) => text !== null && /^-H|^--host/.test(text))) flag(at, 'nested-remote', 'systemctl');
}

export const runners: Readonly<Record<string, Handler>> = {
  ...Object.fromEntries(Object.keys(escapes).map((name) => [name, runOptions])),
  find,
  xargs,
  parallel,
  git,
  tmux,
  screen,
  at: later,
  batch: later,
  crontab,
  'systemd-run': systemdRun,
  run0: systemdRun,
  socat: socket,
  nc: socket,
  ncat: socket,
  netcat: socket,
  ip,
  cp: copy,
  mv: copy,
  ln: copy,
  install: copy,
  tee: writes,
  dd: writes,
  curl: writes,
  fd,
  fdfind: fd,
  entr,
  watchexec: entr,
  rlwrap,
  apt,
  'apt-get': apt,
  systemctl,
  make: fromFiles(/=|^--eval/),
  gmake: fromFiles(/=|^--eval/),
  ninja: fromFiles(null),
  cmake: fromFiles(null),
  'run-parts': fromFiles(null),
  npm: fromFiles(null),
  npx: fromFiles(null),
  yarn: fromFiles(null),
  pnpm: fromFiles(null),
  pip: fromFiles(null),
  cargo: fromFiles(null),
  go: fromFiles(null),
  mvn: fromFiles(null),
  gradle: fromFiles(null),
  composer: fromFiles(null),
  gem: fromFiles(null),
  bundle: fromFiles(null),
  terraform: fromFiles(null),
  puppet: fromFiles(null),
  'chef-client': fromFiles(null),
  vi: editor,
  vim: editor,
  nvim: editor,
  view: editor,
  vimdiff: editor,
  rvim: editor,
  emacs: editor,
  nano: editor,
  pico: editor,
  joe: editor,
  mc: editor,
  less: editor,
  more: editor,
  most: editor,
  w3m: simpleEscape,
  lynx: simpleEscape,
  elinks: simpleEscape,
  links: simpleEscape,
  htop: simpleEscape,
  nmap: simpleEscape,
  visudo: simpleEscape,
  vipw: simpleEscape,
  vigr: simpleEscape,
  sudoedit: simpleEscape,
  dialog: simpleEscape,
  telnet: simpleEscape,
  minicom: simpleEscape,
  virsh: simpleEscape,
};
