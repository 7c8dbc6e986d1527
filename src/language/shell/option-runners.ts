/** Programs that start another one where an option names it: `tar --to-command`, `rsync -e`, `split --filter`, … */
import { type Field, literal } from './field.ts';
import type { Call, Handler } from './launch.ts';
import { has, type OptionSpec, parseOptions } from './options.ts';
import { sshSettings } from './remote.ts';
import { flag } from './scope.ts';
import { runShellText } from './shells.ts';

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
    spec: { flags: '', values: 'xinbtO', long: 'unzip-command= test recurse-paths', permutes: true },
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

export const optionRunners: Readonly<Record<string, Handler>> = Object.fromEntries(
  Object.keys(escapes).map((name) => [name, runOptions]),
);
