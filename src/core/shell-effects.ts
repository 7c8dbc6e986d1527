/**
 * What a shell command can do, and why something about it stays unknown: the closed vocabularies that rules are written
 * against, each member with one line of meaning. Rules, the console and the reference read these tables.
 */

export const shellEffects = {
  read: 'Files or the state of the system are read.',
  write: 'Files are created or changed.',
  delete: 'Files are removed or emptied.',
  destructive: 'What is lost reaches far and does not come back: `rm -r` on a system path, `dd of=/dev/…`, `mkfs`.',
  permission: 'Modes, owners, attributes or access lists change.',
  execute: 'Another program is started by this one.',
  privilege: 'It runs, or may run, as another user or with other capabilities.',
  network: 'Other machines are reached, or a port is opened.',
  'process-control': 'Processes get signals, priorities or limits, or are traced.',
  'service-control': 'Services start, stop, or change how they start.',
  'system-control': 'The machine stops, restarts or sleeps, or its clock, name or kernel settings change.',
  kernel: 'Kernel modules or kernel parameters change.',
  firewall: 'Packet filters, routes or interfaces change.',
  package: 'Software is installed, changed or removed.',
  'user-admin': 'Accounts, groups, passwords or rights to become another user change.',
  disk: 'File systems, partitions, volumes or raw devices are changed.',
  mount: 'File systems are mounted or unmounted.',
  schedule: 'Something is set to run later.',
  container: 'Containers, images or objects of a cluster are used or changed.',
  database: 'A database is asked or changed.',
  'shell-config': 'The shell itself changes: aliases, traps, options, functions, variables that steer programs.',
  remote: 'It runs on another machine or in another container.',
  interpreter: 'Code in a language other than the shell’s runs.',
  interactive: 'A program is started from which a person can run anything.',
  dynamic: 'What runs depends on values that are not in the text.',
  unknown: 'Anything: nobody has described the program, or what it runs was not read.',
} as const;

export type ShellEffect = keyof typeof shellEffects;

/**
 * Why something stays unknown, or deserves attention.
 * - `text`: the text itself runs something that is not in the list of commands, or may. The analysis is not complete.
 * - `beyond`: everything that the text runs is in the list, but one of these programs runs what is not in the text (a
 *   script, what a person types). The analysis is not bounded.
 * - `notice`: neither; a rule may want to know.
 */
export const shellFlags = {
  'parse-error': { hides: 'text', meaning: 'The text is not what the parser understands.' },
  incomplete: {
    hides: 'text',
    meaning: 'The text ends in the middle: an open quote, bracket, block or here-document.',
  },
  'invalid-text': { hides: 'text', meaning: 'The text has a zero byte, or characters that cannot be encoded.' },
  dialect: { hides: 'text', meaning: 'The text may mean something else in the shell that reads it.' },
  'too-large': { hides: 'text', meaning: 'The text is longer than is judged.' },
  depth: { hides: 'text', meaning: 'Commands within commands nest too deeply.' },
  'too-complex': { hides: 'text', meaning: 'The text expands to too much.' },
  'dynamic-name': { hides: 'text', meaning: 'Which program runs depends on a value that is not in the text.' },
  'dynamic-argument': { hides: 'text', meaning: 'What a program runs depends on a value that is not in the text.' },
  'opaque:stdin-shell': { hides: 'text', meaning: 'A shell reads commands from input that is not in the text.' },
  'opaque:eval': { hides: 'text', meaning: 'A value that is not in the text is run as commands.' },
  'opaque:source': { hides: 'text', meaning: 'A file is run within the shell, and may change what later names mean.' },
  'opaque:xargs': { hides: 'text', meaning: 'Input that is not in the text becomes part of a command.' },
  'opaque:sed-e': { hides: 'text', meaning: 'sed runs what it reads as commands.' },
  'opaque:arithmetic': {
    hides: 'text',
    meaning: 'A value is evaluated as arithmetic, whose subscripts can run commands.',
  },
  'opaque:expansion': { hides: 'text', meaning: 'A value is expanded once more as shell text.' },
  'opaque:code': { hides: 'text', meaning: 'Code of an interpreter in the text runs programs that it does not name.' },
  'opaque:option': { hides: 'text', meaning: 'An option names a program to run in a way that was not followed.' },
  'opaque:alias': { hides: 'text', meaning: 'A name may stand for something else by now.' },
  'opaque:written-file': { hides: 'text', meaning: 'A file is run that the text itself writes.' },
  'opaque:script-file': { hides: 'beyond', meaning: 'A shell runs a file that was not read.' },
  'path-exec': { hides: 'beyond', meaning: 'A program outside the directories of the system runs.' },
  unlisted: { hides: 'beyond', meaning: 'A program runs that nobody has described.' },
  interpreter: { hides: 'beyond', meaning: 'An interpreter runs code; what it does was not read.' },
  'escape-capable': { hides: 'beyond', meaning: 'A program runs from which others can be started by whoever uses it.' },
  'runs-files': { hides: 'beyond', meaning: 'A program runs what its own files say: make, ansible, cron, a service.' },
  'nested-shell': { hides: 'beyond', meaning: 'An interactive shell starts.' },
  'nested-remote': { hides: 'notice', meaning: 'Something runs on another machine or in another container.' },
  'nested-remote-shell': {
    hides: 'beyond',
    meaning: 'An interactive shell starts on another machine or in a container.',
  },
  multiplexer: { hides: 'beyond', meaning: 'A terminal multiplexer or recorder runs, with shells of its own.' },
  'env:PATH': { hides: 'text', meaning: 'PATH changes, so names may mean other programs.' },
  'env:IFS': { hides: 'notice', meaning: 'IFS changes, so words split elsewhere.' },
  'env:loader': { hides: 'text', meaning: 'The dynamic loader is told to load code: LD_PRELOAD and its like.' },
  'env:startup': {
    hides: 'text',
    meaning: 'A shell or interpreter is told to run something as it starts: BASH_ENV, ENV, …',
  },
  'env:interpreter': { hides: 'beyond', meaning: 'An interpreter is told to load or run something as it starts.' },
  'env:shell': {
    hides: 'text',
    meaning: 'The shell itself is told to run something: PROMPT_COMMAND, PS4, SHELLOPTS, …',
  },
  'env:helper': {
    hides: 'notice',
    meaning: 'A program is told which other program to run: PAGER, EDITOR, GIT_SSH_COMMAND, …',
  },
  'deferred:trap': { hides: 'notice', meaning: 'Something runs when a signal or the end comes.' },
  'deferred:alias': { hides: 'notice', meaning: 'A name gets another meaning.' },
  'deferred:function': { hides: 'notice', meaning: 'A function is defined, perhaps under the name of a program.' },
  'deferred:schedule': { hides: 'notice', meaning: 'Something is set to run later.' },
  'deferred:completion': { hides: 'notice', meaning: 'Something runs on completion, on a key, or before a prompt.' },
  'shell-state': { hides: 'notice', meaning: 'Options of the shell change.' },
} as const satisfies Readonly<Record<string, { hides: 'text' | 'beyond' | 'notice'; meaning: string }>>;

export type ShellFlag = keyof typeof shellFlags;
