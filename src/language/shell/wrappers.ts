/** Programs that start the rest of their words as another program, after options of their own. */
import { assigned } from './environment.ts';
import { type Field, literal } from './field.ts';
import { type Call, type Handler, relaunch, spell } from './launch.ts';
import { has, type OptionSpec, parseOptions, valueIn } from './options.ts';
import { flag, type Scope } from './scope.ts';
import { runJoined, runShellText, start } from './shells.ts';
import { State } from './state.ts';

interface Wrapper extends OptionSpec {
  /** Words between the options and the program: `timeout 5 …`. */
  readonly skip?: number;
  /** What happens without a program. */
  readonly alone?: 'shell' | 'nothing';
  /** The rest is a text for a shell. */
  readonly isText?: boolean;
  /** Options whose value is the user. */
  readonly user?: readonly string[];
  /** The user where none is named. */
  readonly asUser?: string;
}

const timing = 'help version';

const table: Readonly<Record<string, Wrapper>> = {
  nohup: { flags: '', values: '', long: timing },
  nice: { flags: '0123456789', values: 'n', long: `adjustment= ${timing}` },
  ionice: {
    flags: 'th',
    values: 'cnpPu',
    long: `class= classdata= pid= pgid= uid= ignore ${timing}`,
    alone: 'nothing',
  },
  timeout: {
    flags: 'vfp',
    values: 'ks',
    long: `foreground kill-after= preserve-status signal= verbose ${timing}`,
    skip: 1,
  },
  stdbuf: { flags: '', values: 'ioe', long: `input= output= error= ${timing}` },
  setsid: { flags: 'cfwVh', values: '', long: `ctty fork wait ${timing}` },
  time: { flags: 'apqvV', values: 'fo', long: `append format= output= portability quiet verbose ${timing}` },
  chroot: { flags: '', values: 'ugG', long: `userspec= groups= skip-chdir ${timing}`, skip: 1, alone: 'shell' },
  unshare: {
    flags: 'rcfhV',
    values: 'SGRw',
    optional: 'muinpUCT',
    long: `mount? uts? ipc? net? pid? user? cgroup? time? fork map-user= map-group= map-root-user map-current-user map-auto map-users= map-groups= kill-child? mount-proc? propagation= setgroups= keep-caps root= wd= setuid= setgid= boottime= monotonic= ${timing}`,
    alone: 'shell',
  },
  nsenter: {
    flags: 'aeFZhVc',
    values: 'tSGW',
    optional: 'muinpUCTrw',
    long: `all target= mount? uts? ipc? net? pid? user? cgroup? time? setuid= setgid= preserve-credentials root? wd? wdns= env no-fork follow-context join-cgroup ${timing}`,
    alone: 'shell',
  },
  eatmydata: { flags: '', values: '' },
  catchsegv: { flags: '', values: '' },
  setarch: {
    flags: 'vRBFILSTXZ3h',
    values: 'p',
    long: `verbose addr-no-randomize uname-2.6 list ${timing}`,
    skip: 1,
    alone: 'shell',
  },
  linux32: { flags: 'vRBFILSTXZ3h', values: '' },
  linux64: { flags: 'vRBFILSTXZ3h', values: '' },
  logsave: { flags: 'asv', values: '', skip: 1 },
  cpulimit: {
    flags: 'vzikmb',
    values: 'lpePcs',
    long: 'limit= pid= exe= path= lazy ignore-empty kill monitor-forks help',
    alone: 'nothing',
  },
  taskset: { flags: 'achV', values: 'p', long: `all-tasks cpu-list pid ${timing}`, skip: 1 },
  chrt: {
    flags: 'abdfimorRvhV',
    values: 'TPDp',
    long: `all-tasks batch deadline fifo idle max other rr reset-on-fork verbose pid sched-runtime= sched-period= sched-deadline= ${timing}`,
    skip: 1,
  },
  numactl: {
    flags: 'asHl',
    values: 'iNCmpt',
    long: 'interleave= cpunodebind= physcpubind= membind= localalloc preferred= all show hardware balancing touch',
  },
  prlimit: {
    flags: 'hV',
    values: 'po',
    optional: 'cdefilmnqrstuvxy',
    long: `pid= output= noheadings raw verbose core? data? nice? fsize? sigpending? memlock? rss? nofile? msgqueue? rtprio? stack? cpu? nproc? as? locks? ${timing}`,
    alone: 'nothing',
  },
  setpriv: {
    flags: 'dhV',
    values: '',
    long: `dump ambient-caps= clear-groups groups= inh-caps= init-groups keep-groups bounding-set= no-new-privs rgid= egid= regid= reset-env ruid= euid= reuid= securebits= selinux-label= apparmor-profile= list-caps pdeathsig= ${timing}`,
    user: ['reuid', 'ruid', 'euid'],
  },
  capsh: { flags: '', values: '', long: '', alone: 'shell' },
  gosu: { flags: '', values: '', skip: 1, asUser: '*' },
  'su-exec': { flags: '', values: '', skip: 1, asUser: '*' },
  tini: { flags: 'svgwh', values: 'pe', long: 'version' },
  'dumb-init': { flags: 'cvhV', values: 'r', long: 'single-child rewrite= verbose help version' },
  fakeroot: {
    flags: 'uhv',
    values: 'lsifbb',
    long: 'lib= faked= unknown-is-real fd-base= help version',
    alone: 'shell',
  },
  unbuffer: { flags: 'p', values: '' },
  strace: {
    flags: 'cCdDfFhiknqrtTvVwxyYzZAN',
    values: 'abeEIoOpPsSuUX',
    long: `output= trace= follow-forks attach= user= env= summary string-limit= ${timing}`,
    alone: 'nothing',
    user: ['u', 'user'],
  },
  ltrace: { flags: 'bcCfhiLrStTV', values: 'aAdDeFlnoopsuwxX', alone: 'nothing', user: ['u'] },
  valgrind: {
    flags: 'hqv',
    values: '',
    long: 'tool= leak-check= log-file= trace-children= help version quiet verbose track-origins= show-leak-kinds=',
  },
  chpst: { flags: 'vP012', values: 'uUbenmldocrtf/', user: ['u'] },
  softlimit: { flags: '', values: 'acdflmoprst' },
  setuidgid: { flags: '', values: '', skip: 1, asUser: '*' },
  envuidgid: { flags: '', values: '', skip: 1 },
  envdir: { flags: '', values: '', skip: 1 },
  setlock: { flags: 'nNxX', values: '', skip: 1 },
  proxychains: { flags: 'q', values: 'f' },
  proxychains4: { flags: 'q', values: 'f' },
  torsocks: { flags: 'diqx', values: 'uaP' },
  torify: { flags: 'v', values: '' },
  'dbus-run-session': { flags: '', values: '', long: `config-file= dbus-daemon= ${timing}` },
  'systemd-inhibit': {
    flags: 'hV',
    values: '',
    long: `what= who= why= mode= list no-pager no-legend ${timing}`,
    alone: 'nothing',
  },
  'systemd-cat': {
    flags: 'hV',
    values: 'tp',
    long: `identifier= priority= stderr-priority= level-prefix= ${timing}`,
    alone: 'nothing',
  },
  'systemd-nspawn': {
    flags: 'qabnxhV',
    values: 'DMuipS',
    long: `quiet directory= machine= user= boot as-pid2 template= ephemeral bind= bind-ro= capability= private-network network-veth read-only setenv= ${timing}`,
    alone: 'shell',
  },
  cgexec: { flags: 'h', values: 'g', long: 'sticky' },
  faketime: { flags: 'mf', values: '', skip: 1, long: 'exclude-monotonic' },
  'aa-exec': { flags: 'dihv', values: 'pn', long: 'profile= namespace= debug immediate verbose help' },
  runcon: { flags: 'c', values: 'turl', long: `compute type= user= role= range= ${timing}`, skip: 1 },
  'ssh-agent': { flags: 'ckdDs', values: 'aEPtO', alone: 'nothing' },
  'start-stop-daemon': {
    flags: 'SKHVTobmvtqC',
    values: 'pxnuagskriNIPcd',
    long: 'start stop exec= startas= pidfile= name= user= chuid= group= background make-pidfile chdir= test oknodo quiet verbose retry= signal= nicelevel= status remove-pidfile chroot= umask=',
    alone: 'nothing',
    user: ['c', 'chuid'],
  },
  watch: {
    flags: 'bcCdegtxhvpw',
    values: 'nq',
    optional: 'd',
    long: `beep color no-color differences? errexit chgexit interval= precise no-title exec equexit= no-wrap no-rerun ${timing}`,
    isText: true,
  },
  'linux-version': { flags: '', values: '', alone: 'nothing' },
  pkexec: {
    flags: '',
    values: '',
    long: 'user= disable-internal-agent keep-cwd help version',
    user: ['user'],
    asUser: 'root',
    alone: 'shell',
  },
  doas: { flags: 'Lns', values: 'aCu', user: ['u'], asUser: 'root', alone: 'shell' },
  dzdo: { flags: 'HinsSkKbEABPv', values: 'ugprCTtU', user: ['u'], asUser: 'root', alone: 'shell' },
  sg: { flags: 'l', values: 'c', skip: 1, alone: 'shell', isText: true },
  perf: { flags: '', values: '', long: '', alone: 'nothing' },
  'parallel-ssh': { flags: '', values: '', alone: 'nothing' },
};

