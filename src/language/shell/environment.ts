/**
 * Variables that steer programs: what an assignment to one of them means, whichever way it is made.
 *
 * Invariant: a value that names a command is walked as one; a value that is not known, and could, is flagged.
 */
import type { Field } from './field.ts';
import { flag, type Scope, within } from './scope.ts';
import { walkText } from './walk.ts';

const systemDirectory = /^(?:\/usr(?:\/local)?)?\/s?bin\/?$/;

const helpers =
  /^(?:\w*PAGER|\w*EDITOR|VISUAL|BROWSER|\w*ASKPASS|GIT_SSH(?:_COMMAND)?|GIT_PROXY_COMMAND|GIT_EXTERNAL_DIFF|GIT_SEQUENCE_EDITOR|RSYNC_RSH|RSYNC_CONNECT_PROG|CVS_RSH|SVN_SSH|LESSOPEN|LESSCLOSE|FCEDIT|SHELL|KUBECTL_EXTERNAL_DIFF|FZF_DEFAULT_COMMAND|CC|CXX|MAILER|SUDO_EDITOR|TERMINAL|COMSPEC|PSQL_\w*|EXINIT_CMD|(?:READ)?NULLCMD)$/;

/** Options that a program takes from the environment, in a language of its own. */
const options =
  /^(?:TAR_OPTIONS|MAKEFLAGS|GNUMAKEFLAGS|LESS|LESSKEY\w*|VIMINIT|EXINIT|GVIMINIT|MYVIMRC|SCREENRC|ANSIBLE_\w+|SYSTEMD_LESS|MANOPT|PARALLEL|GIT_CONFIG\w*|GIT_TEMPLATE_DIR|INPUTRC|MAILPATH|SSH_ORIGINAL_COMMAND|PGSERVICEFILE|OPENSSL_CONF|XAUTHORITY_CMD)$/;

const loaders =
  /^(?:LD_\w+|DYLD_\w+|GCONV_PATH|BASH_LOADABLES_PATH|MODULE_PATH|module_path|OPENSSL_MODULES|OPENSSL_ENGINES)$/;
const interpreters =
  /^(?:PYTHON\w+|PERL5?\w+|RUBY\w+|NODE_\w+|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|LUA_\w+|PHP\w*|R_PROFILE\w*|AWKPATH|AWKLIBPATH|TCLLIBPATH|GOFLAGS|RUSTC_\w+|npm_config_\w+)$/;
const prompts = /^(?:PS[0-4]|PROMPT[234]?|RPROMPT|RPS1|PROMPT_COMMAND)$/;

/** `raw` is the right-hand side as written, where there is one. */
export function assigned(at: Scope, name: string, value: Field | null, raw: string): void {
  const text = value?.text ?? null;
  if (/^(?:PATH|path|FPATH|fpath|GIT_EXEC_PATH|EXECIGNORE)$/.test(name)) {
    if (!isOrdinaryPath(raw === '' ? (text ?? '?') : raw)) flag(at, 'env:PATH', raw);
  } else if (name === 'IFS') flag(at, 'env:IFS', raw);
  else if (name === 'CDPATH' || name === 'HOME') at.state.cwd = null;
  else if (loaders.test(name)) flag(at, 'env:loader', name);
  else if (/^(?:BASH_ENV|ENV|ZDOTDIR|BASH_FUNC_.*)$/.test(name)) startup(at, name, text);
  else if (/^(?:SHELLOPTS|BASHOPTS|BASH_COMPAT|POSIXLY_CORRECT|BASH_XTRACEFD|\w+_functions)$/.test(name))
    flag(at, 'env:shell', name);
  else if (prompts.test(name)) prompt(at, name, text);
  else if (helpers.test(name)) helper(at, name, text);
  else if (options.test(name)) {
    if (text === null || /[!|`$;+-]/.test(text)) flag(at, 'opaque:option', name);
  } else if (interpreters.test(name)) flag(at, 'env:interpreter', name);
}

/** Only what the system's own directories and the PATH so far hold. */
function isOrdinaryPath(raw: string): boolean {
  return raw
    .replace(/^(["'])(.*)\1$/, '$2')
    .split(':')
    .every((part) => /^\$(?:PATH|\{PATH\})$/.test(part) || systemDirectory.test(part));
}

function startup(at: Scope, name: string, text: string | null): void {
  if (text === '') return;
  flag(at, 'env:startup', name);
  // `BASH_FUNC_ls%%=() { rm; }` gives a function to each bash that starts.
  if (name.startsWith('BASH_FUNC_') && text !== null) walkAside(at, text.replace(/^\(\)\s*/, ''), name);
}

function prompt(at: Scope, name: string, text: string | null): void {
  if (text !== null && name !== 'PROMPT_COMMAND' && !/[$`]/.test(text)) return;
  if (text === '') return;
  flag(at, 'env:shell', name);
  if (text !== null) walkAside(at, name === 'PROMPT_COMMAND' ? text : `: "${text.replace(/"/g, '')}"`, name);
}

function helper(at: Scope, name: string, text: string | null): void {
  if (text === null) flag(at, 'opaque:option', name);
  if (text === null || text.trim() === '') return;
  flag(at, 'env:helper', name);
  walkAside(at, text.replace(/^\|/, ''), name);
}

/** Something that runs at another time, of which only the text is known. */
export function walkAside(at: Scope, text: string, how: string): void {
  const inner = within(at, null, { state: at.state.fork(), stdin: { kind: 'unknown' } });
  if (inner === null) return;
  inner.state.forgetAll();
  inner.state.doubtFunctions();
  inner.state.positional = null;
  walkText(inner, text, how);
}
