/** git: its aliases, and the settings and options that name a program. */
import { walkAside } from './environment.ts';
import { literal, mayBeOption, textsOf } from './field.ts';
import type { Call } from './launch.ts';
import { parseOptions } from './options.ts';
import { flag, type Scope } from './scope.ts';
import { runShellText } from './shells.ts';

const globalSpec = {
  flags: 'pPvh',
  values: 'cC',
  long: 'exec-path? html-path man-path info-path paginate no-pager no-replace-objects bare git-dir= work-tree= namespace= super-prefix= config-env= literal-pathspecs glob-pathspecs noglob-pathspecs icase-pathspecs no-optional-locks list-cmds= attr-source= help version no-advice no-lazy-fetch',
};

/** Settings whose value is run. */
const programSettings =
  /^(?:alias\..*|core\.(?:pager|editor|sshcommand|askpass|fsmonitor|gitproxy|hookspath|alternaterefscommand)|credential\.(?:.*\.)?helper|diff\.(?:.*\.)?(?:external|textconv|command)|difftool\..*|merge(?:tool)?\..*|filter\..*|gpg\..*program|pager\..*|sequence\.editor|interactive\.difffilter|uploadpack\.packobjectshook|receive\..*|remote\..*\.(?:uploadpack|receivepack|vcs)|browser\..*|man\..*|web\.browser|sendemail\..*|include\.path|includeif\..*|init\.templatedir|protocol\..*|submodule\..*\.update|trailer\..*|url\..*)$/i;

/** Subcommands that open an editor or a pager a person can start programs from, or run hooks of the repository. */
const running =
  /^(?:commit|rebase|am|merge|bisect|submodule|clone|checkout|pull|gc|difftool|mergetool|filter-branch|send-email|instaweb|gui|citool|hook|maintenance|svn|p4|switch|cherry-pick|revert|worktree|push|stash)$/;

export function git(call: Call): void {
  const { at, args } = call;
  const parsed = parseOptions(globalSpec, args);
  if (!parsed.isCertain) flag(at, 'dynamic-argument', `git: ${parsed.doubt}`);
  for (const { name, value } of parsed.options) {
    if (name === 'c') setting(at, value?.text ?? null);
    if (name === 'config-env' || (name === 'exec-path' && value !== null)) flag(at, 'opaque:option', `git --${name}`);
  }
  const [verb, ...rest] = parsed.operands;
  if (verb === undefined) return;
  if (verb.text === null) {
    flag(at, 'dynamic-argument', 'git');
    return;
  }
  const texts = textsOf(rest);
  if (running.test(verb.text)) flag(at, 'runs-files', `git ${verb.text}`);
  if (verb.text === 'config') configure(at, texts);
  for (const [index, text] of texts.entries()) {
    if (text === null) {
      if (
        mayBeOption(rest[index]!) &&
        !texts.slice(0, index).includes('--') &&
        !/^(?:-m|-C|-F|--message|--author|--date)$/.test(texts[index - 1] ?? '') &&
        !/^(?:status|log|diff|show|add|branch|tag|commit|checkout|rm|mv|reset)$/.test(verb.text)
      )
        flag(at, 'dynamic-argument', `git ${verb.text}`);
      continue;
    }
    if (text.startsWith('ext::')) walkAside(at, text.slice(5).replace(/%[sSG]/g, 'x'), 'git ext::');
    const option =
      /^--(?:upload-pack|receive-pack|exec|extcmd|tree-filter|index-filter|msg-filter|env-filter|commit-filter|tag-name-filter|parent-filter|command|open-files-in-pager|smtp-server|to-cmd|cc-cmd)(?:=(.*))?$/s.exec(
        text,
      );
    const short =
      /^(?:-x|-u|-O)$/.test(text) &&
      /^(?:difftool|rebase|clone|fetch|pull|fetch-pack|grep|ls-remote|archive)$/.test(verb.text);
    const isRun = verb.text === 'bisect' && text === 'run';
    if (option !== null)
      runShellText(at, option[1] === undefined ? (rest[index + 1] ?? null) : literal(option[1]), `git ${verb.text}`);
    else if (short) runShellText(at, rest[index + 1] ?? null, `git ${verb.text}`);
    if (isRun || (verb.text === 'submodule' && text === 'foreach')) {
      const words = texts.slice(index + 1).filter((word) => word !== '--recursive');
      runShellText(at, words.includes(null) ? null : literal(words.join(' ')), `git ${verb.text}`);
    }
  }
}

function setting(at: Scope, text: string | null): void {
  if (text === null) {
    flag(at, 'dynamic-argument', 'git -c');
    return;
  }
  const equals = text.indexOf('=');
  const [name, value] = equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
  if (!programSettings.test(name)) return;
  flag(at, 'env:helper', name);
  if (/^alias\./i.test(name) && !value.startsWith('!')) walkAside(at, `git ${value}`, 'git alias');
  else if (/hookspath|include|templatedir|^url|^protocol/i.test(name)) flag(at, 'opaque:option', name);
  else if (value !== '') walkAside(at, value.replace(/^!/, ''), 'git -c');
}

/** `git config alias.x '!cmd'`: for later. */
function configure(at: Scope, texts: readonly (string | null)[]): void {
  const index = texts.findIndex((text) => text !== null && programSettings.test(text));
  if (texts.includes(null)) flag(at, 'dynamic-argument', 'git config');
  const value = index < 0 ? undefined : texts[index + 1];
  if (value == null) return;
  flag(at, 'deferred:alias', texts[index]!);
  at.gather.renamed.add(`git ${texts[index]!}`);
  walkAside(at, value.replace(/^!/, ''), 'git config');
}