function wrap(call: Call): void {
  const { at, program, args } = call;
  const spec = table[program]!;
  const parsed = parseOptions(spec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  const skip = program === 'setarch' && parsed.operands[0]?.text?.startsWith('/') === true ? 0 : (spec.skip ?? 0);
  const skipped = parsed.operands.slice(0, skip);
  if (skipped.some((field) => !field.isSingle)) flag(at, 'dynamic-argument', `${program}: ${spell(skipped)}`);
  const rest = parsed.operands.slice(skip);
  const named = spec.user === undefined ? null : valueIn(parsed, ...spec.user);
  const asUser =
    named === null
      ? spec.asUser === '*'
        ? (skipped[0]?.text ?? '*')
        : (spec.asUser ?? at.asUser)
      : (named.text ?? '*');
  const more: Partial<Scope> = {
    asUser,
    ...(spec.user === undefined && spec.asUser === undefined ? {} : { state: State.unknown() }),
  };
  if (program === 'start-stop-daemon') {
    const exec = valueIn(parsed, 'exec', 'x', 'startas', 'a');
    if (exec !== null && has(parsed, 'start', 'S')) relaunch(call, [exec, ...rest], program, more);
    return;
  }
  if (program === 'sg' && has(parsed, 'c')) runShellText(at, valueIn(parsed, 'c'), 'sg -c', more);
  // `timeout 5 "$x"`: the number of words behind is what counts.
  if (rest.length === 0) {
    if (spec.alone === 'shell' && !has(parsed, 'help', 'version')) start(call, asUser);
    return;
  }
  if (spec.isText === true && !has(parsed, 'x', 'exec')) runJoined(at, rest, program);
  else relaunch(call, rest, program, more);
}

const sudoSpec: OptionSpec = {
  flags: 'AbBEeHhiKklnNPSsVv',
  values: 'CDghpRrtTuU',
  long: 'askpass background bell chdir= chroot= close-from= command-timeout= edit group= help host= list login non-interactive no-update other-user= preserve-env? preserve-groups prompt= remove-timestamp reset-timestamp role= set-home shell stdin type= user= validate version',
};

function sudo(call: Call): void {
  const { at, program, args } = call;
  const parsed = parseOptions(sudoSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `${program}: ${parsed.doubt}`);
  const user = valueIn(parsed, 'u', 'user');
  const asUser = user === null ? 'root' : (user.text ?? '*');
  const state = State.unknown();
  state.cwd = valueIn(parsed, 'D', 'chdir') === null ? at.state.cwd : null;
  const more: Partial<Scope> = { asUser, state };
  const { assignments, rest } = environmentOf(at, parsed.operands, state);
  if (has(parsed, 'e', 'edit')) {
    flag(at, 'escape-capable', 'sudo -e');
    return;
  }
  if (
    has(parsed, 'l', 'list', 'k', 'v', 'validate', 'V', 'version', 'K') &&
    !has(parsed, 's', 'i') &&
    (rest.length === 0 || has(parsed, 'l', 'list'))
  )
    return;
  if (has(parsed, 's', 'i', 'shell', 'login')) {
    if (rest.length === 0) start(call, asUser);
    // sudo escapes what it joins for the shell, so that the words stay the words.
    else relaunch(call, rest, program, more);
    return;
  }
  if (rest.length === 0 && assignments === 0) return;
  relaunch(call, rest, program, more);
}

/** `NAME=value` words in front. */
function environmentOf(
  at: Scope,
  operands: readonly Field[],
  state: State,
): { assignments: number; rest: readonly Field[] } {
  let index = 0;
  for (; index < operands.length; index += 1) {
    const field = operands[index]!;
    const name = /^([^=]+)=/.exec(field.head)?.[1];
    if (name === undefined) break;
    const value = field.text === null ? null : literal(field.text.slice(name.length + 1));
    assigned(at, name, value, '');
    if (value !== null) state.bind(name, { kind: 'text', text: value.text! });
    state.export(name);
  }
  return { assignments: index, rest: operands.slice(index) };
}

const envSpec: OptionSpec = {
  flags: 'i0v',
  values: 'uCSPL',
  long: 'ignore-environment null unset= chdir= split-string= block-signal? default-signal? ignore-signal? list-signal-handling debug help version argv0=',
};

function env(call: Call): void {
  const { at, args } = call;
  const words = args.map((field) => (field.text === '-' ? literal('-i') : field));
  const split = words.findIndex(({ text }) => text !== null && /^-[i0v]*S|^--s/.test(text));
  const parsed = parseOptions(envSpec, words);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `env: ${parsed.doubt}`);
  const state = at.state.fork();
  if (split >= 0) {
    const words = splitString(valueIn(parsed, 'S', 'split-string')?.text ?? null);
    if (words === null) flag(at, 'dynamic-argument', 'env -S');
    else relaunch(call, [literal('env'), ...words, ...parsed.operands], 'env -S', { state });
    return;
  }
  const { rest } = environmentOf(at, parsed.operands, state);
  relaunch(call, rest, 'env', { state });
}

/** The words of `env -S`: blanks and plain quotes; null where its own escapes or variables stand in it. */
function splitString(text: string | null): Field[] | null {
  if (text === null || /[$\\#]/.test(text)) return null;
  const words: Field[] = [];
  for (const [word] of text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g))
    words.push(literal(word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2')));
  return /^(?:'[^']*'|"[^"]*"|[^'"])*$/.test(text) ? words : null;
}

const flockSpec: OptionSpec = {
  flags: 'sxeunoFhV',
  values: 'cwE',
  long: 'shared exclusive unlock nonblock nb timeout= wait= conflict-exit-code= close command= no-fork verbose help version',
};

/** `flock file cmd`, `flock file -c text`. */
function flock(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions(flockSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `flock: ${parsed.doubt}`);
  const [file, ...rest] = parsed.operands;
  if (file !== undefined && !file.isSingle) flag(at, 'dynamic-argument', 'flock');
  const text = valueIn(parsed, 'c', 'command');
  if (text !== null) runShellText(at, text, 'flock -c');
  if (rest[0]?.text === '-c' || rest[0]?.text === '--command') runShellText(at, rest[1] ?? null, 'flock -c');
  else relaunch(call, rest, 'flock');
}

/** The dynamic loader starts any program. */
function loader(call: Call): void {
  const parsed = parseOptions(
    {
      flags: '',
      values: '',
      long: 'verify list inhibit-cache library-path= glibc-hwcaps-prepend= glibc-hwcaps-mask= inhibit-rpath= audit= preload= argv0= list-tunables list-diagnostics help version',
    },
    call.args,
  );
  flag(call.at, 'env:loader', call.program);
  relaunch(call, parsed.operands, call.program);
}

export const wrappers: Readonly<Record<string, Handler>> = {
  ...Object.fromEntries(Object.keys(table).map((name) => [name, wrap])),
  sudo,
  env,
  flock,
  'ld.so': loader,
  'ld-linux-x86-64.so.2': loader,
  'ld-linux-x86-64.so': loader,
  'ld-linux-aarch64.so.1': loader,
  'ld-linux-aarch64.so': loader,
  'ld-linux.so': loader,
  'ld-linux.so.2': loader,
};
